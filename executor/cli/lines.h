/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines written to an fd that others may write to as well, and that may be read slowly or never:
 * what is told must not keep us from our work. Whole lines wait, up to a bound; those over it are
 * counted.
 *
 * Theory of operation: a pipe and a terminal are opened once more, so that not waiting is said of
 * our opening alone; a socket is told with each send. Where neither can be, an fd that is writable
 * takes PIPE_BUF bytes, unless somebody else is quicker. Files are written to at once.
 *
 * Runs in: cli.
 * Owns: its opening of the fd, and what waits.
 */
#ifndef CLI_LINES_H
#define CLI_LINES_H

#include <stdbool.h>
#include <uv.h>

#include "base/buf.h"

#define LINES_MAX (1 << 20) /* bytes that wait, after which lines are dropped */

struct lines {
    int fd;  /* the caller's */
    int own; /* ours; -1: none */
    bool is_socket;
    struct buf queue;
    uint64_t lost; /* lines dropped, of which `relieved` has not told yet */
    int code;      /* negative errno: nothing can be written any more */
    int epoll;     /* -1: it is no fd to wait for */
    uv_poll_t poll;
    bool open, waiting;
    /* Everything is written, and before that lines were dropped. May be NULL. */
    void (*relieved)(struct lines *lines, uint64_t lost);
    /* Called once when writing fails, from within lines_put() or from the loop. May be NULL. */
    void (*broken)(struct lines *lines, int code);
    void *data;
};

/* @lines: zeroed but for relieved, broken and data. @fd: borrows. Return: 0; negative errno. */
int lines_open(struct lines *lines, uv_loop_t *loop, int fd);

/* @text: of one or more whole lines. */
void lines_put(struct lines *lines, const char *text, size_t len);

/* Return: whether nothing waits. */
bool lines_idle(const struct lines *lines);

/* Writes what waits, for as long as a bit of it is taken every @patience_ms. */
void lines_finish(struct lines *lines, int patience_ms);

/* Drops what waits. Needs a further turn of the loop. Accepts one that is not open. */
void lines_close(struct lines *lines);

#endif
