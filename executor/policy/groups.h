/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Named sets of system calls, policies/groups/NAME.yaml: what `@name` means in a policy.
 *
 * Theory of operation: the shipped groups are read at first use and kept for the life of the
 * process. Entries are parsed then; what a group comes to is found by walking them, at each use,
 * with a mark on every group that was visited, so that groups may name each other in circles.
 *
 * Runs in: library.
 * Owns: the process-wide table behind groups_shipped().
 */
#ifndef POLICY_GROUPS_H
#define POLICY_GROUPS_H

#include "base/arena.h"
#include "base/error.h"
#include "policy/rule.h"
#include "policy/shipped.h"

#define GROUPS_MAX 64

/* One line of a group: another group, or else a rule. */
struct group_entry {
    const struct group *inner;
    struct rule rule;
    unsigned line; /* in the group's file */
};

struct group {
    const char *name;
    const char *about;
    struct group_entry *entries;
    size_t count;
};

struct groups {
    struct group list[GROUPS_MAX]; /* sorted as the files were */
    size_t count;
};

/**
 * groups_read() - Read group files
 * @files: borrows
 * @ret:   filled; what it points to lives in @arena; must not move afterwards
 * @err:   subject is the file with its line
 *
 * Return: 0; -EINVAL; -E2BIG over GROUPS_MAX; -ENOMEM
 */
int groups_read(const struct shipped *files, size_t count, struct arena *arena, struct groups *ret,
                struct crib_error *err);

/**
 * groups_shipped() - The groups that are compiled in
 * @ret: static; may be used by any thread
 *
 * Return: 0; -ENOMEM, and the next call tries again
 */
int groups_shipped(const struct groups **ret, struct crib_error *err);

/**
 * group_find() - A group by its name, without the @
 *
 * Return: the group; NULL with "unknown group '@filesystem', did you mean '@file-system'?" in @err
 */
const struct group *group_find(const struct groups *groups, const char *name,
                               struct crib_error *err);

/* rules_expand() with other groups than the shipped ones. */
int groups_expand(const struct groups *groups, char *const *entries, size_t count,
                  struct arena *arena, struct rule **ret, size_t *ret_count,
                  struct crib_error *err);

#endif
