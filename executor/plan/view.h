/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a task will see where, read off the mounts that are planned so far.
 *
 * Runs in: library.
 * Owns: nothing.
 */
#ifndef PLAN_VIEW_H
#define PLAN_VIEW_H

#include "plan/paths.h"

/* Return: the mount that @path (clean) is in, its index too; NULL: in the root itself. */
const Crib__MountPlan *view_over(const Crib__Plan *plan, const char *path, int *ret_index);

/* Return: the mount that a mask at @path (clean) is in: masks come last; NULL: in the root. */
const Crib__MountPlan *view_under(const Crib__Plan *plan, const char *path);

/* Return: the planned entry of any kind that stands exactly at @path and is not covered; NULL. */
Crib__MountPlan *view_at(const Crib__Plan *plan, const char *path);

/**
 * view_rewrite() - Where a path leads through the planned symlinks
 * @path: clean
 *
 * Return: 0 and a clean path in the arena; -ELOOP; -ENOMEM; @err is left alone
 */
int view_rewrite(struct planning *p, const char *path, char **ret);

/**
 * view_shows() - Whether the task finds at @path what the host has there
 * @path: clean, rewritten
 *
 * Return: the bind or overlay that shows it at its own path; NULL
 */
const Crib__MountPlan *view_shows(const struct planning *p, const char *path, int *ret_index);

#endif
