/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A rolling restart: a successor is started, and when it serves what the old worker serves, that
 * one leaves. When it has ended the next one's turn comes.
 */
#include "cluster/cluster.h"

#include <errno.h>

#include "base/error.h"
#include "cluster/worker.h"

unsigned restart_extra(const crib_cluster *cluster)
{
    const struct restart *restart = &cluster->restart;

    return restart->fresh && restart->old && cluster_counts(restart->old);
}

/* A successor that does not serve yet is not worth an old one that does. */
void restart_cancel(crib_cluster *cluster)
{
    struct restart *restart = &cluster->restart;
    crib_worker *fresh = restart_extra(cluster) ? restart->fresh : NULL;

    uv_timer_stop(&restart->timer);
    restart->on = restart->again = false;
    restart->old = restart->fresh = NULL;
    if (fresh)
        worker_retire(fresh);
}

void restart_fail(crib_cluster *cluster, const struct crib_error *why)
{
    bool again = cluster->restart.again;

    restart_cancel(cluster);
    cluster_error(cluster, NULL, why);
    if (again)
        crib_cluster_restart(cluster);
}

/* Return: whether it serves what the old one serves. */
static bool takes_over(const crib_worker *fresh, const crib_worker *old)
{
    if (fresh->state != CRIB_WORKER_ONLINE && fresh->state != CRIB_WORKER_LISTENING)
        return false;
    for (const struct part *part = old ? old->parts : NULL; part; part = part->next) {
        const struct part *mine = fresh->parts;

        while (mine && mine->bound != part->bound)
            mine = mine->next;
        if (part->announced && (!mine || !mine->announced))
            return false;
    }
    return true;
}

static void on_late(uv_timer_t *timer)
{
    crib_cluster *cluster = timer->data;
    crib_worker *fresh = cluster->restart.fresh;
    struct crib_error error;

    if (!cluster->restart.late) {
        cluster->restart.late = true;
        uv_timer_start(timer, on_late, CLUSTER_LATE_MS, 0);
        return;
    }
    fail_text(&error, -ETIMEDOUT, "restart", (int)fresh->id, NULL,
              "the new worker did not serve within %llu ms: the old ones stay",
              (unsigned long long)cluster->options.ready_ms);
    worker_retire(fresh);
    restart_fail(cluster, &error);
    cluster_wake(cluster);
}

static crib_worker *next_old(const crib_cluster *cluster)
{
    crib_worker *worker = cluster->workers;

    while (worker && (worker->id >= cluster->restart.before || !worker_serves(worker)))
        worker = worker->next;
    return worker;
}

static void replace(crib_cluster *cluster)
{
    struct restart *restart = &cluster->restart;
    struct crib_error error;
    crib_worker *fresh;
    int r = worker_start(cluster, &fresh, &error);

    if (!restart->on) /* the caller's `prepare` has stopped it all */
        return;
    if (r < 0) {
        restart_fail(cluster, &error);
        return;
    }
    restart->fresh = fresh;
    restart->late = false;
    uv_timer_start(&restart->timer, on_late, cluster->options.ready_ms, 0);
}

static void next(crib_cluster *cluster)
{
    struct restart *restart = &cluster->restart;

    restart->old = next_old(cluster);
    if (restart->old) {
        replace(cluster);
        return;
    }
    restart->on = false;
    if (restart->again) {
        crib_cluster_restart(cluster);
        return;
    }
    if (cluster->options.on.restarted)
        cluster->options.on.restarted(cluster, cluster->options.data);
}

void restart_served(crib_cluster *cluster)
{
    struct restart *restart = &cluster->restart;

    if (!restart->fresh || !takes_over(restart->fresh, restart->old))
        return;
    uv_timer_stop(&restart->timer);
    restart->fresh = NULL;
    if (restart->old)
        worker_retire(restart->old);
    else
        next(cluster);
    cluster_wake(cluster);
}

void restart_ended(crib_cluster *cluster, const crib_worker *worker)
{
    struct restart *restart = &cluster->restart;
    struct crib_error error;

    if (!restart->on)
        return;
    if (worker == restart->fresh && worker->asked_to) { /* all are to be fewer, perhaps */
        restart->fresh = NULL;
        uv_timer_stop(&restart->timer);
        next(cluster);
    } else if (worker == restart->fresh) {
        fail_text(&error, -ECHILD, "restart", (int)worker->id, NULL,
                  "the new worker ended before it served: the old ones stay");
        restart_fail(cluster, &error);
    } else if (worker == restart->old) {
        restart->old = NULL;
        if (restart->fresh)
            restart_served(cluster);
        else
            next(cluster);
    }
}

static void on_begin(uv_timer_t *timer)
{
    crib_cluster *cluster = timer->data;
    struct crib_error error;

    if (cluster_allow(cluster, &cluster->worker, &cluster->allowed, &error) < 0) {
        restart_fail(cluster, &error);
        cluster_wake(cluster); /* where it had given up, this is the end */
        return;
    }
    respawn_anew(&cluster->respawn);
    next(cluster);
    cluster_keep(cluster);
}

/* It begins from the loop: what goes wrong is told from there, and not out of this call. */
int crib_cluster_restart(crib_cluster *cluster)
{
    struct restart *restart = &cluster->restart;

    if (cluster_stops(cluster))
        return -ESHUTDOWN;
    if (restart->on) {
        restart->again = true;
        return -EALREADY;
    }
    restart->on = true;
    cluster->ended = false;
    restart->again = false;
    restart->before = cluster->next_id;
    uv_timer_start(&restart->timer, on_begin, 0, 0);
    return 0;
}
