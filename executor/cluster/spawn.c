/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/spawn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "cluster/socket.h"
#include "cluster/talk.h"

#define FIRST 3 /* fd of what is inherited, as systemd has it */

/* The caller's fds, which he may name up to 2, and behind them the sockets. */
static void add_sockets(const crib_cluster *cluster, struct crib_stdio *list,
                        struct crib_options *options)
{
    int fds[CLUSTER_MAX_HAND];
    size_t count = socket_handed(cluster, fds);

    if (count == 0)
        return;
    for (size_t i = 0; i < FIRST; i++)
        list[i] = i < options->stdio_count ? options->stdio[i] : (struct crib_stdio){CRIB_INHERIT};
    for (size_t i = 0; i < count; i++)
        list[FIRST + i] = (struct crib_stdio){.kind = CRIB_FD, .from = fds[i]};
    options->stdio = list;
    options->stdio_count = FIRST + count;
    options->listen_fds = (unsigned)count;
}

/* Return: the caller's list with one more; NULL: no memory. */
static const char **add_variable(const char *const *env, const char *variable)
{
    size_t count = 0;
    const char **list;

    while (env && env[count])
        count++;
    list = calloc(count + 2, sizeof(*list));
    if (!list)
        return NULL;
    for (size_t i = 0; i < count; i++)
        list[i] = env[i];
    list[count] = variable;
    return list;
}

/* The caller's `prepare` may do anything, also to the cluster; and give a worker another policy. */
static int prepare(crib_worker *worker, struct crib_options *options, struct crib_error *err)
{
    crib_cluster *cluster = worker->cluster;

    if (cluster->options.prepare)
        cluster->options.prepare(cluster, worker->id, options, cluster->options.data);
    if (cluster_stops(cluster))
        return fail_text(err, -ESHUTDOWN, "worker", (int)worker->id, NULL, "the cluster stops");
    if (options->stdio_count > FIRST && socket_handed(cluster, (int[CLUSTER_MAX_HAND]){0}) > 0)
        return fail_text(err, -EINVAL, "stdio", FIRST, NULL,
                         "inherited sockets begin at fd 3: name fds up to 2 only");
    if (options->policy == cluster->worker.policy &&
        options->policy_message == cluster->worker.policy_message)
        return 0;
    if (!options->policy && !options->policy_message)
        options->policy = cluster->worker.policy;
    worker->has_own = true;
    return cluster_allow(cluster, options, &worker->own, err);
}

int spawn_worker(crib_worker *worker, const struct crib_events *events, struct crib_error *err)
{
    crib_cluster *cluster = worker->cluster;
    struct crib_options options = cluster->worker;
    struct crib_stdio stdio[FIRST + CLUSTER_MAX_HAND];
    char id[64];
    const char **env;
    int r = prepare(worker, &options, err);

    if (r < 0)
        return r;
    snprintf(id, sizeof(id), "%s=%u", worker->talk->id_variable, worker->id);
    env = add_variable(options.env_add, id);
    if (!env)
        return fail_sys(err, -ENOMEM, "worker", -1, NULL, NULL);
    options.env_add = env;
    options.on = *events;
    options.data = worker;
    add_sockets(cluster, stdio, &options);
    r = crib_fork(cluster->ex, cluster->module, cluster->args, &options, &worker->task, err);
    free(env);
    return r;
}
