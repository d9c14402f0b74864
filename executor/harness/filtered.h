/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the filter of a policy says of a call, found by running the compiled program in our own
 * evaluator. It is the program that answers by itself, without init: the same rules, and nobody
 * else's word in it.
 *
 * Runs in: crib.
 * Owns: nothing; programs live in the caller's arena.
 */
#ifndef HARNESS_FILTERED_H
#define HARNESS_FILTERED_H

#include "base/arena.h"
#include "harness/call.h"
#include "plan/filter.h"
#include "policy.pb-c.h"

struct filtered {
    bool on; /* false: the policy has no filter, and every call reaches the kernel */
    struct filter_code program;
};

/**
 * filtered_open() - Compile and prove the filter of an effective policy
 *
 * Return: 0; as plan_syscalls() and plan_compile()
 */
int filtered_open(struct filtered *filtered, const Crib__Policy *policy, struct arena *arena,
                  struct crib_error *err);

/**
 * filtered_ask() - Does the call reach the kernel, as wanted?
 * @wanted: whether it should
 * @ret:    set to the arguments for which it is otherwise
 *
 * A call without arguments is asked about with zeros, with ones, and with every value, and its two
 * neighbours, that the program compares one of its arguments with.
 *
 * Return: 0 as wanted; 1 not so; -ENOMEM, -EPROTO
 */
int filtered_ask(const struct filtered *filtered, const struct concrete_call *call, bool wanted,
                 uint64_t ret[CALLS_ARGS]);

/* Return: `socket(domain=AF_INET, type=1)` in @arena; NULL when out of memory. */
const char *filtered_text(const struct concrete_call *call, const uint64_t args[CALLS_ARGS],
                          struct arena *arena);

#endif
