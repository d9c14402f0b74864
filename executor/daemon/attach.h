/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attach: all of a task's streams in one, pushed as they come; at most ATTACH_CREDIT messages ahead
 * of what the client has acknowledged.
 *
 * A client that has all so far and can take more gets what comes without it being kept: it is read
 * straight into the frame (attach_place()), whose other fields stand before it, their numbers
 * padded to a fixed length, which protobuf allows.
 *
 * Runs in: daemon.
 * Owns: one struct attach of each such call.
 */
#ifndef DAEMON_ATTACH_H
#define DAEMON_ATTACH_H

#include "daemon/call.h"
#include "executor.pb-c.h"
#include "wire/ttrpc.h"

#define ATTACH_CREDIT 32
#define ATTACH_DATA   (64 * 1024) /* bytes of a message */

struct attach;

/* The call becomes a stream; @input is what came with the request, mostly nothing. */
void attach_begin(struct call *call, const Crib__AttachInput *input);

/* A data frame of the client. The call may be over when it returns. */
void attach_data(struct call *call, const struct ttrpc_frame *frame);

/* Sends what there is to send. The call may be over when it returns. */
void attach_push(struct call *call);

struct outlet;

/* Return: where the next bytes of a stream are to be read, *room of them; NULL: nobody can take
 * them. */
char *attach_place(struct outlet *outlet, size_t *room);

/* Bytes have come. Return: whether they were read into attach_place(), and are on their way. */
bool attach_placed(struct outlet *outlet, const char *data, size_t len);

/* Accepts NULL. */
void attach_free(struct attach *attach);

#endif
