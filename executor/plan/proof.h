/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of a policy's filter once it is proven, for a person to read: `crib policy prove`.
 *
 * Runs in: library, cli.
 * Owns: nothing.
 */
#ifndef PLAN_PROOF_H
#define PLAN_PROOF_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"
#include "plan/filter.h"
#include "policy.pb-c.h"

/* Of one program. */
struct proof_program {
    size_t instructions, sections;
    struct filter_checked checked;
    uint64_t time_us; /* of the check */
};

struct proof_told {
    bool filtered;              /* false: `filter: off`, and nothing else is set */
    size_t rules[FILTER_LISTS]; /* of each list, as far as they decide anything */
    size_t conditional;         /* of them */
    uint64_t digest;            /* of the texts of all rules */
    struct proof_program listening, fallback;
    uint64_t compile_us; /* both programs, in crib-compiler, and a first check */
};

/**
 * plan_prove() - Compile a policy's filter anew, and hold it against the rules
 * @policy: borrows; effective and checked
 * @arena:  for what is made on the way
 *
 * Return: 0; as plan_syscalls() and filter_make()
 */
int plan_prove(const Crib__Policy *policy, struct arena *arena, struct proof_told *ret,
               struct crib_error *err);

#endif
