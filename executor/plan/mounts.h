/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the words that plan mounts add one.
 *
 * Runs in: library.
 * Owns: nothing.
 */
#ifndef PLAN_MOUNTS_H
#define PLAN_MOUNTS_H

#include "plan/paths.h"

/**
 * mounts_add() - Append to the plan
 * @from: `policy`, `task`, `program`; static
 *
 * Return: the new entry; NULL out of memory
 */
Crib__MountPlan *mounts_add(struct planning *p, Crib__MountPlan__Type type, char *target,
                            const char *from);

/**
 * mounts_add_bind() - Append a bind of a host path that can be shown
 * @path:  what the host said of it, with its @index
 *
 * Return: as mounts_add()
 */
Crib__MountPlan *mounts_add_bind(struct planning *p, const Crib__HostPath *path, uint32_t index,
                                 char *target, const char *from);

/* A mount while it is decided; below, the files of it. */
struct making {
    struct planning *p;
    struct asked_mount asked;
    Crib__Mount__Type type;
    char *target; /* clean; led through the symlinks by making_follow() or making_follow_parent() */
};

/* mounts.c: the ways to end. Return: the code; -ENOMEM. */
int making_refuse(const struct making *m, int code, const char *text);
int making_no_memory(const struct making *m);

/* mounts.c: lead the target through the planned symlinks (its parent alone for an entry that
 * init makes itself), and check what came of it. Return: 0; -EINVAL, -ELOOP, -ENAMETOOLONG,
 * -ENOMEM. */
int making_follow(struct making *m);
int making_follow_parent(struct making *m);

/* mounts.c. Return: where it was written, `work.yaml:7:5` or `--bind`, for MountPlan.rule; NULL: not
 * known. */
char *making_rule(const struct making *m);

/* binds.c */
int make_bind(struct making *m); /* bind and host */
int make_overlay(struct making *m);

/* made.c */
int make_link(struct making *m, char *text);
int make_symlink(struct making *m);
int make_tmpfs(struct making *m);
int make_proc(struct making *m);
int make_file(struct making *m);
int make_dir(struct making *m);
int make_mask(struct making *m);

/* room.c: sets what a file system in memory may hold. Return: 0; -EINVAL; -ENOMEM. */
int making_set_room(const struct making *m, Crib__MountPlan *plan);

#endif
