/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an entry of `syscalls` asks of one argument: `flags & CLONE_NEWUSER == 0`.
 *
 * All comparisons are unsigned, on the bits of the mask alone. The mask is never wider than what
 * the kernel looks at, so that bits above it change nothing.
 *
 * Runs in: library.
 * Owns: nothing.
 */
#ifndef POLICY_CONDITION_H
#define POLICY_CONDITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum condition_op {
    CONDITION_EQ,
    CONDITION_NE,
    CONDITION_LT,
    CONDITION_LE,
    CONDITION_GT,
    CONDITION_GE,
    CONDITION_WITHIN, /* no bit is set but those of the value */
    CONDITION_IN,     /* equal to one of several values */
};

struct condition {
    enum condition_op op;
    unsigned arg;           /* 0 to 5 */
    uint64_t mask;          /* never 0 */
    uint64_t value;         /* value & ~mask is 0; of IN the least */
    const uint64_t *values; /* of IN, at least two, ascending; NULL */
    size_t count;           /* of them */
};

enum outcome { NEVER, SOMETIMES, ALWAYS };

/* Return: whether an argument is as the condition wants it. */
bool condition_holds(const struct condition *condition, uint64_t argument);

/**
 * condition_outcome() - Does the condition hold for all arguments of which certain bits are known?
 * @known: the bits that are known
 * @bits:  what they are; bits & ~known is 0
 *
 * NEVER and ALWAYS are certain. SOMETIMES may also be said where it is not clear: of IN, whose
 * values could only together be all that there is.
 */
enum outcome condition_outcome(const struct condition *condition, uint64_t known, uint64_t bits);

/* Return: below, 0, above: a total order, in which equal conditions are next to each other. */
int condition_compare(const struct condition *a, const struct condition *b);

#endif
