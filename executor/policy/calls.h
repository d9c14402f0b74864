/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of system calls on x86-64: numbers, names, arguments with their kernel width, and
 * the symbolic constants those take. A table of facts (policy/calls.def), not of judgements.
 *
 * Runs in: library.
 * Source: the kernel's syscall table up to 6.18, section 2 of the manual.
 */
#ifndef POLICY_CALLS_H
#define POLICY_CALLS_H

#include <stddef.h>
#include <stdint.h>

#define CALLS_LAST 470 /* numbers above are unknown to us: ENOSYS; see calls.def */

struct call_arg {
    const char *name;    /* `domain` */
    unsigned bits;       /* what the kernel looks at: 32 or 64 */
    unsigned pointer;    /* 1: an address; no condition may look at it */
    const char *symbols; /* family of constants (`AF`), NULL: numbers only */
};

struct call {
    int number;
    const char *name;
    unsigned count;           /* arguments known, 0 to 6; 0 may also mean: not described */
    struct call_arg args[6];
};

/* Return: the entry, static; NULL when unknown. */
const struct call *call_by_name(const char *name);
const struct call *call_by_number(int number);

/* Every entry in turn, by number: call_next(NULL) is the first, NULL ends it. */
const struct call *call_next(const struct call *call);

/* Return: 0 and the value of `AF_UNIX`; -ENOENT. @family may be NULL: any. */
int symbol_value(const char *family, const char *name, uint64_t *ret_value);

/* Return: the name of a value in a family that holds plain values (not flags), static; NULL. */
const char *symbol_name(const char *family, uint64_t value);

#endif
