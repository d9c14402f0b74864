/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One client: frames in, calls, frames out.
 *
 * Theory of operation: the first byte decides. 0xFD makes it a connection of the fd side, and it
 * goes there. Otherwise it speaks ttrpc. A frame that breaks the protocol ends the connection; a
 * bad request only is answered. A client that does not read its answers is not read from either,
 * and no data is put behind CONNECTION_FULL bytes. Where the peer's quota of queued bytes is used
 * up, data goes in small pieces, and what is longer is refused; what exceeds even CONNECTION_SPARE
 * then ends the connection. With it end its calls, and its tasks but the detached ones.
 *
 * Runs in: daemon.
 * Owns: its socket, calls, and what is queued both ways.
 */
#ifndef DAEMON_CONNECTION_H
#define DAEMON_CONNECTION_H

#include <stdbool.h>
#include <uv.h>

#include "daemon/peer.h"
#include "daemon/status.h"
#include "wire/ttrpc.h"

#define CONNECTION_FULL  (1024 * 1024) /* bytes queued to a client, above which no data is added */
#define CONNECTION_SPARE (512 * 1024)  /* that one may hold even if the quota is used up */

struct connection {
    struct daemon *daemon;
    struct connection *next, **link; /* of the daemon's */
    struct peer peer;
    int sock; /* -1 once closed */
    uv_poll_t poll;
    struct ttrpc_reader *reader;
    struct ttrpc_writer *writer;
    uint32_t last_stream;
    struct call *calls;
    struct entry *entries; /* those that end with it; entry::next_of */
    size_t charged;        /* bytes of its quota */
    bool known;            /* the first byte was seen */
    int watching;          /* events asked of the loop */
    bool full;             /* data waits for the client to read */
};

/* Takes the socket, also on an error. Return: 0; negative errno. */
int connection_new(struct daemon *daemon, int sock);

/* Ends it, and all that ends with it. It is freed by the loop. */
void connection_close(struct connection *connection);

/* Queues an answer: one of @status and @response, the other NULL. */
void connection_respond(struct connection *connection, uint32_t stream,
                        const Crib__Ttrpc__Status *status, const ProtobufCMessage *response);

/* Answers what has not become a call. */
void connection_refuse(struct connection *connection, uint32_t stream, enum status_code code,
                       const char *why);

/* Queues a frame that was made in place; @piece: takes. */
void connection_put(struct connection *connection, struct ttrpc_piece *piece, uint32_t stream,
                    enum ttrpc_type type, uint8_t flags, size_t len);

/* Queues the end of a stream. */
void connection_data_end(struct connection *connection, uint32_t stream);

/* Queues a message of a stream. */
void connection_data(struct connection *connection, uint32_t stream,
                     const ProtobufCMessage *message);

/* Return: how many bytes of data may be added in one answer. 0: none; waiting calls are tried again
 * when there is room. */
size_t connection_room(struct connection *connection);

#endif
