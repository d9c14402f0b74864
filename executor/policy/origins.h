/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the entries of an effective policy's lists of system calls were written.
 *
 * Runs in: library.
 * Owns: nothing; all lives in the arena of the policy.
 */
#ifndef POLICY_ORIGINS_H
#define POLICY_ORIGINS_H

#include <stddef.h>

#include "base/arena.h"
#include "policy.pb-c.h"

/* By strength, as in a filter. */
enum syscalls_list { LIST_DENY, LIST_KILL, LIST_LOG, LIST_ALLOW, LISTS_OF_CALLS };

struct origin {
    const char *place;   /* `work.yaml:7:5`; of a message without marks, its name */
    const char *through; /* `mine.yaml:2:11, work.yaml:3:11`: the `extends` on the way, the first of
                          * them outermost; "" */
};

struct origins {
    struct origin *list[LISTS_OF_CALLS]; /* as the entries of the policy's list */
    size_t count[LISTS_OF_CALLS];
};

/* Return: the entries of a list; @syscalls may be NULL. */
char *const *syscalls_entries(const Crib__Syscalls *syscalls, enum syscalls_list list,
                              size_t *ret_count);

/* Return: `syscalls.deny`; static. */
const char *syscalls_path(enum syscalls_list list);

#endif
