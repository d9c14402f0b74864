/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overlays: what is asked of them, and what a task has changed, a line each on stderr.
 *
 * Runs in: crib.
 * Owns: nothing.
 */
#ifndef CLI_CHANGES_H
#define CLI_CHANGES_H

#include "base/arena.h"
#include "crib/crib.h"

/* Reads `DIR[:DST]`. Return: NULL; what is wrong with it, in @arena or static. */
const char *overlay_read(const char *text, struct arena *arena, struct crib_overlay *ret);

/* Reads `discard`, `list` or `commit`. Return: as overlay_read(). */
const char *keep_read(const char *text, enum crib_keep *ret);

/* `A PATH`, `M PATH`, `D PATH`, and why one could not be committed. Return: how many could not;
 * negative errno. */
int changes_show_task(const crib_task *task);

#endif
