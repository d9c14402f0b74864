/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Standard input as lines, on the loop, whatever it is: a pipe, a terminal or a file. Its flags are
 * left alone (others share them), so no read is made before there is something to read.
 *
 * Runs in: cli.
 * Owns: its handle, its epoll fd and what was read ahead; not the fd it reads.
 */
#ifndef CLI_INPUT_H
#define CLI_INPUT_H

#include <stdbool.h>
#include <uv.h>

#include "base/buf.h"

struct input {
    int fd;
    int epoll;      /* -1: a file, always readable */
    uv_poll_t poll; /* on epoll */
    uv_idle_t idle; /* for a file */
    bool open, paused, at_end;
    bool raw;        /* pieces as they come, instead of lines */
    size_t searched; /* bytes of buf that hold no newline */
    struct buf buf;
    /* A line without its newline; good for the call. It may call input_pause(), input_close(). */
    void (*line)(struct input *input, const char *line, size_t len);
    /* The end: status 0, or negative errno; -E2BIG is a line over the cap. */
    void (*end)(struct input *input, int status);
    void *data;
};

/**
 * input_open() - Start reading lines
 * @input: zeroed but for line, end, data and raw
 * @fd:    borrows until input_close()
 * @max:   bytes of the longest line; not for raw input, whose pieces have at most 64 KiB
 *
 * Return: 0; negative errno
 */
int input_open(struct input *input, uv_loop_t *loop, int fd, size_t max);

/* No lines until input_resume(). */
void input_pause(struct input *input);
void input_resume(struct input *input);

/* Stops for good; needs a further turn of the loop. Accepts one that is not open. */
void input_close(struct input *input);

#endif
