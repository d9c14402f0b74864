/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of cutting a policy down.
 *
 * Runs in: library.
 */
#ifndef POLICY_INTERSECT_PARTS_H
#define POLICY_INTERSECT_PARTS_H

#include "policy/intersect.h"
#include "policy/within_parts.h"

/* A policy while it is cut down. */
struct intersecting {
    struct within w;      /* the policy, and the ceiling as its widest; its arena is scratch */
    struct arena *arena;  /* of the result */
    Crib__Policy *result; /* a copy of the policy at first */
};

/* Each changes the result. Return: 0; negative errno. */
int intersect_syscalls(struct intersecting *x);
int intersect_mounts(struct intersecting *x);
int intersect_limits(struct intersecting *x);
int intersect_listen(struct intersecting *x);

/* Return: -ENOMEM, told. */
int intersect_no_memory(struct intersecting *x);

#endif
