/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the paths of a command line to the files to be read: a directory stands for what is in it
 * and below, as far as its names end in .yaml, .yml or .json and do not begin with a dot.
 *
 * Runs in: crib.
 * Owns: nothing; names live in the caller's arena.
 */
#ifndef HARNESS_FIND_H
#define HARNESS_FIND_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/error.h"

#define FIND_DEPTH 16   /* directories below each other */
#define FIND_FILES 4096 /* in all */

struct found_file {
    const char *path;
    bool named; /* by the person, not by a directory */
};

struct found {
    struct found_file *list;
    size_t count;
};

/**
 * find_files() - Append the files that a path stands for, sorted by name
 * @path: borrows
 *
 * Directories are not entered through a symlink, but for @path itself.
 *
 * Return: 0; -E2BIG over a cap; -ENOMEM; what opening the path says
 */
int find_files(const char *path, struct arena *arena, struct found *found, struct crib_error *err);

#endif
