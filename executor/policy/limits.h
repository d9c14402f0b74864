/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The limits of a policy that are numbers, and what leaving one out means.
 *
 * Runs in: library.
 * Owns: nothing.
 */
#ifndef POLICY_LIMITS_H
#define POLICY_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy.pb-c.h"

/* One number of crib.Limits. */
struct limit_row {
    const char *name, *path; /* `memory`, `limits.memory` */
    size_t has, at;          /* in Crib__Limits */
    const char *zero;        /* why 0 is refused; NULL: it is a limit like others */
};

#define LIMIT_WEIGHT_UNSET 100   /* what the kernel gives a group that says nothing */
#define LIMIT_WEIGHT_MOST  10000 /* of io_weight */

/* Every row in turn: limit_next(NULL) is the first, NULL ends it. */
const struct limit_row *limit_next(const struct limit_row *row);

/* Return: whether the policy says it. */
bool limit_is_set(const Crib__Limits *limits, const struct limit_row *row);

/* Return: what holds, also where it is not set: UINT64_MAX is no limit; swap is 0 where memory is
 * limited; io_weight 100. */
uint64_t limit_value(const Crib__Limits *limits, const struct limit_row *row);

/* Return: whether there is something to hold. */
bool limit_asks(const Crib__Limits *limits, const struct limit_row *row);

void limit_set(Crib__Limits *limits, const struct limit_row *row, uint64_t value);

/* Return: whether @name is in `preferred`. */
bool limit_is_preferred(const Crib__Limits *limits, const char *name);

#endif
