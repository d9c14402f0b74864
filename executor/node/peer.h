/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The other end of a Node process's channel: bytes and fds in, messages out, and back. No loop, no
 * waiting.
 *
 * Theory of operation
 *
 * A message is a line of JSON. Most are the program's; they are checked and handed on as they are,
 * with the type `json`. Those whose `cmd` begins with NODE_ are Node's own:
 *
 *   NODE_HANDLE       wraps a message that has an fd, attached to its first byte. It is answered at
 *                     once, since until then the sender sends nothing else; what is wrapped is
 *                     delivered with the fd. Without an fd the answer is NODE_HANDLE_NACK, and the
 *                     sender tries again.
 *   NODE_HANDLE_ACK   answers ours. We send a copy of the fd and keep nothing: no need to wait.
 *   NODE_CLUSTER      a worker's; delivered with the type `node`, also from within a NODE_HANDLE.
 *   others            are for another Node process, and mean nothing here.
 *
 * With the serialization `advanced` a message is what V8 has made of it, with its length in front
 * (v8.h); it is handed on as it is, with the type `v8`. Fds do not go with it: one that is sent is
 * closed, and answered with NODE_HANDLE_NACK. Nor does a cluster speak so.
 *
 * There is no message that says goodbye: the end of the stream is all.
 *
 * Hostile input: a message over the cap, what is no JSON, an fd that no NODE_HANDLE came with, and
 * a peer that has fds answered but reads no answers. Each ends the peer, as in wire/frame.h.
 *
 * Runs in: library.
 * Source: Node's documentation of child_process; what it leaves open was found by asking Node 20.
 */
#ifndef NODE_PEER_H
#define NODE_PEER_H

#include "wire/frame.h"

struct node_peer;

#define NODE_TYPE_JSON "json"
#define NODE_TYPE_OWN  "node"
#define NODE_TYPE_V8   "v8"

/* @max: cap on a message in bytes; 0: FRAME_MAX_PAYLOAD. @advanced: its serialization. Return: NULL
 * when out of memory. */
struct node_peer *node_peer_new(size_t max, bool advanced);

/* Closes what was not delivered, drops what is queued. Accepts NULL. */
void node_peer_free(struct node_peer *peer);

/* As frame_reader_fill() and frame_reader_next(). An answer may be queued afterwards. */
long node_peer_fill(struct node_peer *peer, int sock, struct crib_error *err);
int node_peer_next(struct node_peer *peer, struct frame **ret, struct crib_error *err);

/* As frame_reader_feed(). */
int node_peer_feed(struct node_peer *peer, const void *data, size_t len, const int *fds,
                   size_t nfds, struct crib_error *err);

/* As frame_reader_look(). */
void node_peer_look(struct node_peer *peer,
                    int (*look)(void *owner, size_t held, int *fds, size_t nfds), void *owner);

/**
 * node_peer_add() - Queue a message
 * @type:    NODE_TYPE_JSON or NODE_TYPE_OWN; of an advanced one NODE_TYPE_V8
 * @payload: borrows; JSON; or what V8 has made
 * @nfds:    0 or 1; of an advanced one 0
 *
 * Return: as frame_writer_add(); -EINVAL also for what is no JSON, and an fd that Node cannot take;
 *         -EOPNOTSUPP an fd of an advanced one
 */
int node_peer_add(struct node_peer *peer, const char *type, const void *payload, size_t len,
                  const int *fds, size_t nfds);

/* Nothing more can be added. Return: 0; -EPIPE. */
int node_peer_add_disconnect(struct node_peer *peer);

/* As frame_writer_flush() and frame_writer_pending(). */
int node_peer_flush(struct node_peer *peer, int sock);
size_t node_peer_pending(const struct node_peer *peer);

#endif
