/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a daemon answered: the bytes of a ttrpc Response as a method's message, or as the error that
 * it says.
 *
 * Runs in: library, cli.
 * Owns: nothing; what is read lives in the caller's arena.
 */
#ifndef CLIENT_ANSWER_H
#define CLIENT_ANSWER_H

#include "base/arena.h"
#include "base/error.h"
#include "client/rpc.h"
#include "crib/crib.h"

#define ANSWER_MOST (64u << 20) /* bytes that an unpacked answer may take; a frame has 4 MiB */

/**
 * answer_read() - Decode
 * @payload: borrows
 * @ret:     the method's response, in @arena
 *
 * Return: 0; the error that was answered; -EPROTO no Response, or none of this method
 */
int answer_read(enum rpc_method method, const void *payload, size_t len, struct arena *arena,
                ProtobufCMessage **ret, struct crib_error *err);

/* Return: the negative errno nearest to a gRPC code; 0 for 0. */
int answer_code(int code);

/* What a crib.Error says, as it was where it happened. Its code is negative in any case. */
void answer_error(const Crib__Error *message, struct crib_error *ret);

/* Return: whether a denial is to be told; of a missing file only where it is hidden, which a daemon
 * leaves to its client (supervise/hidden.h). */
bool answer_stands(const Crib__Denial *denial);

/* What a crib.Denial says; its texts are @message's or in @arena. */
void answer_denial(const Crib__Denial *message, struct arena *arena, struct crib_denial *ret);

#endif
