/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that runs beside the bench, on its loop, with what it writes.
 *
 * Runs in: bench programs; ends the program when memory is out.
 */
#ifndef BENCH_OUTSIDE_H
#define BENCH_OUTSIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

struct outside {
    uv_process_t process;
    uv_pipe_t in, out;
    char *text; /* what came on its stdout, ended by NUL */
    size_t len;
    int status; /* 0: it ended well */
    int open;   /* handles that are not closed */
    bool in_closed;
};

/* @args: ended by NULL; the first is searched in PATH. Return: 0; negative errno. */
int outside_start(struct outside *outside, uv_loop_t *loop, const char *const *args);

/* Runs the loop until it has written @lines lines. Return: false: it has ended before. */
bool outside_wrote(struct outside *outside, unsigned lines);

/* Ends its stdin. */
void outside_close_in(struct outside *outside);

/* Runs the loop until it has ended. */
void outside_wait(struct outside *outside);

/* Tells it to end, and waits for that. Accepts one that has not been started. */
void outside_stop(struct outside *outside);

#endif
