/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filters of the shipped policies, compiled and proven when the library was built (ready/), and
 * what a plan says of their calls besides.
 *
 * Runs in: library.
 * Owns: nothing; static.
 */
#ifndef PLAN_READY_H
#define PLAN_READY_H

#include <linux/filter.h>

#include "policy/ready.h"

/* Both programs of some rules. */
struct ready_filter {
    const char *key; /* as compile_key() */
    const struct sock_filter *listening, *fallback;
    size_t listening_len, fallback_len; /* instructions */
};

extern const struct ready_filter ready_filters[];
extern const size_t ready_filters_count;

/* What plan_syscalls() makes of a shipped policy, on a host that has a listener. */
struct ready_section {
    struct ready_bytes key;  /* as recall_key() */
    struct ready_bytes plan; /* a Plan with `syscalls`, without programs, and `receipt` */
    const struct ready_filter *filter;
};

extern const struct ready_section ready_sections[];
extern const size_t ready_sections_count;

#endif
