/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Grants that a policy should have a reason for.
 *
 * Runs in: library.
 * Owns: nothing.
 */
#ifndef POLICY_DANGERS_H
#define POLICY_DANGERS_H

#include "base/error.h"
#include "policy/origins.h"

struct danger {
    const char
        *grant; /* as `reason` names it: `ptrace`, `CAP_SYS_ADMIN`, `/etc`, `syscalls.filter` */
    const char *what;  /* what it is good for */
    const char *place; /* `work.yaml:7:5`; NULL: not known */
    const char *why;   /* the policy's reason; NULL: none is given */
};

struct dangers {
    struct danger *list;
    size_t count;
};

/**
 * policy_dangers() - Find them
 * @policy:  borrows; effective
 * @origins: borrows; of the policy; may be NULL
 * @ret:     in @arena, with those that have a reason
 *
 * Return: 0; -EINVAL, -E2BIG the policy is not one that was checked; -ENOMEM
 */
int policy_dangers(const Crib__Policy *policy, const Crib__Origins *origins, struct arena *arena,
                   struct dangers *ret, struct crib_error *err);

#endif
