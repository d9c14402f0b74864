/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a plan is needed once its program runs: thousands of tasks may sleep.
 *
 * Runs in: daemon.
 * Owns: nothing; the copy lives in the caller's arena.
 */
#ifndef DAEMON_SLIM_H
#define DAEMON_SLIM_H

#include "base/arena.h"
#include "plan.pb-c.h"

/* Clocks, limits, the receipt, and what reasons of denials are told from; of files only where calls
 * are traced. Return: a copy in @arena; NULL: no memory. */
Crib__Plan *slim_plan(const Crib__Plan *plan, struct arena *arena);

#endif
