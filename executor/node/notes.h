/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a worker of Node's cluster and its primary say to each other: notes of type `node`
 * (node/peer.h). Every one has a number, `seq`; what answers it has that as `ack`.
 *
 * Runs in: library.
 * Source: Node's documentation of cluster; what it leaves open was found by asking Node 20.
 */
#ifndef NODE_NOTES_H
#define NODE_NOTES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "node/json.h"

#define NODE_ADDRESS 128 /* with its NUL: longer than a path of a Unix socket can be */
#define NODE_KEY     256

enum node_act {
    NODE_ACT_OTHER,  /* means nothing to a primary */
    NODE_ACT_ONLINE, /* it runs */
    NODE_ACT_QUERY,  /* it wants a socket: address, port, kind, fd, flags, backlog, index, data */
    NODE_ACT_LISTENING, /* it listens: address, port, kind, fd */
    NODE_ACT_CLOSE,     /* it does not any more: key */
    NODE_ACT_LEAVING,   /* it disconnects of its own will, and waits for an answer */
    NODE_ACT_TAKEN,     /* whether it took the connection of note `ack`: accepted */
};

enum node_kind { NODE_TCP4, NODE_TCP6, NODE_UNIX, NODE_UDP4, NODE_UDP6 };

struct node_note {
    enum node_act act;
    int64_t seq;                /* -1: it has none */
    int64_t ack;                /* -1: it answers none */
    char address[NODE_ADDRESS]; /* of an IP or a path; empty: any */
    int64_t port;
    enum node_kind kind;
    int64_t fd; /* of the primary's; -1: none */
    int64_t flags, backlog, index;
    char key[NODE_KEY];
    bool accepted;
    struct node_json data; /* borrowed; len 0: none */
};

/**
 * node_note_read() - What a worker says
 * @json: a message of type `node`; borrows, as long as @ret lives
 *
 * Return: 0; -EINVAL a field that counts is missing, or is none of its kind
 */
int node_note_read(struct node_json json, struct node_note *ret);

/* What a primary says, appended. Return: 0; -ENOMEM. */

/**
 * node_say_key() - Answer to a QUERY: connections will come, by node_say_connection()
 * @key:  that names the socket from here on; in this worker no other has it
 * @name: JSON, an object as socket.address() gives it; NULL: left out
 * @data: JSON; len 0: left out
 */
int node_say_key(struct buf *out, int64_t ack, const char *key, const char *name,
                 struct node_json data);

/* Answer to a QUERY: the fd that goes with it is the socket, bound; the worker listens. */
int node_say_socket(struct buf *out, int64_t ack, const char *key, struct node_json data);

/* Answer to a QUERY: there is none. @code: negative errno. */
int node_say_error(struct buf *out, int64_t ack, int code);

/* The fd that goes with it is a connection of that socket; TAKEN will answer it. */
int node_say_connection(struct buf *out, int64_t seq, const char *key);

/* Answer to LEAVING. */
int node_say_ack(struct buf *out, int64_t ack);

/* The worker shall close what it has, and leave when it is done. */
int node_say_disconnect(struct buf *out, int64_t seq);

#endif
