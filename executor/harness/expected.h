/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Holds a policy to the `expect` of its own file, by the compiled filter alone; nothing is run.
 *
 * Runs in: crib.
 * Owns: nothing.
 */
#ifndef HARNESS_EXPECTED_H
#define HARNESS_EXPECTED_H

#include "base/buf.h"
#include "base/error.h"

/**
 * expected_check() - Ask the filter of a policy about each line of its `expect`
 * @name: borrows; a name or a path
 * @dirs: borrows; as of policy_find()
 * @why:  appended to, a line for each that is not met:
 *        "file:line:column: expect.allow[2]: socket(AF_INET) is denied: no entry names it"
 *
 * A policy without `expect` meets it.
 *
 * Return: 0 all are met; 1 not so; negative errno: the policy or a line is wrong, see @err
 */
int expected_check(const char *name, const char *const *dirs, struct buf *why,
                   struct crib_error *err);

#endif
