/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of processors, as the kernel writes them: `0-3,6`.
 *
 * Runs in: library.
 * Owns: nothing.
 * Source: cpuset(7), List format
 */
#ifndef POLICY_CPUSET_H
#define POLICY_CPUSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

#define CPUSET_MOST 8192 /* processors, the most that a kernel is built for */
#define CPUSET_WHY  256  /* bytes for the reason of a refusal */

struct cpuset {
    uint64_t bits[CPUSET_MOST / 64];
};

/**
 * cpuset_read() - Read a list: numbers and ranges, each greater than what is before it
 * @text: borrows; hostile
 * @why:  filled when refused: "'3,1' is not in order: write 1,3"
 *
 * Return: 0; -EINVAL
 */
int cpuset_read(const char *text, struct cpuset *ret, char why[CPUSET_WHY]);

/* Return: the shortest list, in @arena; "" for no processor; NULL: out of memory. */
const char *cpuset_text(const struct cpuset *set, struct arena *arena);

/* Return: the lowest processor of @set that @of has not; -1: it has all. */
int cpuset_beyond(const struct cpuset *set, const struct cpuset *of);

/* Takes from @set what @of has not. Return: whether any is left. */
bool cpuset_cut(struct cpuset *set, const struct cpuset *of);

#endif
