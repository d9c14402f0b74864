/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a crib_policy holds.
 *
 * Runs in: library.
 * Owns: a crib_policy owns its arena, and all of the policy in it.
 */
#ifndef API_POLICY_H
#define API_POLICY_H

#include "base/arena.h"
#include "crib/policy.h"
#include "policy.pb-c.h"
#include "task.pb-c.h"

struct crib_policy {
    struct arena arena;
    Crib__Policy *policy; /* effective and checked */
    Crib__Origins *origins;
};

#endif
