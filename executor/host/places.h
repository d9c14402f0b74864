/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where groups of a hierarchy can be made, found by making one.
 *
 * Runs in: library.
 * Owns: the group that was made, until tried_drop() of its fd.
 */
#ifndef HOST_PLACES_H
#define HOST_PLACES_H

#include "host/cgroups.h"

struct place {
    const struct hierarchy *in;
    const char *dir; /* NULL: nowhere */
    const char *why; /* not */
    int probe;       /* a group that was made there to see what it has; -1 */
};

/**
 * place_try() - Make a group of @place->in
 *
 * @place->dir and probe are set, or why. May move this process one group down; see places.c.
 *
 * Return: 0, also where there is no place; -ENOMEM
 */
int place_try(struct place *place, struct arena *arena);

/* Return: whether a file of the group @dir has @word in its list. */
bool place_names(const char *dir, const char *file, const char *word);

#endif
