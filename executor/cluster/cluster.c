/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/cluster.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "api/executor.h"
#include "base/error.h"
#include "cluster/share.h"
#include "cluster/socket.h"
#include "cluster/worker.h"

#define PAUSE_MS 100   /* after which accepting is tried again */
#define WANT_MS  10000 /* within which it is told only once that something is missing */
#define LOOK_MS  (CLUSTER_SWEEP_MS / 4)

uint64_t cluster_now(const crib_cluster *cluster)
{
    return uv_now(cluster->loop);
}

void cluster_error(crib_cluster *cluster, crib_worker *worker, const struct crib_error *error)
{
    if (cluster->options.on.error)
        cluster->options.on.error(cluster, worker, error, cluster->options.data);
}

/* --- how many there are --- */

bool cluster_stops(const crib_cluster *cluster)
{
    return cluster->stopping || cluster->ex->closing;
}

/* One that ends without having said so is missed when it is dead: then it is known how. */
bool cluster_counts(const crib_worker *worker)
{
    return worker->state < CRIB_WORKER_LEAVING ||
           (worker->state == CRIB_WORKER_LEAVING && !worker->left);
}

static unsigned standing(const crib_cluster *cluster)
{
    unsigned count = 0;

    for (const crib_worker *worker = cluster->workers; worker; worker = worker->next)
        count += cluster_counts(worker);
    return count;
}

unsigned crib_cluster_count(const crib_cluster *cluster)
{
    unsigned count = 0;

    for (const crib_worker *worker = cluster->workers; worker; worker = worker->next)
        count += worker_serves(worker);
    return count;
}

unsigned crib_cluster_wanted(const crib_cluster *cluster)
{
    return cluster->wanted;
}

crib_worker *crib_cluster_next(const crib_cluster *cluster, const crib_worker *worker)
{
    return worker ? worker->next : cluster->workers;
}

/* --- starting and ending --- */

static void give_up(crib_cluster *cluster)
{
    struct crib_error error;

    fail_text(&error, -ELOOP, "cluster", -1, cluster->module,
              "%u crashes within %llu s: no more workers are started", cluster->options.crash_limit,
              (unsigned long long)cluster->options.crash_window_ms / 1000);
    restart_fail(cluster, &error);
}

static void crashed(crib_cluster *cluster)
{
    bool before = cluster->respawn.given_up;

    if (!respawn_crashed(&cluster->respawn, cluster_now(cluster)) && !before)
        give_up(cluster);
}

/* Return: whether it was started. */
static bool start_one(crib_cluster *cluster)
{
    struct crib_error error;
    crib_worker *worker;

    if (worker_start(cluster, &worker, &error) == 0)
        return true;
    if (!cluster_stops(cluster))
        cluster_error(cluster, NULL, &error);
    if (!cluster_stops(cluster))
        crashed(cluster);
    return false;
}

static void retire_oldest(crib_cluster *cluster)
{
    for (crib_worker *worker = cluster->workers; worker; worker = worker->next)
        if (cluster_counts(worker)) {
            worker_retire(worker);
            return;
        }
}

/* --- what is done soon --- */

static void tell_want(crib_cluster *cluster)
{
    struct want *want = &cluster->want;
    struct crib_error error;

    if (!want->code || want->told)
        return;
    want->told = true;
    if (want->told_ms && cluster_now(cluster) - want->told_ms < WANT_MS)
        return;
    want->told_ms = cluster_now(cluster);
    fail_sys(&error, want->code, "listen", -1, NULL, "accept");
    cluster_error(cluster, NULL, &error);
}

static void end_pause(crib_cluster *cluster)
{
    if (!cluster->want.end_ms || cluster_now(cluster) < cluster->want.end_ms)
        return;
    cluster->want.end_ms = 0;
    for (struct bound *bound = cluster->sockets; bound; bound = bound->next)
        share_serve(bound);
}

/* Return: whether no worker is left and none will come, and that is to be told. */
static bool has_ended(const crib_cluster *cluster)
{
    bool none_comes = cluster_stops(cluster) || (cluster->respawn.given_up && !cluster->restart.on);

    return none_comes && !cluster->workers && !cluster->ended;
}

static void tell_end(crib_cluster *cluster)
{
    if (cluster->closing || !has_ended(cluster))
        return;
    cluster->ended = true;
    if (cluster->options.on.ended)
        cluster->options.on.ended(cluster, cluster->options.data);
}

static void on_timer(uv_timer_t *timer)
{
    crib_cluster *cluster = timer->data;

    tell_want(cluster);
    end_pause(cluster);
    socket_sweep(cluster);
    restart_served(cluster);
    cluster_keep(cluster);
    tell_end(cluster);
}

static uint64_t soonest(uint64_t one, uint64_t other)
{
    return one < other ? one : other;
}

/* Sets the timer. @wait: ms until a worker is to be started; UINT64_MAX: none is */
static void arm(crib_cluster *cluster, uint64_t wait)
{
    const struct want *want = &cluster->want;
    uint64_t now = cluster_now(cluster);

    if (cluster->closing)
        return;
    if (cluster->n_shut)
        wait = soonest(wait, LOOK_MS);
    if (want->end_ms)
        wait = soonest(wait, want->end_ms > now ? want->end_ms - now : 0);
    if ((want->code && !want->told) || has_ended(cluster))
        wait = 0;
    if (wait == UINT64_MAX)
        uv_timer_stop(&cluster->timer);
    else
        uv_timer_start(&cluster->timer, on_timer, wait, 0);
}

void cluster_wake(crib_cluster *cluster)
{
    if (!cluster->closing)
        uv_timer_start(&cluster->timer, on_timer, 0, 0);
}

void cluster_pause(crib_cluster *cluster, int code)
{
    cluster->want.code = code;
    if (!cluster->want.end_ms)
        cluster->want.end_ms = cluster_now(cluster) + PAUSE_MS;
    cluster_wake(cluster);
}

/* Return: ms until the next one may be started; UINT64_MAX: there are enough. */
static uint64_t start_missing(crib_cluster *cluster)
{
    while (!cluster_stops(cluster) && standing(cluster) < cluster->wanted) {
        uint64_t wait = respawn_wait(&cluster->respawn, cluster_now(cluster));

        if (wait > 0)
            return wait;
        start_one(cluster); /* where it cannot, there is a while to wait */
    }
    return UINT64_MAX;
}

/* The last one has gone, and no other will come: who connects shall know. */
static void stop_listening(crib_cluster *cluster)
{
    if (cluster_stops(cluster) && !cluster->workers)
        socket_close_all(cluster);
}

void cluster_keep(crib_cluster *cluster)
{
    uint64_t wait;

    if (cluster->closing)
        return;
    wait = start_missing(cluster);
    while (standing(cluster) > cluster->wanted + restart_extra(cluster))
        retire_oldest(cluster);
    stop_listening(cluster);
    arm(cluster, wait);
}

/* --- the end --- */

static void on_timer_closed(uv_handle_t *handle)
{
    cluster_handle_closed(handle->data);
}

/* With the last worker goes the rest. */
static void tear_down(crib_cluster *cluster)
{
    if (!cluster->closing || cluster->workers || cluster->torn)
        return;
    cluster->torn = true;
    socket_close_all(cluster);
    uv_close((uv_handle_t *)&cluster->timer, on_timer_closed);
    uv_close((uv_handle_t *)&cluster->restart.timer, on_timer_closed);
}

static void cluster_free(crib_cluster *cluster)
{
    respawn_done(&cluster->respawn);
    free(cluster->allowed.list);
    executor_release(cluster->ex);
    free(cluster);
}

void cluster_handle_closed(crib_cluster *cluster)
{
    void (*closed)(void *data) = cluster->closed;
    void *data = cluster->closed_data;

    if (--cluster->handles > 0 || !cluster->torn)
        return;
    cluster_free(cluster);
    if (closed)
        closed(data);
}

void cluster_ended(crib_cluster *cluster, const crib_worker *worker, enum worker_end end)
{
    if (end == END_CRASH && !cluster_stops(cluster))
        crashed(cluster);
    if (end == END_BRIEF)
        respawn_brief(&cluster->respawn, cluster_now(cluster));
    restart_ended(cluster, worker);
    cluster_keep(cluster);
    tear_down(cluster);
}

void crib_cluster_stop(crib_cluster *cluster)
{
    if (!cluster_stops(cluster))
        cluster->ended = false; /* it may have given up */
    cluster->stopping = true;
    cluster->wanted = 0;
    restart_cancel(cluster);
    cluster_wake(cluster);
}

void crib_cluster_close(crib_cluster *cluster, void (*closed)(void *data), void *data)
{
    if (!cluster || cluster->closing)
        return;
    cluster->closed = closed;
    cluster->closed_data = data;
    cluster->stopping = cluster->closing = true;
    restart_cancel(cluster);
    for (crib_worker *worker = cluster->workers; worker; worker = worker->next)
        crib_worker_kill(worker, SIGKILL);
    tear_down(cluster);
}

int crib_cluster_scale(crib_cluster *cluster, unsigned workers)
{
    if (workers > CLUSTER_MAX_WORKERS)
        return -EINVAL;
    if (cluster_stops(cluster))
        return -ESHUTDOWN;
    cluster->wanted = workers;
    cluster_wake(cluster);
    return 0;
}
