/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The collected output of a task: what exec and the blocking forms have in common.
 *
 * Runs in: library, on the loop's thread.
 * Owns: what was collected.
 */
#ifndef API_OUTPUT_H
#define API_OUTPUT_H

#include "supervise/collect.h"
#include "supervise/task.h"

struct output {
    crib_task *task;
    struct collect out, err;
};

/**
 * output_attach() - Collect fds 1 and 2 of a task, where they are pipes
 * @output: filled; must stay where it is until the task is closed
 *
 * Past the task's max_buffer on either, the rest is dropped and the task ended: CRIB_OUTPUT.
 *
 * Return: 0; negative errno of the loop
 */
int output_attach(struct output *output, crib_task *task);

/* Accepts a zeroed one. */
void output_done(struct output *output);

#endif
