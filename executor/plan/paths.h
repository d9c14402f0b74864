/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths as text, and what the host said about them.
 *
 * Runs in: library.
 * Owns: nothing; texts live in the plan's arena.
 */
#ifndef PLAN_PATHS_H
#define PLAN_PATHS_H

#include "plan/bytes.h"

/**
 * path_clean() - An absolute path without `.`, `..` and repeated slashes
 * @base: where a relative @path starts; absolute
 *
 * By the text alone: `a/../b` is `b` also where a is a symlink.
 *
 * Return: a text in @arena; NULL: out of memory
 */
char *path_clean(struct arena *arena, const char *base, const char *path);

/* Return: what of clean @path is below clean @dir (`` for itself, else from a slash on), or NULL.
 */
const char *path_below(const char *path, const char *dir);

/* Return: whether one of the path's components is `..`. */
bool path_climbs(const char *path);

/* A mount as it stands in a list of the policy or the task. */
struct asked_mount {
    const Crib__Mount *mount;
    bool from_task;
    const char *step; /* `mounts`, `task.mounts` */
    int index;
};

/* Return: the n-th of the policy's mounts, then the task's; the count is in mounts_asked(). */
struct asked_mount mount_asked(const struct planning *p, size_t n);
size_t mounts_asked(const struct planning *p);

/* Whether a mount shows something of the host. */
bool mount_has_source(const Crib__Mount *mount);

/**
 * mount_source() - The clean absolute path of what a mount shows
 *
 * A task's may be relative to the caller's directory, a policy's may not.
 *
 * Return: 0; -EINVAL, -ENAMETOOLONG, -ENOMEM
 */
int mount_source(struct planning *p, const struct asked_mount *asked, char **ret);

/* The clean absolute path of the task's file, NULL for a name that is searched in PATH. Return: 0;
 * -EINVAL, -ENOENT no current directory, -ENAMETOOLONG, -ENOMEM. */
int program_path(struct planning *p, char **ret);

/* Return: what the host said of a path, with its index; NULL: it was not asked. */
const Crib__HostPath *host_path_find(const Crib__Host *host, const char *path, uint32_t *ret_index);

/* What a path leads to: itself, or the end of a symlink. */
Crib__HostPath__Kind host_path_end(const Crib__HostPath *path);

/**
 * host_path_fail() - Say why a path cannot be used
 * @path: missing or unreadable at its end
 * @what: what was tried; may be NULL
 *
 * Return: its code
 */
int host_path_fail(struct planning *p, const Crib__HostPath *path, const char *step, int index,
                   const char *subject, const char *what);

#endif
