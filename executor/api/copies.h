/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files that a request has copied in and out: checked, named in the Task, opened as the caller.
 *
 * Runs in: library, daemon.
 * Owns: struct copies owns what it has open, until it is taken.
 */
#ifndef API_COPIES_H
#define API_COPIES_H

#include "crib/crib.h"
#include "plan/files.h"
#include "supervise/left.h"

/* In the order of the plan. */
struct copies {
    int in[FILES_MAX]; /* regular files and memfds, for reading; above 2 */
    size_t n_in;
    struct left_want out[FILES_MAX];
    size_t n_out;
};

/* Return: 0; -E2BIG, -EINVAL; err->step `copy_in` or `copy_out`. */
int copies_check(const struct crib_options *options, struct crib_error *err);

/* Adds them to @task, which borrows contents. Return: 0; -ENOMEM. */
int copies_task(const struct crib_options *options, struct arena *arena, Crib__Task *task);

/**
 * copies_open() - Open what is copied in, make what is copied to
 * @options: borrows, and so does @ret; accepted by copies_check() and plan_files()
 *
 * Contents become sealed memfds.
 *
 * Return: 0; negative errno, nothing left open or made
 */
int copies_open(const struct crib_options *options, struct copies *ret, struct crib_error *err);

/* Return: a sealed memfd above 2 that holds @data; negative errno. */
int copies_memfd(const void *data, size_t len);

/* Closes what was not taken, and removes the targets. Accepts one that is all zero. */
void copies_done(struct copies *copies);

#endif
