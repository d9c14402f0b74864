/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An executor: its loop, its tasks, the policies it has read.
 *
 * Runs in: library, on the loop's thread.
 * Owns: its tasks, until each has told its `close`; the policies.
 */
#ifndef API_EXECUTOR_H
#define API_EXECUTOR_H

#include "api/policies.h"
#include "crib/crib.h"
#include "supervise/task.h"

struct crib {
    uv_loop_t *loop;
    uv_timer_t handle; /* never started: lets the loop call us when all is closed */
    crib_task *tasks;  /* crib_task::next; unordered */
    struct policies policies;
    bool closing;
    void (*closed)(void *data); /* may be NULL */
    void *data;
};

/* Puts a task into the executor's list; it leaves by itself when it is freed. */
void executor_add(crib *ex, crib_task *task);

#endif
