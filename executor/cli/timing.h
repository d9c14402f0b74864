/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a task's time went: a table on stderr for people (--timing), a file for trace viewers
 * (--trace).
 *
 * Runs in: cli.
 */
#ifndef CLI_TIMING_H
#define CLI_TIMING_H

#include "base/buf.h"
#include "cli/request.h"
#include "task.pb-c.h"

/**
 * timing_show() - Show it, in each of the forms that are asked for; none: nothing is done
 * @result: borrows; NULL: nothing is known
 *
 * Return: 0; negative errno, and the person has been told
 */
int timing_show(const struct request *request, const Crib__Result *result);

/* The same for a task of this process, which has ended. */
int timing_show_task(const struct request *request, const crib_task *task);

/**
 * timing_write() - The spans as trace events
 *
 * Each room is a thread of its own, so that what went on at the same time stands below each other.
 * Source: "Trace Event Format" of chrome://tracing; Perfetto reads it too
 *
 * Return: 0; -ENOMEM
 */
int timing_write(const Crib__Result *result, struct buf *out);

#endif
