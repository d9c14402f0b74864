/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One entry of `syscalls.allow`, `deny`, `kill` or `log`, read into what a filter can hold.
 *
 *     read            @basic-io            socket(domain == AF_UNIX)
 *     ioctl(cmd & 0xff00 == 0x5400)        clone(arg0/64 & 0x7e020000 == 0)
 *
 * Runs in: library.
 * Owns: nothing.
 */
#ifndef POLICY_RULE_H
#define POLICY_RULE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "policy/calls.h"

struct rule {
    const struct call *call;
    bool conditional;
    unsigned arg;    /* 0 to 5 */
    uint64_t mask;   /* the argument is compared under it; within the kernel's width */
    uint64_t value;  /* value & ~mask is 0, or the entry is refused */
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
 *
 * Return: 0; -EINVAL unknown group (with a suggestion) or entry; -ENOMEM
 */
int rules_expand(char *const *entries, size_t count, struct arena *arena, struct rule **ret,
                 size_t *ret_count, struct crib_error *err);

/* Appends the canonical text of a rule, `socket(domain == AF_UNIX)`. Return: text in @arena. */
const char *rule_text(const struct rule *rule, struct arena *arena);

#endif
