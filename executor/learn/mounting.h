/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mounts of a policy that is being learnt: adding one, and leaving out what others cover.
 *
 * Runs in: crib.
 * Owns: nothing; mounts live in the needs's arena.
 */
#ifndef LEARN_MOUNTING_H
#define LEARN_MOUNTING_H

#include "base/error.h"
#include "learn/needs.h"

enum mounting {
    MOUNTING_EMPTY,  /* a directory with nothing in it */
    MOUNTING_READ,   /* the host's */
    MOUNTING_WRITE,  /* the host's, to be written to */
    MOUNTING_HOST,   /* as the host has it: a symlink stays one */
    MOUNTING_DEVICE, /* the host's, to be written to and to work */
    MOUNTING_MEMORY, /* a tmpfs where everybody may write */
    MOUNTING_PROC,
};

/**
 * mounting_add() - A run needs a mount
 * @run:    its number, from 1
 * @target: borrows
 *
 * Where a mount shows it already, that is marked; one at the same place is widened.
 *
 * Return: 0; -ENOMEM
 */
int mounting_add(struct needs *needs, unsigned run, enum mounting kind, const char *target);

/* Return: whether the mount is of a kind that mounting_add() makes. */
bool mounting_is_learnt(const struct need_mount *mount);

/* Return: the mount's target; in the needs's arena. NULL: no memory. */
const char *mounting_target(const Crib__Mount *mount, struct arena *arena);

/**
 * mounting_tidy() - Sort the mounts, parents first, and leave out what others cover
 * @home: the caller's; NULL: none
 *
 * Where there are more than NEEDS_MOUNTS, the files of a directory become the directory, but none
 * that is too wide (spot.h). Mounts with a person's remark, or of a kind that is not learnt, stay.
 *
 * Return: 0; -E2BIG; -ENOMEM
 */
int mounting_tidy(struct needs *needs, const char *home, struct crib_error *err);

#endif
