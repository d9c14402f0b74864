/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The leaves themselves: what groups.c makes and groups_measure.c reads.
 *
 * Runs in: library.
 */
#ifndef LAUNCH_GROUPS_LEAF_H
#define LAUNCH_GROUPS_LEAF_H

#include "launch/groups.h"

#define LEAVES 8 /* at most: one for each controller that crib uses */

enum leaf_controller {
    LEAF_MEMORY = 1,
    LEAF_PIDS = 2,
    LEAF_CPUACCT = 4,
    LEAF_IO = 8,
};

struct leaf {
    unsigned version;
    unsigned has; /* of enum leaf_controller */
    int base;     /* the directory it is in; -1: it was joined */
    int dir;      /* itself, locked; -1 */
    int join;     /* the file by which a process joins; -1: it was joined */
    char name[40];
};

struct groups {
    struct leaf leaf[LEAVES];
    size_t count;
    bool oom_told; /* there was something to read from `oom` */
    int oom;       /* eventfd; -1 */
    int forks;     /* pids.events; -1 */
    bool silent;   /* forks denied are not told of */
    uint32_t own_pids;
};

/* Return: its bit; 0: nothing is read of it. */
unsigned leaf_controller(const char *name);

/* Return: the leaf that has it; NULL: none. */
const struct leaf *groups_leaf(const struct groups *groups, enum leaf_controller which);

/* Return: 0; negative errno. */
int leaf_write(const struct leaf *leaf, const char *file, const char *text);

#endif
