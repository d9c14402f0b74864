/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/worker.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "cluster/share.h"
#include "cluster/socket.h"
#include "cluster/spawn.h"
#include "cluster/talk.h"

#define SHORT_LIFE_MS 1000 /* of one that never served: a crash, however it ended */

static const struct crib_cluster_events *told(const crib_worker *worker)
{
    return &worker->cluster->options.on;
}

static void *data_of(const crib_worker *worker)
{
    return worker->cluster->options.data;
}

void worker_complain(crib_worker *worker, const struct crib_error *error)
{
    if (complaint_counts(&worker->complaints, error))
        cluster_error(worker->cluster, worker, error);
}

bool worker_serves(const crib_worker *worker)
{
    return worker->state < CRIB_WORKER_LEAVING;
}

/* --- its timer --- */

static void on_timer(uv_timer_t *timer);

static void wait_for(crib_worker *worker, enum worker_waits waits, uint64_t ms)
{
    if (worker->deaf)
        return;
    worker->waits = ms ? waits : WAITS_NOTHING;
    if (ms)
        uv_timer_start(&worker->timer, on_timer, ms, 0);
    else
        uv_timer_stop(&worker->timer);
}

static void ping(crib_worker *worker)
{
    const struct crib_cluster_options *options = &worker->cluster->options;
    int r;

    worker->pinged = ++worker->seq;
    r = worker->talk->ping(worker, worker->pinged);
    if (r == 0)
        wait_for(worker, WAITS_PONG, options->pong_ms);
    else if (r != -ENOTCONN) /* then its channel has ended, which is told otherwise */
        wait_for(worker, WAITS_PING, options->ping_ms);
}

/* It is told of, whatever was told before. */
static void end(crib_worker *worker, int code, const char *why, uint64_t ms)
{
    struct crib_error error;

    fail_text(&error, code, "worker", (int)worker->id, NULL, why, (unsigned long long)ms);
    cluster_error(worker->cluster, worker, &error);
    crib_task_kill(worker->task, SIGKILL);
}

static void end_late(crib_worker *worker)
{
    const struct crib_cluster_options *options = &worker->cluster->options;

    if (worker->late == WAITS_ONLINE)
        end(worker, -ETIMEDOUT, "it was not online within %llu ms: it is killed",
            options->ready_ms);
    else
        end(worker, -ETIMEDOUT, "a ping was not answered within %llu ms: it is killed",
            options->pong_ms);
}

static void on_timer(uv_timer_t *timer)
{
    crib_worker *worker = timer->data;
    enum worker_waits waits = worker->waits;

    worker->waits = WAITS_NOTHING;
    switch (waits) {
    case WAITS_PING:
        ping(worker);
        break;
    case WAITS_ONLINE:
    case WAITS_PONG:
        worker->late = waits;
        wait_for(worker, WAITS_LATE, CLUSTER_LATE_MS);
        break;
    case WAITS_LATE:
        end_late(worker);
        break;
    case WAITS_DEAF:
        end(worker, -ENOBUFS, "it does not read what it is told, %llu messages: it is killed",
            worker->unread);
        break;
    case WAITS_GRACE:
        crib_task_kill(worker->task, SIGKILL);
        break;
    case WAITS_NOTHING:
        break;
    }
}

void worker_ponged(crib_worker *worker, uint64_t seq)
{
    bool awaited =
        worker->waits == WAITS_PONG || (worker->waits == WAITS_LATE && worker->late == WAITS_PONG);

    if (awaited && seq == worker->pinged)
        wait_for(worker, WAITS_PING, worker->cluster->options.ping_ms);
}

/* --- what it is told --- */

/* Not at once: whoever says something to it is in the middle of something. */
static void give_up(crib_worker *worker)
{
    wait_for(worker, WAITS_DEAF, 1);
    worker->deaf = true;
}

int worker_say(crib_worker *worker, const char *type, const void *data, size_t len, int fd)
{
    int r = worker->deaf ? -ENOTCONN : crib_task_send(worker->task, type, data, len, &fd, fd >= 0);

    if (r == 1 && ++worker->unread >= CLUSTER_UNREAD)
        give_up(worker);
    return r < 0 ? r : 0;
}

static void on_drain(crib_task *task, void *data)
{
    crib_worker *worker = data;

    (void)task;
    worker->unread = 0;
}

/* --- leaving --- */

static void begin_to_leave(crib_worker *worker)
{
    worker->state = CRIB_WORKER_LEAVING;
    for (struct part *part = worker->parts; part; part = part->next)
        part_rest(part);
    wait_for(worker, WAITS_GRACE, worker->cluster->options.grace_ms);
}

int worker_retire(crib_worker *worker)
{
    if (worker->state == CRIB_WORKER_DEAD)
        return -ESRCH;
    worker->left = worker->asked_to = true;
    if (worker->state == CRIB_WORKER_LEAVING)
        return 0;
    begin_to_leave(worker);
    if (worker->connected)
        worker->talk->leave(worker);
    if (!worker->spoke || !worker->connected)
        crib_task_kill(worker->task, SIGTERM);
    return 0;
}

void worker_leaves(crib_worker *worker)
{
    worker->left = true;
    if (worker->state >= CRIB_WORKER_LEAVING)
        return;
    begin_to_leave(worker);
    cluster_wake(worker->cluster);
}

/* --- what it says --- */

void worker_online(crib_worker *worker)
{
    if (worker->state != CRIB_WORKER_STARTING)
        return;
    worker->state = CRIB_WORKER_ONLINE;
    wait_for(worker, WAITS_PING, worker->cluster->options.ping_ms);
    if (told(worker)->online)
        told(worker)->online(worker, data_of(worker));
    restart_served(worker->cluster);
}

static void serves(crib_worker *worker, const struct listen_address *address)
{
    char text[LISTEN_TEXT];

    if (!worker_serves(worker))
        return;
    worker->state = CRIB_WORKER_LISTENING;
    worker->served = true;
    respawn_served(&worker->cluster->respawn);
    listen_text(address, text);
    if (told(worker)->listening)
        told(worker)->listening(worker, text, data_of(worker));
    restart_served(worker->cluster);
}

void worker_listening(crib_worker *worker, struct part *part)
{
    if (part->announced)
        return;
    part->announced = true;
    serves(worker, &part->bound->address);
}

static void answer(crib_worker *worker, const struct ask *ask, struct part *part, int fd,
                   const struct crib_error *why)
{
    struct crib_error error;
    int r = worker->talk->answer(worker, ask, part, fd, why);

    if (r == 0 && part)
        share_serve(part->bound);
    if (r == 0)
        return;
    if (part)
        part_leave(part, false);
    if (r == -ENOTCONN)
        return; /* its channel has ended, which is told otherwise */
    fail_sys(&error, r, "worker", (int)worker->id, NULL, "answer it");
    worker_complain(worker, &error);
    if (part) /* it waits for something */
        (void)worker->talk->answer(worker, ask, NULL, -1, &error);
}

void worker_asks(crib_worker *worker, const struct ask *ask)
{
    struct crib_error error;
    struct part *part = NULL;
    int fd = -1, r;

    if (worker->state >= CRIB_WORKER_LEAVING) {
        /* It could not know: no fault of its. It may not hear us any more. */
        fail_text(&error, -ESHUTDOWN, "listen", -1, NULL, "this worker is to leave");
        (void)worker->talk->answer(worker, ask, NULL, -1, &error);
        return;
    }
    r = socket_join(worker, ask, &part, &fd, &error);
    if (r < 0)
        worker_complain(worker, &error);
    answer(worker, ask, part, fd, r < 0 ? &error : NULL);
    fd_close(&fd);
}

/* --- what comes of its task --- */

static void on_spawn(crib_task *task, void *data)
{
    crib_worker *worker = data;

    (void)task;
    if (worker_serves(worker) && worker->cluster->options.ping_ms)
        wait_for(worker, WAITS_ONLINE, worker->cluster->options.ready_ms);
    if (told(worker)->fork)
        told(worker)->fork(worker, data_of(worker));
    for (struct bound *bound = worker->cluster->sockets; bound; bound = bound->next)
        if (bound->hand) {
            worker_online(worker); /* it may know of sockets only, and not of clusters */
            serves(worker, &bound->address);
        }
}

static void on_message(crib_task *task, struct crib_message *message, void *data)
{
    crib_worker *worker = data;

    (void)task;
    if (!worker->talk->message(worker, message) && told(worker)->message)
        told(worker)->message(worker, message, data_of(worker));
}

static void on_disconnect(crib_task *task, void *data)
{
    crib_worker *worker = data;

    (void)task;
    worker->connected = false;
    if (worker->state < CRIB_WORKER_LEAVING)
        begin_to_leave(worker);
    if (told(worker)->disconnect)
        told(worker)->disconnect(worker, data_of(worker));
}

static void on_denied(crib_task *task, const struct crib_denial *denial, void *data)
{
    crib_worker *worker = data;

    (void)task;
    if (told(worker)->denied)
        told(worker)->denied(worker, denial, data_of(worker));
}

static void on_error(crib_task *task, const struct crib_error *error, void *data)
{
    crib_worker *worker = data;

    (void)task;
    cluster_error(worker->cluster, worker, error);
}

static enum worker_end end_of(const crib_worker *worker, const struct crib_result *result)
{
    bool failed = result->verdict != CRIB_EXITED || result->status != 0;
    bool brief = cluster_now(worker->cluster) - worker->started_ms < SHORT_LIFE_MS;

    if (worker->asked_to)
        return END_WELL;
    if ((failed && !worker->left) || (!worker->served && brief))
        return END_CRASH;
    return brief ? END_BRIEF : END_WELL;
}

static void on_timer_closed(uv_handle_t *handle)
{
    crib_worker *worker = handle->data;
    crib_cluster *cluster = worker->cluster;

    free(worker->own.list);
    free(worker);
    cluster_handle_closed(cluster);
}

static void on_close(crib_task *task, const struct crib_result *result, void *data)
{
    crib_worker *worker = data;

    (void)task;
    worker->state = CRIB_WORKER_DEAD;
    while (worker->parts)
        part_leave(worker->parts, false);
    if (told(worker)->exit)
        told(worker)->exit(worker, result, data_of(worker));
    *worker->link = worker->next;
    if (worker->next)
        worker->next->link = worker->link;
    else
        worker->cluster->workers_last = worker->link;
    uv_close((uv_handle_t *)&worker->timer, on_timer_closed);
    cluster_ended(worker->cluster, worker, end_of(worker, result));
}

int worker_start(crib_cluster *cluster, crib_worker **ret, struct crib_error *err)
{
    static const struct crib_events events = {.spawn = on_spawn,
                                              .message = on_message,
                                              .drain = on_drain,
                                              .disconnect = on_disconnect,
                                              .denied = on_denied,
                                              .error = on_error,
                                              .close = on_close};
    crib_worker *worker = calloc(1, sizeof(*worker));
    int r;

    if (!worker)
        return fail_sys(err, -ENOMEM, "worker", -1, NULL, NULL);
    worker->cluster = cluster;
    worker->id = cluster->next_id++;
    worker->state = CRIB_WORKER_STARTING;
    worker->talk = cluster->node ? &talk_node : &talk_crib;
    worker->connected = true;
    worker->started_ms = cluster_now(cluster);
    r = spawn_worker(worker, &events, err);
    if (r < 0) {
        free(worker->own.list);
        free(worker);
        return r;
    }
    uv_timer_init(cluster->loop, &worker->timer);
    worker->timer.data = worker;
    cluster->handles++;
    worker->link = cluster->workers_last;
    *worker->link = worker;
    cluster->workers_last = &worker->next;
    *ret = worker;
    return 0;
}

/* --- the public part --- */

unsigned crib_worker_id(const crib_worker *worker)
{
    return worker->id;
}

enum crib_worker_state crib_worker_state(const crib_worker *worker)
{
    return worker->state;
}

crib_cluster *crib_worker_cluster(const crib_worker *worker)
{
    return worker->cluster;
}

crib_task *crib_worker_task(const crib_worker *worker)
{
    return worker->task;
}

bool crib_worker_left(const crib_worker *worker)
{
    return worker->left;
}

int crib_worker_disconnect(crib_worker *worker)
{
    int r = worker_retire(worker);

    cluster_wake(worker->cluster);
    return r;
}

int crib_worker_kill(crib_worker *worker, int signo)
{
    int r = crib_task_kill(worker->task, signo);

    if (r == 0 && signo != 0)
        worker->left = worker->asked_to = true;
    return r;
}
