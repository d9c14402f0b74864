/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading the words of an entry of `syscalls`, from left to right.
 *
 * Runs in: library.
 * Owns: nothing.
 */
#ifndef POLICY_READER_H
#define POLICY_READER_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "policy/calls.h"
#include "policy/condition.h"

struct reader {
    const char *at; /* the next byte */
    const struct call *call;
    struct arena *arena;
    struct crib_error *err;
};

/* Every refusal of an entry: a sentence, no place. */
#define REFUSE(r, ...)      fail_text((r)->err, -EINVAL, NULL, -1, NULL, __VA_ARGS__)
#define REFUSE_SIZE(r, ...) fail_text((r)->err, -E2BIG, NULL, -1, NULL, __VA_ARGS__)

void reader_skip_spaces(struct reader *r);

/* Takes @token when it comes next, behind spaces. Return: whether it did. */
bool reader_take(struct reader *r, const char *token);

/* As reader_take(), for a token that is a word of letters. */
bool reader_take_word(struct reader *r, const char *word);

/* Refuses the next byte: `')' where a number should come`. Return: -EINVAL. */
int reader_refuse(struct reader *r, const char *wanted);

/* Takes a word of letters, digits and _. Return: 0; -EINVAL. */
int reader_word(struct reader *r, const char *wanted, char word[CALLS_LONGEST]);

/* Reads all of @word: decimal, 0x hexadecimal or 0 octal. Return: 0; -EINVAL. */
int reader_number(struct reader *r, const char *word, uint64_t *ret);

/* Reads one condition; @r->call is set. Return: 0; -EINVAL; -E2BIG; -ENOMEM. */
int reader_condition(struct reader *r, struct condition *ret);

#endif
