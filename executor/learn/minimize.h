/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dropping what no run needs.
 *
 * Theory of operation: each recorded run is done twice under the policy as it is. How it ended and,
 * where both said the same, its output is what must stay. Then grants are taken away, a half of the
 * list first: when all runs that need one of them still end so, they stay away; else the halves of
 * the half are tried, down to single ones. Runs that need none of what is taken away are not done
 * again. Standard input is empty.
 *
 * Runs in: crib.
 * Owns: a loop and an executor, for the time of the call.
 */
#ifndef LEARN_MINIMIZE_H
#define LEARN_MINIMIZE_H

#include "crib/crib.h"
#include "learn/needs.h"

#define MINIMIZE_OUTPUT (16 * 1024 * 1024) /* bytes of a run's output */

/* A run that can be done again; the policy, the callbacks and stdio are set by minimize(). */
struct rerun {
    const char *file; /* NULL: there is no run of this number */
    const char *const *args;
    struct crib_options options;
};

struct minimizing {
    struct needs *needs;
    const char *name;   /* of the file; where relative bases start */
    struct rerun *runs; /* needs->runs.count of them */
    /* Tells how far it is: so many grants have been looked at, so many of them were dropped. */
    void (*progress)(void *data, size_t looked_at, size_t all, size_t dropped);
    void *data;
};

/**
 * minimize() - Do it
 *
 * Return: how many grants were dropped; -ECANCELED a run does not end the same way twice, or not
 *         under the policy as it is; as crib_spawn()
 */
int minimize(struct minimizing *minimizing, struct crib_error *err);

#endif
