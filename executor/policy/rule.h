/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One entry of `syscalls.allow`, `deny`, `kill` or `log`, read into what a filter can hold.
 *
 *     read            @basic-io            socket(domain == AF_UNIX)
 *     ioctl(cmd & 0xff00 == 0x5400)        clone(flags & CLONE_NEWUSER|CLONE_NEWNS == 0)
 *     fcntl(arg1/32 == F_GETFL)
 *
 * An entry is a group, a call, or a call with one condition: an argument, perhaps under a mask, is
 * equal to a value. Arguments are named as in calls.def, or by index from 0 with the width that the
 * kernel looks at, which is a must where the call's arguments are not described. Masks and values
 * are decimal, 0x hexadecimal, 0 octal, or names of symbols.def, joined by |.
 *
 * Runs in: library.
 * Owns: nothing.
 */
#ifndef POLICY_RULE_H
#define POLICY_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "policy/calls.h"

#define RULE_LONGEST 512  /* bytes of one entry */
#define RULES_MAX    4096 /* entries of one list, and rules it may come to */

struct rule {
    const struct call *call;
    bool conditional;
    unsigned arg;   /* 0 to 5; the rest is 0 too where there is no condition */
    uint64_t mask;  /* the argument is compared under it; within the kernel's width, never 0 */
    uint64_t value; /* value & ~mask is 0, or the entry is refused */
};

/**
 * rule_parse() - Read one entry that names a call
 * @entry: borrows
 * @err:   detail filled (no place): `unknown system call 'raed', did you mean 'read'?`, a condition
 *         on a pointer, a value wider than the argument, a missing width for `argN`
 *
 * Return: 0; -EINVAL
 */
int rule_parse(const char *entry, struct rule *ret_rule, struct crib_error *err);

/**
 * rules_expand() - Replace the groups of a list by their calls, at any depth
 * @entries: borrows
 * @ret:     rules in @arena, in order, repeats left out
 * @err:     as rule_parse(); index is the position of the refused entry, step is not set
 *
 * A single `@group` or call is checked the same way: a list of one.
 *
 * Return: 0; -EINVAL unknown group (with a suggestion) or entry; -E2BIG over RULES_MAX; -ENOMEM
 */
int rules_expand(char *const *entries, size_t count, struct arena *arena, struct rule **ret,
                 size_t *ret_count, struct crib_error *err);

/**
 * rule_text() - The canonical text of a rule, `socket(domain == AF_UNIX)`
 *
 * Two rules that mean the same have the same text, and rule_parse() of it gives the rule again.
 *
 * Return: text in @arena; NULL when out of memory
 */
const char *rule_text(const struct rule *rule, struct arena *arena);

#endif
