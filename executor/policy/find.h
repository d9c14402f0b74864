/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the name or path of a policy to its bytes.
 *
 * Runs in: library.
 * Owns: nothing; what is found lives in the caller's arena.
 */
#ifndef POLICY_FIND_H
#define POLICY_FIND_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"

struct policy_text {
    const char *id;   /* the same for the same file, however named; NULL: none */
    const char *name; /* for errors; where relative paths start, unless shipped */
    const char *data;
    size_t len;
    bool shipped;
};

/* Return: whether it is a path, which has a slash or ends in .yaml, .yml or .json; not a name. */
bool policy_is_path(const char *name);

/* Return: 0; -EINVAL what is no path cannot be a name either. */
int policy_name_check(const char *name, struct crib_error *err);

/**
 * policy_find() - Find and read a policy
 * @name: borrows
 * @from: borrows; the policy whose `extends` says @name; NULL: relative paths start in the cwd
 * @dirs: borrows; searched for names before the shipped policies; may be NULL
 * @ret:  filled, in @arena
 * @err:  step `policy`
 *
 * A file that is there but cannot be read is an error, not a reason to look further.
 *
 * Return: 0; -ENOENT; -EISDIR; -EFBIG; -EINVAL no name, or no regular file; negative errno
 */
int policy_find(const char *name, const struct policy_text *from, const char *const *dirs,
                struct arena *arena, struct policy_text *ret, struct crib_error *err);

#endif
