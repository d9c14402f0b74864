/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files copied into a task and out of it, as the command line asks for them, and what came of them.
 *
 * Runs in: crib.
 * Owns: nothing.
 */
#ifndef CLI_COPYING_H
#define CLI_COPYING_H

#include "base/arena.h"
#include "crib/crib.h"

/* Reads `SRC:DST[:MODE]`. Return: NULL; what is wrong with it, in @arena or static. */
const char *copy_in_read(const char *text, struct arena *arena, struct crib_copy_in *ret);

/* Reads `SRC:DST[:MAX]`, DST `-` for stdout. Return: as copy_in_read(). */
const char *copy_out_read(const char *text, struct arena *arena, struct crib_copy_out *ret);

/* The task is closed: writes what goes to stdout, and says what did not come. Return: how many did
 * not. */
int copying_show_task(const crib_task *task, const struct crib_options *options);

#endif
