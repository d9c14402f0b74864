/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The options that only `crib cluster` has.
 *
 * Runs in: cli.
 */
#ifndef CLI_CLUSTER_OPTIONS_H
#define CLI_CLUSTER_OPTIONS_H

#include "base/arena.h"
#include "cli/options.h"
#include "crib/cluster.h"

struct cluster_options {
    unsigned workers; /* 0: one for each processor */
    struct crib_listen *listen;
    size_t listen_count;
    const char *policy; /* NULL */
    bool quiet, json;
    int events_fd; /* -1: not said */
    uint64_t ping_ms, grace_ms;
    unsigned crash_limit;
};

/* Takes one option. Lists live in @arena. Return: 0; -EINVAL, -ENOMEM. */
int cluster_options_take(struct cluster_options *options, struct arena *arena, enum option_id id,
                         const char *value, struct crib_error *err);

/* What can be said only when all are read. Return: 0; -EINVAL. */
int cluster_options_check(struct cluster_options *options, const char *module,
                          struct crib_error *err);

#endif
