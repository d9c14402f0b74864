/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Refusals of files are told once for each path, answer and edit: every process of a build asks for
 * the same few files that are not there.
 *
 * Runs in: library, on the loop's thread.
 * Owns: nothing; what was told is in the task's arena.
 */
#ifndef SUPERVISE_ONCE_H
#define SUPERVISE_ONCE_H

#include <stdbool.h>

#include "base/arena.h"
#include "plan.pb-c.h"

struct once;

/**
 * once_is_new() - Whether such a denial has not been told yet; from then on it has
 * @once: made in @arena when it is needed; NULL before
 *
 * Return: true for all but those of files, and for all when there is no room to remember more
 */
bool once_is_new(struct once **once, struct arena *arena, const Crib__Denial *denial);

#endif
