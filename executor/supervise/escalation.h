/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clocks of a task, and how it is ended before its time.
 *
 * One timer serves three clocks, since no two run at once: the set-up's deadline, then the wall
 * time, and from the first cause on the grace between kill_signal and SIGKILL. What a limit on
 * memory, pids, processor time or output ends has no grace: it would go on taking what it may not
 * have.
 *
 * Runs in: library, on the loop's thread.
 */
#ifndef SUPERVISE_ESCALATION_H
#define SUPERVISE_ESCALATION_H

#include "supervise/task.h"

/* Starts the clock of a STARTING task. */
void escalation_set_up(crib_task *task);

/* Starts the clock of a task that has just begun to run, unless it is being ended already. */
void escalation_run(crib_task *task);

/**
 * task_end() - Begin to end a task: kill_signal now, SIGKILL after TASK_GRACE_MS
 * @cause: becomes the verdict, unless another one was first; CRIB_WALL_TIMEOUT, CRIB_KILLED, or
 *         CRIB_OUTPUT for the caller's max_buffer
 */
void task_end(crib_task *task, enum crib_verdict cause);

/**
 * task_end_at_once() - End a task that has reached a limit of its policy
 * @cause: becomes the verdict, unless another one was first
 * @limit: static; its name
 */
void task_end_at_once(crib_task *task, enum crib_verdict cause, const char *limit);

/* Ends it at once: SIGKILL to init. The verdict is CRIB_KILLED, unless another cause or its
 * end was first. */
void task_kill(crib_task *task);

/* Return: 0; -ESRCH it has ended; -EINVAL. Signal 0 only asks. */
int task_signal(crib_task *task, int signo);

/* Return: as task_signal(). Emits `error` with -ECANCELED first. */
int task_abort(crib_task *task);

#endif
