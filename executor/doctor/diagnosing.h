/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the pure half shares: facts in, findings out.
 *
 * Runs in: cli.
 * Owns: nothing; findings live in the arena.
 */
#ifndef DOCTOR_DIAGNOSING_H
#define DOCTOR_DIAGNOSING_H

#include <stdbool.h>

#include "base/arena.h"
#include "doctor.pb-c.h"

struct diagnosing {
    const Crib__Survey *survey;
    struct arena *arena;
    Crib__Diagnosis *diagnosis;
    int code; /* 0; -ENOMEM once something had no room: checked at the end */
};

/* A finding to be made. Texts are copied; NULL after a failed arena_printf() is -ENOMEM. */
struct found {
    const char *name;
    const char *needed_by; /* words between commas; NULL: every policy */
    Crib__Finding__State state;
    const char *what;
    const char *remedy; /* NULL: none; must be there unless ok */
};

void found_add(struct diagnosing *d, const struct found *found);

/* The three states as one line each. */
void found_ok(struct diagnosing *d, const char *name, const char *needed_by, const char *what);
void found_limited(struct diagnosing *d, const char *name, const char *needed_by, const char *what,
                   const char *remedy);
void found_missing(struct diagnosing *d, const char *name, const char *needed_by, const char *what,
                   const char *remedy);

/* A sentence `what: remedy`, as host/ makes them, in its two parts. Return: the remedy, or @other
 * where there is none. */
const char *found_split(struct diagnosing *d, const char *sentence, const char **ret_what,
                        const char *other);

/* Return: what came of trying; NULL: it was not tried. */
const Crib__Survey__Attempt *tried(const struct diagnosing *d, const char *name);

/* Return: whether it was tried and can be done. */
bool tried_well(const struct diagnosing *d, const char *name);

/* Return: `fsmount is refused (Operation not permitted)`. */
const char *refusal(struct diagnosing *d, const Crib__Survey__Attempt *attempt);

/* What of a container stands in the way. */
enum wall {
    WALL_FILTER, /* its seccomp filter or security module */
    WALL_PROC,   /* what it mounts over /proc */
    WALL_CGROUP, /* its cgroups, mounted read-only */
    WALL_LIMIT,  /* its hard limits */
    WALL_RIGHTS, /* no_new_privs */
    WALLS,
};

/* Return: what the innermost place that we are in has to be told; NULL: it has no such wall. */
const char *remedy_of_place(const struct diagnosing *d, enum wall wall);

/* Return: what to do about a call that is refused, which Linux has since @since. */
const char *remedy_of_call(struct diagnosing *d, const Crib__Survey__Attempt *attempt,
                           const char *since);

/* The findings, in the order in which they are told: find_….c. */
void find_place(struct diagnosing *d);
void find_namespaces(struct diagnosing *d);
void find_calls(struct diagnosing *d);
void find_mounts(struct diagnosing *d);
void find_filters(struct diagnosing *d);
void find_ids(struct diagnosing *d);
void find_controllers(struct diagnosing *d);
void find_limits(struct diagnosing *d);

#endif
