/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A policy that is being learnt: its grants, and which runs need each.
 *
 * Theory of operation: what a file says already comes first (read.h). Then a run is told call by
 * call: what an entry allows already is marked as needed by this run, else an entry is added, or
 * one is widened (shape.h). Calls that are seen with more values than NEEDS_MOST_OF_A_CALL are
 * learnt by name, whatever their arguments; it is told.
 *
 * Runs in: crib.
 * Owns: nothing; all of it lives in the caller's arena.
 */
#ifndef LEARN_NEEDS_H
#define LEARN_NEEDS_H

#include "learn/runs.h"
#include "policy.pb-c.h"
#include "policy/rule.h"

#define NEEDS_MOST_OF_A_CALL 32  /* entries */
#define NEEDS_MOUNTS         100 /* of one policy; a task may have 128 in all */

/* What stands behind a line. */
struct need {
    uint64_t runs;      /* bit n - 1: run n needs it */
    const char *remark; /* a person's, instead; NULL */
};

struct need_call {
    struct need need;
    const char *entry;        /* as it was written; NULL: rule_text() of the only rule */
    const struct rule *rules; /* what it names, groups expanded */
    size_t count;
};

struct need_mount {
    struct need need;
    Crib__Mount *mount;
};

struct needs {
    struct arena *arena; /* where all of it lives */
    const char *head;    /* a person's lines above the first field, each with its newline; "" */
    struct run_list runs;
    struct need_call *calls;
    size_t call_count;
    struct need_mount *mounts;
    size_t mount_count;
    struct need host_net;   /* who needs the host's network */
    Crib__Policy *rest;     /* neither mounts nor syscalls.allow */
    const char **collapsed; /* names of calls that were seen with too many values */
    size_t collapsed_count;
};

/* An empty one: nothing is allowed but to start and to end. @arena: keeps. Return: 0; -ENOMEM. */
int needs_init(struct needs *needs, struct arena *arena);

/**
 * needs_call() - A run has made a call
 * @run:  its number, from 1
 * @args: six
 *
 * A number that no table names is passed over: such a call does not exist for a task.
 *
 * Return: 0; -ENOMEM
 */
int needs_call(struct needs *needs, unsigned run, int number, const uint64_t *args);

/* Adds an entry; @entry may be NULL. Return: the entry; NULL: no memory. */
struct need_call *needs_add_call(struct needs *needs, const char *entry, const struct rule *rules,
                                 size_t count);

/* Adds a mount, in the needs's arena. Return: it; NULL: no memory. */
struct need_mount *needs_add_mount(struct needs *needs, Crib__Mount *mount);

/* A run needs the host's network. Return: 0; -ENOMEM. */
int needs_host_net(struct needs *needs, unsigned run);

/* Leaves out entries that others hold, and sorts what was learnt. Return: 0; -ENOMEM. */
int needs_tidy(struct needs *needs);

#endif
