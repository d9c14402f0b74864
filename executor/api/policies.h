/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policies that an executor has read, by name or path, so that a task costs no reading again.
 *
 * Theory of operation: each comes with a list of what was found on the way to it (policy/find.h):
 * files, and names that lead nowhere but into the library. A task asks whether all of that would be
 * found again as it was; only what has changed is read anew. A task holds the policy that it has
 * started with.
 *
 * Runs in: library, on the loop's thread.
 * Owns: what it keeps.
 */
#ifndef API_POLICIES_H
#define API_POLICIES_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"
#include "policy.pb-c.h"
#include "task.pb-c.h"

#define POLICIES_DIR "/etc/crib/policies"

/* Where names are looked up before the shipped policies; ends in NULL. */
extern const char *const policies_dirs[];

#define POLICIES_KEPT 32

struct policies {
    struct policies_entry *first; /* the one asked for last */
};

/**
 * policies_get() - The effective policy of a name or path
 * @arena:       holds it
 * @ret:         good as long as @arena
 * @ret_origins: the same; where its parts were written
 *
 * Return: as policy_load()
 */
int policies_get(struct policies *policies, const char *name, struct arena *arena,
                 Crib__Policy **ret, Crib__Origins **ret_origins, struct crib_error *err);

/* Return: whether it is the path of a file, not a name. */
bool policies_is_path(const char *name);

/* For names that are not looked up here. Return: 0; -EINVAL. */
int policies_check_name(const char *name, struct crib_error *err);

/* Accepts a zeroed one. */
void policies_done(struct policies *policies);

#endif
