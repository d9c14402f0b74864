/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a call wants of the file that it names.
 *
 * Runs in: library.
 * Owns: nothing; the table is static.
 * Source: the manual page of each call
 */
#ifndef PLAN_WANTS_H
#define PLAN_WANTS_H

#include <stdint.h>

/* The first three are permission bits; none at all: it only looks. */
#define WANT_EXEC   1u
#define WANT_WRITE  2u
#define WANT_READ   4u
#define WANT_MAKE   8u  /* the name, where it is missing */
#define WANT_REMOVE 16u /* the name */
#define WANT_CHANGE 32u /* what only an owner may: mode, owner */
#define WANT_NEW    64u /* the name must be missing */
#define WANT_OPEN   128u
#define WANT_ENTER  256u /* it is, or is to be, a directory */

/**
 * wants_of() - What a call wants
 * @arg: which argument names the file; -1: not known, or the only one
 *
 * What stands in memory (openat2) is not seen: then it reads.
 *
 * Return: bits of WANT_…; of a call that is in no table none
 */
uint32_t wants_of(int number, const uint64_t *args, int arg);

/* Return: ` to read`, ` to write`, …; static; "" only looks. */
const char *wants_text(uint32_t wants);

#endif
