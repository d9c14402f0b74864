/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A receipt as a table on stderr, for people: mechanism, asked, applied.
 *
 * Runs in: cli.
 */
#ifndef CLI_RECEIPT_H
#define CLI_RECEIPT_H

#include "task.pb-c.h"

/**
 * receipt_show() - Show what was asked of each mechanism, and what came of it
 * @result: borrows; NULL, or without a receipt: it is said that nothing was applied
 *
 * Lines of what is not as it was asked begin with `!`.
 *
 * Return: 0; -ENOMEM, and the person has been told
 */
int receipt_show(const Crib__Result *result);

/* The same for a task of this process, which has ended. */
struct crib_task;
int receipt_show_task(const struct crib_task *task);

#endif
