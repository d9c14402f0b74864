/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which entry of a policy decides about a call.
 *
 * Theory of operation: the entries are gone through as a filter would, strongest list first, and in
 * `deny` from the last to the first, since the last that fits names the errno. Groups are entered.
 * An entry that fits whatever is not known of the arguments ends the search; one that may fit is
 * kept.
 *
 * Runs in: library.
 * Owns: nothing.
 */
#ifndef POLICY_EXPLAIN_H
#define POLICY_EXPLAIN_H

#include "policy/origins.h"
#include "policy/rule.h"

/* A call of which some bits of the arguments are known. */
struct asked_call {
    const struct call *call;
    uint64_t known[CALLS_ARGS];
    uint64_t bits[CALLS_ARGS];
};

struct reason {
    enum syscalls_list list;
    size_t index;      /* of the entry in its list */
    struct rule rule;  /* of the call; its errno is the one that counts */
    const char *group; /* `@file-system, @file-read (groups/file-read.yaml:12)`; "" */
    bool certain;      /* it fits; otherwise it may */
};

struct reasons {
    struct reason *list; /* strongest first; only the last may be certain */
    size_t count;
};

/**
 * policy_explain() - Find the entries that decide about a call
 * @policy: borrows; effective
 * @ret:    in @arena; empty: no list names such a call
 *
 * Return: 0; -EINVAL, -E2BIG the policy is not one that was checked; -ENOMEM
 */
int policy_explain(const Crib__Policy *policy, const struct asked_call *call, struct arena *arena,
                   struct reasons *ret, struct crib_error *err);

#endif
