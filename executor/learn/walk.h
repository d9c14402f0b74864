/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a path leads on the host, step by step: through which symlinks, to what.
 *
 * Runs in: crib. Looks at the host with the caller's rights, and no further than the task could
 * look.
 * Owns: nothing; texts live in the caller's arena.
 */
#ifndef LEARN_WALK_H
#define LEARN_WALK_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/arena.h"

#define WALK_LINKS 40 /* as the kernel follows at most */

/* The id that tasks have. */
struct walker {
    struct arena *arena;
    bool other; /* the task's id is not the caller's: its rights are read from modes */
    uid_t uid;
    gid_t gid;
};

struct walked {
    const char **links; /* where each symlink on the way is, itself reached through none */
    size_t count;
    const char *real; /* what is there at the end, or the last directory that is there */
    struct stat stat; /* of it */
    bool missing;     /* the path itself is not there, or not for the task */
};

/**
 * walk() - Follow a path
 * @path:        absolute
 * @follow_last: where it is a symlink itself
 *
 * The way ends at /proc, whose links lead elsewhere for each process.
 *
 * Return: 0; -ENOMEM
 */
int walk(const struct walker *walker, const char *path, bool follow_last, struct walked *ret);

/* Return: whether the task's id has these rights (R_OK, W_OK, X_OK); of another's by the mode
 * alone.
 */
bool walker_may(const struct walker *walker, const char *path, const struct stat *stat,
                unsigned rights);

#endif
