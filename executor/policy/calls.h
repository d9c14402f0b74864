/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of system calls on x86-64: numbers, names, arguments with their kernel width, and
 * the symbolic constants those take. Tables of facts (calls.def, symbols.def), not of judgements.
 *
 * Runs in: library.
 * Owns: nothing; all tables are static.
 * Source: the kernel's syscall table up to 6.19 and its own description of the arguments.
 */
#ifndef POLICY_CALLS_H
#define POLICY_CALLS_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

#define CALLS_LAST    470 /* numbers above are unknown to us: ENOSYS; see calls.def */
#define CALLS_ARGS    6
#define CALLS_LONGEST 64  /* bytes that hold any name of a call, argument or symbol */
#define CALLS_DID_YOU 128 /* bytes that hold any suggestion */

struct call_arg {
    const char *name;    /* `domain` */
    unsigned bits;       /* what the kernel looks at: 16 (file modes), 32 or 64 */
    unsigned pointer;    /* 1: an address; no condition may look at it */
    const char *symbols; /* family of constants (`AF`), NULL: numbers only */
};

struct call {
    int number;
    const char *name;
    unsigned count; /* arguments known, 0 to 6; 0 may also mean: not described */
    struct call_arg args[CALLS_ARGS];
};

/* Return: the entry, static; NULL when unknown. */
const struct call *call_by_name(const char *name);
const struct call *call_by_number(int number);

/* Every entry in turn, by number: call_next(NULL) is the first, NULL ends it. */
const struct call *call_next(const struct call *call);

/* Fills @text with ", did you mean 'read'?", or with nothing. Return: @text. */
const char *call_did_you_mean(const char *name, char text[CALLS_DID_YOU]);

/* Return: 0 and the value of `AF_UNIX`; -ENOENT. @family may be NULL: any. */
int symbol_value(const char *family, const char *name, uint64_t *ret_value);

/**
 * symbol_text() - Say a value in words
 * @family: NULL: a number
 * @mask:   the bits of @value that are meant; all of an argument's, or those a condition looks at
 *
 * `SOCK_STREAM|SOCK_CLOEXEC`; bits without a name follow as a number: `PROT_READ|0x40`.
 * symbol_value() of each part, or'ed, gives @value again.
 *
 * Return: text in @arena; NULL when out of memory
 */
const char *symbol_text(const char *family, uint64_t mask, uint64_t value, struct arena *arena);

/* As call_did_you_mean(), among the symbols of @family; NULL: all. */
const char *symbol_did_you_mean(const char *family, const char *name, char text[CALLS_DID_YOU]);

/* Every symbol in turn: symbol_next(NULL) is the first, NULL ends it. */
struct symbol {
    const char *family;
    const char *name;
    uint64_t value; /* of negative ints the low 32 bits */
};
const struct symbol *symbol_next(const struct symbol *symbol);

#endif
