/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A group made to be looked at, and files of the kernel's read and written.
 *
 * Runs in: library.
 * Owns: what it makes, until tried_drop().
 */
#ifndef HOST_TRIED_H
#define HOST_TRIED_H

#include <stdbool.h>
#include <stddef.h>

#define TRIED_PATH 4096 /* bytes of a path */

/* Return: an fd of a new group in @dir; negative errno. */
int tried_make(const char *dir);

/* Closes it, makes it -1, and removes the group. Accepts -1. */
void tried_drop(int *probe, const char *dir);

/* Return: 0; negative errno. */
int tried_write(const char *dir, const char *name, const char *text);

/* Return: whether a file of the group says just @word. */
bool tried_is(int probe, const char *name, const char *word);

/* Reads a file of /proc whole, NUL-terminated; the caller frees it. Return: 0; negative errno. */
int tried_read(const char *path, size_t max, char **ret);

#endif
