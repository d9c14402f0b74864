/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plan as init needs it, without what is there for people; and its two halves: what makes the
 * sandbox, and what belongs to the program.
 *
 * Runs in: library.
 * Owns: nothing; all points into the plan.
 */
#ifndef LAUNCH_HALVES_H
#define LAUNCH_HALVES_H

#include <stdbool.h>

#include "plan.pb-c.h"

struct halves {
    Crib__Plan first, rest;
    Crib__SyscallsPlan syscalls;
    size_t head; /* mounts in the first half */
};

/* The whole plan in the first half. */
void halves_whole(const Crib__Plan *plan, struct halves *ret);

/* In two. */
void halves_split(const Crib__Plan *plan, struct halves *ret);

/* Return: whether a sandbox for it can be made before its program is known: nothing of it is this
 * task's alone, or stands on the host. */
bool halves_apart(const Crib__Plan *plan);

#endif
