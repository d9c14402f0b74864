/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the stub ends: as its task has.
 *
 * Runs in: crib-stub.
 */
#ifndef STUB_END_H
#define STUB_END_H

#include "crib/crib.h"

#define END_NEVER_RAN 127 /* the package tells the reason, from what it was told */

/* What waitpid() is to tell. */
struct end {
    int status;
    int signal; /* 0: none */
};

/* Return: the end of a task with such a result. */
struct end end_of(const struct crib_result *result);

/* Ends this process so. */
void end_as(struct end end) __attribute__((noreturn));

#endif
