/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What limits.c tells other words.
 *
 * Runs in: library.
 * Owns: nothing.
 */
#ifndef PLAN_LIMITS_H
#define PLAN_LIMITS_H

#include <stdbool.h>

#include "plan/plan.h"

/* Return: whether a limit is wanted, but not so much that the task is refused without it. */
bool limit_preferred(const Crib__Limits *limits, const char *name);

/* A limit that setrlimit(2) sets. Return: 0; -ENOMEM. */
int limit_add(struct planning *p, const char *name, uint32_t resource, uint64_t soft,
              uint64_t hard);

/* Sets @ret to where a limit was written, where that is known. Return: 0; -ENOMEM. */
int limit_rule(struct planning *p, const char *name, char **ret);

#endif
