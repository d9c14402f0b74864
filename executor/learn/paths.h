/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The paths that a run has named, each once, with what was wanted of it.
 *
 * Runs in: crib.
 * Owns: struct paths: its table and texts.
 */
#ifndef LEARN_PATHS_H
#define LEARN_PATHS_H

#include <stdint.h>

#include "base/arena.h"

#define PATHS_MAX   65536              /* different ones of a run; more are counted as lost */
#define PATHS_BYTES (16 * 1024 * 1024) /* of all of them */

struct path {
    const char *text; /* absolute */
    uint32_t wants;   /* bits of plan/wants.h, of all calls together */
};

struct paths {
    struct arena arena;
    struct path *list;
    size_t count;
    uint32_t *slots; /* index into list, plus 1; 0: free */
    size_t room;     /* slots; a power of two */
    uint64_t lost;
};

void paths_init(struct paths *paths);

/* Accepts a zeroed one. */
void paths_done(struct paths *paths);

/* Adds a path or what is wanted of it. Return: 0, also where it is lost; -ENOMEM. */
int paths_add(struct paths *paths, const char *text, uint32_t wants);

#endif
