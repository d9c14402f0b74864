/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The caller's terminal, which is standard input: raw while a task on a terminal of its own runs,
 * so that every key is the task's, those for signals too.
 *
 * Theory of operation: it is as before when terminal_close() was called, while we are stopped, and
 * when a signal ends us; but for SIGKILL, after which only stty helps. In the background we are
 * stopped by the first attempt to change it, as every program is, until we are in the foreground.
 *
 * Runs in: cli.
 * Owns: its signal handles. One at a time: a process has one standard input.
 */
#ifndef CLI_TERMINAL_H
#define CLI_TERMINAL_H

#include <stdbool.h>
#include <uv.h>

#include "crib/error.h"

struct terminal {
    bool open;
    uv_signal_t resized, stopped, continued;
    bool watched[3]; /* which of them */
    /* Its size, from within terminal_raw() and from the loop when it may have changed. */
    void (*size)(struct terminal *terminal, unsigned rows, unsigned columns);
    void *data;
};

/* Return: 0, with the size, 0 and 0 where it has none; -ENOTTY standard input is no terminal. */
int terminal_look(unsigned *ret_rows, unsigned *ret_columns, struct crib_error *err);

/**
 * terminal_raw() - Raw from now on
 * @terminal: zeroed but for size and data; terminal_look() has been called
 *
 * Return: 0; negative errno, and nothing is to be closed
 */
int terminal_raw(struct terminal *terminal, uv_loop_t *loop);

/* Around messages of our own: line ends start a new line. Accept one that is not raw. */
void terminal_pause(const struct terminal *terminal);
void terminal_resume(const struct terminal *terminal);

/* As it was before. Needs a further turn of the loop. Accepts one that is not raw. */
void terminal_close(struct terminal *terminal);

#endif
