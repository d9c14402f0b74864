/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the end of a task to crib's own exit status.
 *
 * Runs in: cli.
 */
#ifndef CLI_OUTCOME_H
#define CLI_OUTCOME_H

#include "crib/crib.h"

/* Return: the exit status for a task that has ended. */
int outcome_of_result(const struct crib_result *result);

/* Return: the exit status for one that never ran. */
int outcome_of_error(const struct crib_error *err);

#endif
