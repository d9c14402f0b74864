/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of the changes in a task's overlays.
 *
 * Theory of operation: the sources are kept from the start, and init sends the upper directories
 * before the program runs. Once nothing of the sandbox is left, a thread of the loop's pool walks
 * them (changes.h) and, where that was asked for and the program has exited with 0, makes the
 * changes in the sources (commit.h), with the task's rights (rights.h). `close` waits for it; the
 * list is in the result from then on, and the receipt says what was done.
 *
 * Runs in: library, on the loop's thread but for the walk.
 * Owns: the directories, and what was found in them.
 */
#ifndef SUPERVISE_OVERLAYS_H
#define SUPERVISE_OVERLAYS_H

#include <stdbool.h>

#include "base/error.h"
#include "crib/crib.h"
#include "host/host.h"
#include "plan.pb-c.h"

#define OVERLAYS_LISTED 4096       /* changes in a result; more are counted */
#define OVERLAYS_BYTES  (1u << 20) /* and of all of them, or no frame of a daemon's would hold it  \
                                    */

/* task->plan is set; borrows @paths. Return: 0; -ENOMEM, -EMFILE. */
int overlays_open(crib_task *task, const struct host_fds *paths, struct crib_error *err);

/* Init has sent a directory: taken. Return: 0; -EPROTO it is of no such overlay. */
int overlays_take(crib_task *task, const Crib__Report__Upper *upper, int fd);

/* Nothing of the sandbox is left. */
void overlays_gone(crib_task *task);

/* Return: whether the thread is at work. */
bool overlays_busy(const crib_task *task);

void overlays_free(crib_task *task);

#endif
