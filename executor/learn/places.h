/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the paths that a run has named to mounts of a policy.
 *
 * Theory of operation: each path is walked on the host (walk.h). Symlinks on the way are shown as
 * they are, `type: host`. What is at the end decides:
 *
 *     /usr, /bin, /lib…      the whole, as the host links it
 *     /proc, /dev/shm        a proc; a tmpfs
 *     /dev/null and the like the device, to be written to
 *     /etc, /var, /run, /sys and other parts of the system, a home itself:   file by file
 *     /tmp, /var/tmp         a tmpfs, but for what was there before the run: that as elsewhere
 *     elsewhere              the directory of the file
 *
 * A directory that was only looked at, not read, becomes an empty one. What is not there is granted
 * by nothing: it is not there for the task either. What the task has made, removed or written, and
 * could, makes the mount writable.
 *
 * Runs in: crib. Looks at the host with the caller's rights.
 * Owns: nothing.
 */
#ifndef LEARN_PLACES_H
#define LEARN_PLACES_H

#include <time.h>

#include "learn/needs.h"
#include "learn/paths.h"
#include "learn/walk.h"

/* The call followed a symlink at the end of its path; beside the bits of plan/wants.h. */
#define PATH_FOLLOWED (1u << 16)

struct places {
    struct needs *needs;
    unsigned run; /* its number, from 1 */
    struct walker walker;
    const char *cwd;        /* of the run, without symlinks */
    const char *home;       /* the caller's; NULL: none */
    struct timespec start;  /* of the run, CLOCK_REALTIME */
    const char **not_shown; /* directories that were read, and are too wide to be shown */
    size_t not_shown_count;
};

/* Adds the mounts that one path needs. Return: 0; -ENOMEM. */
int places_add(struct places *places, const struct path *path);

/* Adds what the kernel opens by itself to execute the file that the path leads to. Return: 0;
 * -ENOMEM. */
int places_add_loader(struct places *places, const struct path *path);

/* Adds what the run's directory and its paths need. Return: 0; -ENOMEM. */
int places_add_all(struct places *places, const struct paths *paths);

#endif
