/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One entry of `syscalls.allow`, `deny`, `kill` or `log`, read into what a filter can hold.
 *
 *     read            @basic-io            socket(domain == AF_UNIX)
 *     ioctl(cmd & 0xff00 == 0x5400)        clone(flags & CLONE_NEWUSER|CLONE_NEWNS == 0)
 *     fcntl(arg1/32 == F_GETFL)            mmap(prot within PROT_READ|PROT_WRITE, fd == 0xffffffff)
 *     kill(pid > 1 && sig in {SIGTERM, SIGKILL})             mount -> ENOSYS
 *
 * An entry is a group, a call, or a call with conditions that must all hold (`,` or `&&` between
 * them). Arguments are named as in calls.def, or by index from 0 with the width that the kernel
 * looks at, which is a must where the call's arguments are not described. Masks and values are
 * decimal, 0x hexadecimal, 0 octal, or names of symbols.def, joined by |. An errno behind `->` is
 * for `deny` alone.
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
#include "policy/pieces.h"

#define RULE_LONGEST                                                                               \
    8192                 /* bytes of one entry; as large as any that has been read can be written */
#define RULE_VALUES 32   /* of one `in` */
#define RULES_MAX   4096 /* entries of one list, and rules it may come to */

struct group;

struct rule {
    const struct call *call;
    const struct condition *conditions; /* in the order of condition_compare(), no repeats */
    size_t count;                       /* 0: whatever the arguments are */
    int code;                           /* errno to answer with; 0: none is named */
    size_t entry;                       /* of a list that was expanded: the position it came from */
    const struct group *group;          /* and the innermost group there; NULL: none */
    unsigned line;                      /* in the group's file */
    bool traced;                        /* let through, and told as Task.trace asks */
};

/**
 * rule_parse() - Read one entry that names a call
 * @entry: borrows
 * @arena: holds the conditions
 * @err:   detail filled (no place): `unknown system call 'raed', did you mean 'read'?`, a condition
 *         on a pointer, a value wider than the argument, a missing width for `argN`, conditions
 *         that always or never hold
 *
 * Return: 0; -EINVAL; -E2BIG over PIECES_MAX, CONDITIONS_MAX or RULE_VALUES; -ENOMEM
 */
int rule_parse(const char *entry, struct arena *arena, struct rule *ret_rule,
               struct crib_error *err);

/* Return: whether the rule is about a call with these arguments, if it is about its number. */
bool rule_fits(const struct rule *rule, const uint64_t args[6]);

/* Return: below, 0, above: by call, then what has no condition first, then by conditions. The
 * errno is not looked at. */
int rule_compare(const struct rule *a, const struct rule *b);

/**
 * rules_expand() - Replace the groups of a list by their calls, at any depth
 * @entries: borrows
 * @ret:     rules in @arena, in order, repeats left out. Of two that differ in the errno alone, the
 *           later counts, at its place
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
 * Two rules of the same conditions have the same text, and rule_parse() of it gives the rule again.
 *
 * Return: text in @arena; NULL when out of memory
 */
const char *rule_text(const struct rule *rule, struct arena *arena);

/**
 * rule_errno() - Take the errno from an entry, `@mount -> ENOSYS`
 * @entry:    borrows
 * @ret_len:  set to the bytes of the entry before the arrow and the spaces there
 * @ret_code: set to the errno; 0 when none is named
 *
 * Return: 0; -EINVAL unknown errno
 */
int rule_errno(const char *entry, size_t *ret_len, int *ret_code, struct crib_error *err);

#endif
