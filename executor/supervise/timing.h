/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a task's time went: our laps, init's, and what a daemon says, as spans of the result.
 *
 * Runs in: library, daemon.
 */
#ifndef SUPERVISE_TIMING_H
#define SUPERVISE_TIMING_H

#include "base/laps.h"
#include "supervise/task.h"

/* @from: borrows; the task's laps so far. Return: 0; -ENOMEM, and there is no timing. */
int timing_begin(crib_task *task, const struct laps *from);

/* Init has told its laps. */
void timing_take(crib_task *task, const Crib__Report *report);

/* What a daemon says of its part, which began @later nanoseconds behind our request. @spans: live
 * as long as the task, and are changed. */
void timing_there(crib_task *task, Crib__Span **spans, size_t count, uint64_t later);

/* The laps as spans, each in its room; what was done before they began does not count.
 * Return: 0; -ENOMEM. */
int timing_spans(const struct laps *laps, struct arena *arena, Crib__Result *to);

/* All that is known. Return: 0; -ENOMEM. */
int timing_fill(const crib_task *task, struct arena *arena, Crib__Result *to);

#endif
