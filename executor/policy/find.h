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
#include <sys/stat.h>

#include "base/arena.h"
#include "base/error.h"

struct policy_text {
    const char *id;   /* the same for the same file, however named; NULL: none */
    const char *name; /* for errors; where relative paths start, unless shipped */
    const char *data;
    size_t len;
    bool shipped;
    struct stat st; /* of a file */
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

/* Something that was found: a policy's name or path, and the file behind it. */
struct policy_seen {
    const char *name; /* as it was asked for; NULL: by @path alone */
    const char *path; /* NULL: a shipped one */
    struct stat st;
};

/* Notes what policy_find() gave for @name. Return: 0; -ENOMEM. */
int policy_see(const char *name, const struct policy_text *text, struct arena *arena,
               struct policy_seen **list, size_t *count);

/**
 * policy_seen_again() - Whether policy_find() would give the same again
 *
 * By the file's times, so a file that was written less than two seconds before it was read, as
 * its times have it, never is the same. Files are opened, so that what comes over a network is
 * asked for.
 */
bool policy_seen_again(const struct policy_seen *list, size_t count, const char *const *dirs);

#endif
