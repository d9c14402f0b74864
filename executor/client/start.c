/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a request to a task that a daemon has begun to start. What it refuses is refused here,
 * before any callback: the answer is waited for.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/remote.h"

/* What is decided about a task here: its end is begun by us, all else by the daemon. */
static int make_plan(crib_task *task, const struct crib_options *options, struct crib_error *err)
{
    Crib__Plan *plan = ARENA_NEW(&task->arena, crib__plan, Crib__Plan);
    Crib__LifePlan *life = ARENA_NEW(&task->arena, crib__life_plan, Crib__LifePlan);

    if (!plan || !life)
        return fail_sys(err, -ENOMEM, "task", -1, NULL, NULL);
    life->has_detached = life->has_kill_signal = true;
    life->detached = options->detached;
    life->kill_signal = (uint32_t)options->kill_signal;
    plan->life = life;
    task->plan = plan;
    return 0;
}

/* As a daemon of root gives ids to what root asks for; others' tasks have the caller's own. But by
 * its policy a task may have one that only the daemon knows. */
static void own_pipes(const struct stdio_set *set, const struct crib_options *options)
{
    Crib__IdsPlan ids = CRIB__IDS_PLAN__INIT;

    stdio_share(set);
    if (geteuid() != 0)
        return;
    ids.uid = options->set_uid ? (uint32_t)options->uid : PLAN_TASK_ID;
    ids.gid = options->set_gid ? (uint32_t)options->gid : PLAN_TASK_ID;
    stdio_own(set, &ids);
}

/* What is too large for a frame is too large for an exec too, or nearly. */
static int too_large(int r, struct crib_error *err)
{
    if (r != -EMSGSIZE)
        return r;
    return fail_text(err, -E2BIG, "program", -1, NULL,
                     "arguments and environment are over the 4 MiB that a daemon takes");
}

static int ask_spawn(struct remote_task *to, struct remote_request *ask, struct crib_error *err)
{
    Crib__SpawnResponse *response;
    ProtobufCMessage *answer;
    int r;

    laps_mark(to->task->laps, "client.request");
    to->asked = to->task->laps ? laps_newest(to->task->laps) - to->task->laps->begun : 0;
    r = rpc_wait(to->link->rpc, RPC_SPAWN, &ask->message->base, to->link->deadline_ms, ask->arena,
                 &answer, err);

    laps_mark(to->task->laps, "client.spawn");
    if (r < 0)
        return too_large(r, err);
    response = (Crib__SpawnResponse *)answer;
    to->number = response->task;
    to->task->pid = (pid_t)response->pid;
    return 0;
}

/* The daemon has the task: from now on it is a STARTING one. */
static int begin(struct remote_task *to, struct crib_error *err)
{
    int r;

    to->task->place = &remote_place;
    to->task->remote = to;
    task_begin(to->task);
    remote_link_enter(to->link, to);
    r = remote_task_ask(to);
    return r < 0 ? fail_sys(err, r, "daemon", -1, NULL, "ask for the task's events") : 0;
}

static int hand_over(struct remote_task *to, struct remote_request *ask, struct stdio_set *set,
                     struct crib_error *err)
{
    size_t count = 0;
    struct rpc_fds *side;
    struct remote_copies copies = {0};
    char **names;
    int r = remote_link_fds(to->link, &side, err);

    if (r < 0)
        return r;
    r = remote_request_fds(ask, side, set, &names, &count, err);
    if (r == 0)
        r = remote_copies_open(ask, side, &copies, err);
    if (r == 0 && left_new(to->task, copies.open.out, copies.open.n_out) < 0)
        r = fail_sys(err, -ENOMEM, "copy_out", -1, NULL, NULL);
    if (r == 0)
        r = start_ends(to->task, set, request_channel(ask->request), err);
    if (r == 0)
        r = ask_spawn(to, ask, err);
    if (count)
        (void)rpc_fds_release(side, names, count);
    remote_copies_done(side, &copies);
    return r;
}

static int start_on(struct remote_link *link, crib_task *task, struct remote_request *ask,
                    struct crib_error *err)
{
    const struct request *request = ask->request;
    struct remote_task *to = arena_alloc(&task->arena, sizeof(*to));
    struct stdio_set set;
    int r = to ? make_plan(task, &request->options, err)
               : fail_sys(err, -ENOMEM, "task", -1, NULL, NULL);

    if (r == 0)
        r = remote_request_fill(ask, err);
    if (r == 0)
        r = stdio_open(request->stdio, request->stdio_count, &set, err);
    if (r < 0)
        return r;
    *to = (struct remote_task){.task = task, .link = link};
    own_pipes(&set, &request->options);
    r = hand_over(to, ask, &set, err);
    if (r == 0)
        stdio_given(&set);
    stdio_done(&set);
    return r < 0 ? r : begin(to, err);
}

/* The executor's link; one of its own for a start on another loop. */
static int get_link(crib *ex, uv_loop_t *loop, struct remote_link **ret, struct crib_error *err)
{
    struct remote *remote = ex->remote;
    int r;

    if (loop != ex->loop)
        return remote_link_open(remote, loop, ret, err);
    if (remote->link && rpc_broken(remote->link->rpc))
        remote_link_release(remote->link);
    if (!remote->link) {
        r = remote_link_open(remote, loop, &remote->link, err);
        if (r < 0)
            return r;
        remote->link->remote = remote;
    }
    *ret = remote->link;
    return 0;
}

int remote_start(crib *ex, uv_loop_t *loop, const struct request *request, crib_task **ret,
                 struct crib_error *err)
{
    struct remote_link *link;
    struct arena arena;
    struct remote_request ask = {request, &arena, &ex->policies};
    crib_task *task;
    int r = get_link(ex, loop, &link, err);

    if (r < 0)
        return r;
    arena_init(&arena, 0);
    task = start_new(ex, loop, request, err);
    r = task ? start_on(link, task, &ask, err) : -ENOMEM;
    arena_done(&arena);
    if (r < 0 && task)
        start_discard(ex, task);
    if (loop != ex->loop)
        remote_link_release(link);
    if (r == 0)
        *ret = task;
    return r;
}

static int ask_plan(struct remote_link *link, struct remote_request *ask, char **ret,
                    struct crib_error *err)
{
    Crib__PlanRequest message = CRIB__PLAN_REQUEST__INIT;
    ProtobufCMessage *answer;
    int r;

    message.spawn = ask->message;
    r = rpc_wait(link->rpc, RPC_PLAN, &message.base, link->deadline_ms, ask->arena, &answer, err);
    if (r < 0)
        return too_large(r, err);
    *ret = strdup(((Crib__PlanResponse *)answer)->plan);
    return *ret ? 0 : fail_sys(err, -ENOMEM, "plan", -1, NULL, NULL);
}

int remote_plan(crib *ex, const struct request *request, char **ret_text, struct crib_error *err)
{
    struct remote_link *link;
    struct arena arena;
    struct remote_request ask = {request, &arena, &ex->policies, .planned = true};
    struct stdio_set set = {.null = -1};
    struct rpc_fds *side;
    char **names;
    size_t count = 0;
    int r = get_link(ex, ex->loop, &link, err);

    if (r < 0)
        return r;
    arena_init(&arena, 0);
    r = remote_request_fill(&ask, err);
    if (r == 0)
        remote_copies_plan(ask.message->task);
    if (r == 0)
        r = stdio_open(request->stdio, request->stdio_count, &set, err);
    if (r == 0)
        r = remote_link_fds(link, &side, err);
    if (r == 0)
        r = remote_request_fds(&ask, side, &set, &names, &count, err);
    if (r == 0)
        r = ask_plan(link, &ask, ret_text, err);
    if (count)
        (void)rpc_fds_release(side, names, count);
    stdio_done(&set);
    arena_done(&arena);
    return r;
}
