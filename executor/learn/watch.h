/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run that is learnt from: the command, under a policy that lets nearly everything through, with
 * every call told that differs from those before it.
 *
 * Theory of operation: the wide policy has the host's files and network, and every call that a
 * table names, but for io_uring, which no filter sees into, and clone3, whose flags none sees: both
 * do not exist, and programs do without. Environment and ids are those that tasks have elsewhere.
 * Init looks at each call and tells of it once for each set of arguments that matter; what is told
 * goes into the needs, its paths are kept to the end. Then the host is asked what the paths are.
 *
 * Runs in: crib.
 * Owns: a loop and an executor, for the time of the call.
 */
#ifndef LEARN_WATCH_H
#define LEARN_WATCH_H

#include "crib/crib.h"
#include "learn/needs.h"

struct watch_request {
    const char *file;
    const char *const *args;     /* without argv[0], ended by NULL */
    struct crib_options options; /* policy, trace and callbacks are set by watch_run() */
    const char *cwd;             /* absolute; where it starts */
    const char *path;            /* PATH of the task; NULL */
    const char *home;            /* the caller's; NULL */
};

struct watched {
    enum crib_verdict verdict;
    int status, signal;
    uint64_t calls;         /* that were told */
    uint64_t lost;          /* paths that were too many to keep */
    const char *outside;    /* an address outside; "" too many; NULL: none. In the needs's arena */
    const char **not_shown; /* directories that were read and are too wide to be shown */
    size_t not_shown_count;
};

/**
 * watch_run() - Run a command to its end, and add what it needed
 * @run: its number, from 1
 *
 * SIGINT, SIGTERM and SIGHUP of this process are passed to it.
 *
 * Return: 0 it ran, however it ended; as crib_spawn(); the error of a set-up that failed;
 *         -EOPNOTSUPP nothing was told of it
 */
int watch_run(const struct watch_request *request, struct needs *needs, unsigned run,
              struct watched *ret, struct crib_error *err);

/* The policy that a command is learnt under. Return: as crib_policy_parse(). */
int watch_policy(crib_policy **ret, struct crib_error *err);

#endif
