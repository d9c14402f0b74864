/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client wants of a cluster that runs. What cannot be done is told as `error`.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "primary/running.h"
#include "supervise/task.h"

#define SIGNAL_MOST 64
#define UNREAD_MOST CRIB_MAX_MESSAGE /* bytes that a worker has not taken: no more are added */

static void complain(struct primary *primary, unsigned worker, int code, const char *step,
                     const char *text)
{
    struct crib_error error;

    fail_text(&error, code, step, worker ? (int)worker : -1, NULL, "%s", text);
    event_error(primary, worker, &error);
}

/* Return: NULL, and it has been told. */
static crib_worker *find(struct primary *primary, uint32_t id, const char *step)
{
    crib_worker *worker = NULL;

    while ((worker = crib_cluster_next(primary->cluster, worker)))
        if (crib_worker_id(worker) == id)
            return worker;
    complain(primary, id, -ESRCH, step, "there is no such worker");
    return NULL;
}

static void scale(struct primary *primary, const Crib__ClusterInput__Scale *asked)
{
    int r = asked->has_workers ? crib_cluster_scale(primary->cluster, asked->workers) : -EINVAL;

    if (r < 0)
        complain(primary, 0, r, "scale",
                 r == -EINVAL ? "0 to 1,024 workers" : "the cluster is stopping");
}

static void restart(struct primary *primary)
{
    struct crib_error error;
    int r = begin_allowed(primary, &error);

    if (r < 0) {
        event_error(primary, 0, &error);
        return;
    }
    r = crib_cluster_restart(primary->cluster);
    if (r < 0 && r != -EALREADY)
        complain(primary, 0, r, "restart",
                 r == -ESHUTDOWN ? "the cluster is stopping" : strerror(-r));
}

static void kill_worker(struct primary *primary, const Crib__ClusterInput__Kill *asked)
{
    crib_worker *worker = find(primary, asked->worker, "kill");
    uint32_t signo = asked->has_signal ? asked->signal : SIGTERM;
    int r = signo > SIGNAL_MOST ? -EINVAL : 0;

    if (!worker)
        return;
    if (r == 0)
        r = crib_worker_kill(worker, (int)signo);
    if (r < 0)
        complain(primary, asked->worker, r, "kill",
                 r == -ESRCH ? "the worker has ended" : "no such signal");
}

static void disconnect(struct primary *primary, uint32_t id)
{
    crib_worker *worker = find(primary, id, "disconnect");

    if (worker && crib_worker_disconnect(worker) < 0)
        complain(primary, id, -ESRCH, "disconnect", "the worker has ended");
}

/* --- messages --- */

static void forget(struct primary *primary)
{
    buf_done(&primary->sending);
    primary->sending.max = CRIB_MAX_MESSAGE;
    free(primary->sending_type);
    primary->sending_type = NULL;
}

/* Return: 0; a negative errno, and @ret_why. */
static int collect(struct primary *primary, const Crib__ClusterInput__Send *chunk,
                   const char **ret_why)
{
    *ret_why = "a message has its type with the first chunk, one worker, and 64 MiB at most";
    if (!primary->sending_type) {
        if (!chunk->type)
            return -EINVAL;
        primary->sending_to = chunk->worker;
        primary->sending_type = strdup(chunk->type);
    } else if (chunk->type || chunk->worker != primary->sending_to) {
        return -EINVAL;
    }
    if (!primary->sending_type)
        return -ENOMEM;
    if (!chunk->data.len)
        return 0;
    return buf_append(&primary->sending, chunk->data.data, chunk->data.len);
}

/* One that does not read its messages must not fill this process. */
static bool is_full(const crib_task *task)
{
    return task->channel && dialect_pending(&task->channel->dialect) > UNREAD_MOST;
}

static void deliver(struct primary *primary)
{
    crib_worker *worker = find(primary, primary->sending_to, "send");
    crib_task *task = worker ? crib_worker_task(worker) : NULL;
    int r;

    if (!worker)
        return;
    r = is_full(task) ? -ENOBUFS
                      : crib_task_send(task, primary->sending_type, primary->sending.data,
                                       primary->sending.len, NULL, 0);
    if (r < 0)
        complain(primary, primary->sending_to, r, "send",
                 r == -ENOBUFS    ? "it does not read its messages: this one is dropped"
                 : r == -ENOTCONN ? "its channel has ended"
                                  : strerror(-r));
}

static void take_chunk(struct primary *primary, const Crib__ClusterInput__Send *chunk)
{
    const char *why;
    int r = collect(primary, chunk, &why);

    if (r < 0)
        complain(primary, chunk->worker, r, "send", why);
    else if (!chunk->more)
        deliver(primary);
    if (r < 0 || !chunk->more)
        forget(primary);
}

static void stop(struct primary *primary)
{
    primary->stopping = true;
    crib_cluster_stop(primary->cluster);
}

void command(struct primary *primary, const Crib__ClusterInput *input)
{
    if (input->scale)
        scale(primary, input->scale);
    else if (input->restart)
        restart(primary);
    else if (input->stop)
        stop(primary);
    else if (input->kill)
        kill_worker(primary, input->kill);
    else if (input->disconnect)
        disconnect(primary, input->disconnect->worker);
    else if (input->send)
        take_chunk(primary, input->send);
}
