/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the two ends of a channel say what they say: frames of ours, or Node's lines. Behind this
 * line a message is a message.
 *
 * Runs in: library.
 * Owns: what has come and is not delivered, and what waits to be sent.
 */
#ifndef SUPERVISE_DIALECT_H
#define SUPERVISE_DIALECT_H

#include "task.pb-c.h"
#include "wire/frame.h"

enum dialect_kind { DIALECT_CRIB, DIALECT_NODE, DIALECT_NODE_ADVANCED };

/* Of a task that has a channel. */
enum dialect_kind dialect_of(Crib__Task__Channel channel);

/* What a channel is to be. */
struct dialect_want {
    enum dialect_kind kind;
    size_t max; /* cap on a message in bytes */
};

struct node_peer;

struct dialect {
    struct frame_reader *reader;
    struct frame_writer *writer;
    struct node_peer *peer; /* NULL: the two above speak */
};

/* Return: 0; -ENOMEM, and nothing is to be undone. */
int dialect_init(struct dialect *dialect, struct dialect_want want);

/* Accepts a zeroed one. */
void dialect_done(struct dialect *dialect);

/* As those of frame_reader and frame_writer; see also node/peer.h. */
long dialect_fill(struct dialect *dialect, int sock, struct crib_error *err);
int dialect_next(struct dialect *dialect, struct frame **ret, struct crib_error *err);
void dialect_look(struct dialect *dialect,
                  int (*look)(void *owner, size_t held, int *fds, size_t nfds), void *owner);
int dialect_add(struct dialect *dialect, const char *type, const void *payload, size_t len,
                const int *fds, size_t nfds);
int dialect_add_disconnect(struct dialect *dialect);
int dialect_flush(struct dialect *dialect, int sock);
size_t dialect_pending(const struct dialect *dialect);

#endif
