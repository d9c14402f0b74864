/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether the host has what a task did not find: only then was something hidden from it.
 *
 * Theory of operation: a missing file is what programs probe for all the time, and no policy's
 * doing where the host has none either. Only a process of the caller's own may look, with the
 * caller's rights: a daemon would tell of files that its client cannot see. So a daemon passes such
 * denials on, keeps them out of the result, and its client drops what it does not find.
 *
 * Runs in: library, on the loop's thread.
 * Owns: nothing.
 */
#ifndef SUPERVISE_HIDDEN_H
#define SUPERVISE_HIDDEN_H

#include <stdbool.h>

#include "plan.pb-c.h"

/**
 * hidden_stands() - Look whether a denial of something missing is one
 * @denial: borrows; its path is the task's, and may be any
 *
 * Nothing is mounted, opened or asked over a network for that, as far as the kernel lets one
 * choose.
 *
 * Return: true for every other denial, and where the host has the path
 */
bool hidden_stands(const Crib__Denial *denial);

#endif
