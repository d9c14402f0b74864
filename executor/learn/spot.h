/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What kind of place a path of the host is, by its name alone.
 *
 * Runs in: crib.
 * Owns: nothing.
 */
#ifndef LEARN_SPOT_H
#define LEARN_SPOT_H

#include <stdbool.h>

enum spot {
    SPOT_WHOLE,  /* programs and libraries: shown from the top, see spot_top() */
    SPOT_PROC,   /* /proc */
    SPOT_MEMORY, /* where everybody may write and nothing lasts: see spot_top() */
    SPOT_HARMLESS_DEVICE,
    SPOT_SYSTEM, /* file by file */
    SPOT_OTHER,  /* by directory */
};

/* @path: absolute, without symlinks. */
enum spot spot_of(const char *path);

/* Return: how many bytes at the start of the path name the whole that it is in. */
int spot_top(const char *path);

/* Return: whether @path is @dir or below it. */
bool spot_is_below(const char *path, const char *dir);

/* Return: whether a directory is too wide to be shown for one file in it: /, /home, a home, /srv.
 * @home: NULL: none is known */
bool spot_is_wide(const char *dir, const char *home);

#endif
