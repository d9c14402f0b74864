/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The caller's terminal joined to a task's own (`run -t`): what is typed goes to the task byte by
 * byte, what it shows goes to standard output. What is typed before the program runs waits for it.
 *
 * Runs in: cli.
 * Owns: its handles.
 */
#ifndef CLI_JOINED_H
#define CLI_JOINED_H

#include "cli/input.h"
#include "cli/terminal.h"
#include "crib/crib.h"

struct joined {
    struct terminal terminal;
    struct input input;
    crib_task *task;
};

/* The task's terminal is to have the size of this one. Return: 0; -ENOTTY standard input is none.
 */
int joined_ask(struct crib_options *options, struct crib_error *err);

/**
 * joined_show() - Show what the task writes
 * @joined: zeroed
 * @task:   keeps; just started
 *
 * Return: 0; negative errno
 */
int joined_show(struct joined *joined, crib_task *task, struct crib_error *err);

/* The program runs: keys go to it. Says why where they cannot; then its terminal hangs up. */
void joined_run(struct joined *joined, uv_loop_t *loop);

/* As it was before. Needs a further turn of the loop. Accepts a zeroed one. */
void joined_close(struct joined *joined);

#endif
