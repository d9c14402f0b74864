/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The runs that a policy was learnt from, as the comments of its file have them.
 *
 *     # run 1: -C /srv/work -- git status
 *     - fork # runs 1, 3-5
 *
 * Theory of operation: a run is the words that were given to `crib policy learn`, so that it can be
 * done again. A word is written plainly when it has nothing but letters, digits and _./:=@%+,-;
 * otherwise between double quotes, where \" \\ \n \t and \xNN are escapes.
 *
 * Runs in: crib.
 * Owns: nothing; all lives in the caller's arena.
 */
#ifndef LEARN_RUNS_H
#define LEARN_RUNS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"

#define RUNS_MAX   64          /* of one policy */
#define RUNS_WORDS 4096        /* of one run */
#define RUNS_BYTES (32 * 1024) /* the text of one */

struct run_words {
    char **words; /* ended by NULL; NULL: the number is free */
    size_t count;
};

struct run_list {
    struct run_words run[RUNS_MAX]; /* number n is at n - 1 */
    size_t count;                   /* the highest number */
};

/* Appends the words, quoted, between blanks. Return: 0; -E2BIG over RUNS_WORDS or RUNS_BYTES;
 * -ENOMEM. */
int run_words_write(struct buf *out, char *const *words);

/* Return: 0 and the words in @arena; -EINVAL it was not written by run_words_write(); -E2BIG;
 * -ENOMEM. */
int run_words_read(const char *text, size_t len, struct arena *arena, struct run_words *ret);

/* Appends `run 1` or `runs 1, 3-5`; nothing for none. @set: bit n - 1 is run n. Return: 0; -ENOMEM.
 */
int run_set_write(struct buf *out, uint64_t set);

/* Return: whether the text is one, whole. */
bool run_set_read(const char *text, size_t len, uint64_t *ret_set);

/**
 * run_list_number() - The number of a run that has these words, or of a new one
 *
 * Return: from 1; -E2BIG over RUNS_MAX; -ENOMEM
 */
int run_list_number(struct run_list *list, char *const *words, struct arena *arena);

#endif
