/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A task's result as a message of task.proto.
 *
 * Runs in: library, daemon.
 */
#ifndef API_RESULT_H
#define API_RESULT_H

#include "supervise/task.h"

/* @ret: in @arena, good without the task. Return: 0; -EBUSY before the end; -ENOMEM. */
int result_message(const crib_task *task, struct arena *arena, Crib__Result **ret);

/* What the executor's last start that came to nothing took, where timing was asked; into @to, which
 * has no timing yet. @ex: NULL: there is none. Return: 0; -ENOMEM. */
int result_refused(const crib *ex, struct arena *arena, Crib__Result *to);

#endif
