/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/cluster.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "api/executor.h"
#include "api/policy.h"
#include "api/script.h"
#include "base/arena.h"
#include "base/error.h"
#include "cluster/socket.h"
#include "cluster/worker.h"

#define CRASHES_OF_WORKER 3 /* that are borne, where the caller says nothing */
#define CRASHES_AT_LEAST  10
#define MESSAGE_LEAST     8192 /* bytes */

void crib_cluster_options_init(struct crib_cluster_options *options)
{
    *options = (struct crib_cluster_options){.size = sizeof(*options)};
}

static unsigned processors(void)
{
    cpu_set_t set;

    return sched_getaffinity(0, sizeof(set), &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

static uint64_t or_else(uint64_t value, uint64_t otherwise)
{
    return value ? value : otherwise;
}

static int read_options(crib_cluster *cluster, const struct crib_cluster_options *from,
                        struct crib_error *err)
{
    struct crib_cluster_options *to = &cluster->options;
    unsigned crashes;

    if (from && (from->size == 0 || from->size > sizeof(*to)))
        return fail_text(err, -EINVAL, "size", -1, NULL, "is not that of the options");
    if (from)
        memcpy(to, from, from->size);
    if (to->workers > CLUSTER_MAX_WORKERS || to->listen_count > CLUSTER_MAX_HAND)
        return fail_text(err, -EINVAL, "cluster", -1, NULL, "%u workers at most, and %d addresses",
                         CLUSTER_MAX_WORKERS, CLUSTER_MAX_HAND);
    for (size_t i = 0; i < to->listen_count; i++)
        if (!to->listen || !to->listen[i].address)
            return fail_text(err, -EINVAL, "listen", (int)i, NULL, "has no address");
    cluster->wanted = to->workers ? to->workers : processors();
    crashes = CRASHES_OF_WORKER * cluster->wanted;
    to->pong_ms = or_else(to->pong_ms, 5000);
    to->ready_ms = or_else(to->ready_ms, 30000);
    to->grace_ms = or_else(to->grace_ms, 10000);
    to->back_off_ms = or_else(to->back_off_ms, 100);
    to->back_off_max_ms = or_else(to->back_off_max_ms, 30000);
    to->crash_window_ms = or_else(to->crash_window_ms, 60000);
    if (!to->crash_limit)
        to->crash_limit = crashes > CRASHES_AT_LEAST ? crashes : CRASHES_AT_LEAST;
    return respawn_init(&cluster->respawn, to->back_off_ms, to->back_off_max_ms, to->crash_limit,
                        to->crash_window_ms) < 0
               ? fail_sys(err, -ENOMEM, "cluster", -1, NULL, NULL)
               : 0;
}

/* The caller may be older than this library: what he does not know is zero. */
static int read_worker(crib_cluster *cluster, const char *module, struct crib_error *err)
{
    const struct crib_options *from = cluster->options.worker;
    struct crib_options *to = &cluster->worker;

    if (from && (from->size == 0 || from->size > sizeof(*to)))
        return fail_text(err, -EINVAL, "worker.size", -1, NULL, "is not that of the options");
    if (from)
        memcpy(to, from, from->size);
    to->size = sizeof(*to);
    if (!module)
        return fail_text(err, -EINVAL, "program", -1, NULL, "there is none");
    if (to->max_message && to->max_message < MESSAGE_LEAST)
        return fail_text(err, -EINVAL, "max_message", -1, NULL,
                         "what a primary and its workers say needs %d bytes", MESSAGE_LEAST);
    if (to->channel == CRIB_CHANNEL_NODE_ADVANCED)
        return fail_text(err, -EINVAL, "channel", -1, NULL, "a cluster does not speak `advanced`");
    cluster->node = script_is(module) || to->channel == CRIB_CHANNEL_NODE;
    if (!to->policy && !to->policy_message)
        to->policy = cluster->node ? "node" : "worker";
    return 0;
}

/* --- what may be served --- */

static int add_allowed(struct allowed *allowed, const char *text, struct crib_error *err)
{
    size_t size = (allowed->count + 1) * sizeof(*allowed->list);
    struct listen_address *list = realloc(allowed->list, size);

    if (!list)
        return fail_sys(err, -ENOMEM, "listen", -1, NULL, NULL);
    allowed->list = list;
    if (listen_parse(text, true, &list[allowed->count], err) < 0)
        return -EINVAL;
    allowed->count++;
    return 0;
}

static int add_of_policy(struct allowed *allowed, const Crib__Policy *policy,
                         struct crib_error *err)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < policy->n_listen; i++)
        r = add_allowed(allowed, policy->listen[i], err);
    return r;
}

int cluster_allow(crib_cluster *cluster, const struct crib_options *options, struct allowed *ret,
                  struct crib_error *err)
{
    struct allowed allowed = {0};
    struct arena arena;
    Crib__Policy *policy = NULL;
    Crib__Origins *origins;
    int r = 0;

    arena_init(&arena, 0);
    for (size_t i = 0; r == 0 && i < cluster->options.listen_count; i++)
        r = add_allowed(&allowed, cluster->options.listen[i].address, err);
    if (r == 0 && options->policy_message)
        policy = options->policy_message->policy;
    else if (r == 0)
        r = policies_get(&cluster->ex->policies, options->policy, &arena, &policy, &origins, err);
    if (r == 0)
        r = add_of_policy(&allowed, policy, err);
    arena_done(&arena);
    free(r == 0 ? ret->list : allowed.list);
    if (r == 0)
        *ret = allowed;
    return r;
}

/* --- opening --- */

static void init_handles(crib_cluster *cluster)
{
    uv_timer_init(cluster->loop, &cluster->timer);
    cluster->timer.data = cluster;
    uv_timer_init(cluster->loop, &cluster->restart.timer);
    cluster->restart.timer.data = cluster;
    cluster->handles = 2;
}

static int hand_sockets(crib_cluster *cluster, struct crib_error *err)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < cluster->options.listen_count; i++)
        if (cluster->options.listen[i].hand)
            r = socket_hand(cluster, &cluster->options.listen[i], err);
    return r;
}

int crib_cluster_open(crib *ex, const char *module, const char *const *args,
                      const struct crib_cluster_options *options, crib_cluster **ret,
                      struct crib_error *err)
{
    crib_cluster *cluster = calloc(1, sizeof(*cluster));
    crib_worker *first;
    int r;

    if (!cluster)
        return fail_sys(err, -ENOMEM, "cluster", -1, NULL, NULL);
    executor_hold(ex);
    cluster->ex = ex;
    cluster->loop = ex->loop;
    cluster->module = module;
    cluster->args = args;
    cluster->next_id = 1;
    cluster->workers_last = &cluster->workers;
    init_handles(cluster);
    r = read_options(cluster, options, err);
    if (r == 0)
        r = read_worker(cluster, module, err);
    if (r == 0)
        r = cluster_allow(cluster, &cluster->worker, &cluster->allowed, err);
    if (r == 0)
        r = hand_sockets(cluster, err);
    if (r == 0 && cluster->wanted > 0)
        r = worker_start(cluster, &first, err);
    if (r < 0) {
        crib_cluster_close(cluster, NULL, NULL);
        return r;
    }
    cluster_wake(cluster);
    *ret = cluster;
    return 0;
}
