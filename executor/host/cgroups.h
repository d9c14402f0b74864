/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where this process's own cgroups are, by what /proc says: hierarchies of version 1, each with
 * some controllers, and the one of version 2.
 *
 * Runs in: library.
 * Owns: nothing; what is found is in the caller's arena.
 * Source: cgroups(7), proc(5) on mountinfo
 */
#ifndef HOST_CGROUPS_H
#define HOST_CGROUPS_H

#include <stdbool.h>

#include "base/arena.h"

/* One mounted hierarchy, and this process's group in it. */
struct hierarchy {
    unsigned version;
    const char *controllers; /* of version 1: `cpu,cpuacct`, as /proc/PID/cgroup has it; else "" */
    const char *mount;       /* where it is mounted */
    const char *dir;         /* this process's group; NULL: not beneath what is mounted */
    bool top;                /* it is the uppermost that can be seen */
};

/**
 * cgroups_read() - Put the two files together
 * @own:    borrows; /proc/self/cgroup
 * @mounts: borrows; /proc/self/mountinfo
 * @ret:    set to an array in @arena
 *
 * Return: how many; -ENOMEM
 */
long cgroups_read(const char *own, const char *mounts, struct arena *arena, struct hierarchy **ret);

/* Return: whether @name is one of @list, `cpu,cpuacct`. */
bool cgroups_has(const char *list, const char *name);

#endif
