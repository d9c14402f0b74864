/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Standard input for a daemon's task: one piece is written before the next is read, so that a task
 * that does not read makes our own input wait.
 *
 * Runs in: cli, on the loop.
 * Owns: its input and the piece under way; not the connection, which must outlive it.
 */
#ifndef CLI_FEED_H
#define CLI_FEED_H

#include "cli/input.h"
#include "client/rpc.h"

/* Typed one after the other they leave the task alone: ctrl-p ctrl-q. */
#define FEED_LEAVE_FIRST  0x10
#define FEED_LEAVE_SECOND 0x11

struct feed {
    struct rpc *rpc;
    uint64_t task;
    uint64_t written; /* bytes that the task's stdin has taken, from the first */
    bool endless;     /* the end of ours is not the end of the task's */
    bool keys;        /* typed on a terminal: the two keys above are ours */
    /* The two keys were typed; from the loop. */
    void (*left)(struct feed *feed);
    void *data;

    struct input input;
    bool held;   /* the first of the two keys */
    char *piece; /* being written; NULL */
    size_t len;  /* of which so many bytes are left */
};

/* @feed: zeroed but for rpc to data. Return: 0; negative errno of standard input. */
int feed_open(struct feed *feed, uv_loop_t *loop);

/* Needs a further turn of the loop. Accepts one that is not open. */
void feed_close(struct feed *feed);

/* Return: how many of @len bytes are the task's, in @to, which has room for one more; *ret_leave
 * when the two keys were there: what is behind them is dropped. */
size_t feed_keys(bool *held, const char *data, size_t len, char *to, bool *ret_leave);

#endif
