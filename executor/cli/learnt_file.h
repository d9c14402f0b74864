/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file that a learnt policy is written to: read first, replaced at the end in one step.
 *
 * Runs in: cli.
 * Owns: struct learnt_file: a new file beside the old one, until it takes its place.
 */
#ifndef CLI_LEARNT_FILE_H
#define CLI_LEARNT_FILE_H

#include <stdbool.h>

#include "learn/needs.h"

struct learnt_file {
    const char *path; /* NULL: standard output */
    char *new_path;   /* "" there is none (any more) */
    int fd;           /* of the new one; -1 */
};

/**
 * learnt_file_open() - Make sure that it can be written, and read what was learnt before
 * @path:  borrows; NULL: standard output
 * @force: a file that was not learnt is overwritten
 * @needs: filled from it, or empty; lives in @arena
 *
 * Return: 0; -EEXIST it was not learnt; -EINVAL no regular file; as book_read(); negative errno
 */
int learnt_file_open(struct learnt_file *file, const char *path, bool force, struct needs *needs,
                     struct arena *arena, struct crib_error *err);

/* Writes the policy; the new file takes the place of the old one. May be called once. Return: 0;
 * negative errno. */
int learnt_file_write(struct learnt_file *file, struct needs *needs, struct crib_error *err);

/* Removes a new file that was not written. */
void learnt_file_close(struct learnt_file *file);

#endif
