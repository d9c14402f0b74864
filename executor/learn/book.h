/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A policy that is being learnt <-> its file.
 *
 *     # Learnt by `crib policy learn`: behind a line are the runs that need it.
 *     #
 *     # run 1: -C /srv/work -- git status
 *     about: learnt from git
 *     mounts:
 *       - {type: host, target: /usr} # run 1
 *
 * Theory of operation: the file is a policy like any other, read by the codec. What the codec
 * passes over, the comments, are read here line by line: runs and a person's own lines above the
 * first field, remarks behind an entry. A comment elsewhere would be lost when the file is written
 * again, so such a file is refused.
 *
 * Runs in: crib.
 * Owns: nothing.
 */
#ifndef LEARN_BOOK_H
#define LEARN_BOOK_H

#include "base/error.h"
#include "learn/needs.h"

/* Return: whether a text says that it was learnt: whether it names a run. */
bool book_is_ours(const char *data, size_t len);

/**
 * book_read() - Read what was learnt before
 * @needs: filled; lives in @arena
 * @name:  borrows; for errors, and where relative bases start
 *
 * Return: 0; -EINVAL not a policy, or with a comment that would be lost; as text_read()
 */
int book_read(struct needs *needs, const char *name, const char *data, size_t len,
              struct arena *arena, struct crib_error *err);

/* Appends the file. Return: 0; -E2BIG a run is too long; -ENOMEM. */
int book_write(struct needs *needs, struct buf *out);

#endif
