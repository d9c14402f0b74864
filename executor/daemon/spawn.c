/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spawn and Plan.
 *
 * Theory of operation
 *
 *     asked ─▶ its turn: prepare ─▶ the opener looks at paths ─▶ its turn: plan, start ─▶ answered
 *
 * Of one uid only so many are under way at a time; others wait before the first step. Between the
 * steps others have their turns. The deadline or the end of the connection gives it up
 * at any of them. All of it lives in one arena, which becomes the entry's `setup`.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "api/start.h"
#include "base/fd.h"
#include "daemon/copying.h"
#include "daemon/daemon.h"
#include "daemon/log.h"
#include "daemon/nested.h"
#include "daemon/prepare.h"
#include "daemon/service.h"
#include "supervise/timing.h"
#include "text/text.h"

#define LOGGED_ARGS 32

struct spawning {
    struct call *call;
    struct window_place place;
    bool plan_only;
    struct prepared prepared;
    struct opener_request *opening;
    struct opener_answer opened;
    bool has_opened;
    struct laps *laps; /* NULL: nobody asked for timing */
};

static void close_opened(struct spawning *spawning)
{
    if (!spawning->has_opened)
        return;
    host_fds_done(&spawning->opened.fds);
    for (size_t i = 0; i < spawning->opened.n_files; i++)
        fd_close(&spawning->opened.files[i]);
    free(spawning->opened.files);
    spawning->has_opened = false;
}

static void spawning_free(struct spawning *spawning)
{
    close_opened(spawning);
    if (spawning->opening)
        opener_cancel(spawning->opening);
    prepared_done(call_daemon(spawning->call), &spawning->prepared);
    window_leave(&spawning->place);
    free(spawning->laps);
    free(spawning);
}

static void cancel(struct call *call, void *work)
{
    call->work = NULL;
    spawning_free(work);
}

static void fail(struct spawning *spawning, const struct crib_error *error)
{
    struct call *call = spawning->call;

    log_line(LOG_INFO, "refused",
             (struct log_field[]){LOG_N("uid", call->connection->peer.uid),
                                  LOG_T("step", error->step), LOG_N("code", error->code), LOG_END});
    spawning_free(spawning);
    call_fail_error(call, error);
}

static void fill_entry(struct entry *entry, const struct prepared *prepared,
                       const Crib__SpawnRequest *request, crib_task *task)
{
    const Crib__Task *asked = prepared->task;

    entry->task = task;
    entry->pid = (uint32_t)task->pid;
    entry->policy = arena_text(&entry->arena, prepared->policy_name);
    entry->label = arena_text(&entry->arena, request->label);
    for (size_t fd = 0; fd < prepared->n_stdio; fd++)
        entry->terminal |= prepared->stdio[fd].kind == CRIB_PTY;
    entry->file = arena_bytes(&entry->arena, asked->file.data, asked->file.len);
    for (size_t i = 0; i < asked->n_args; i++) {
        ProtobufCBinaryData arg =
            arena_bytes(&entry->arena, asked->args[i].data, asked->args[i].len);

        if (arena_push_value(&entry->arena, &entry->args, &entry->n_args, &arg, sizeof(arg)) < 0)
            return;
    }
}

/* Bytes of fill_entry()'s copy. */
static size_t size_of_args(const Crib__Task *task)
{
    size_t size = task->file.len;

    for (size_t i = 0; i < task->n_args; i++)
        size += task->args[i].len + 4 * sizeof(task->args[i]);
    return size;
}

static void log_spawn(const struct entry *entry)
{
    const char *words[LOGGED_ARGS + 1] = {NULL};

    for (size_t i = 0; i < entry->n_args && i < LOGGED_ARGS; i++)
        words[i] = (const char *)entry->args[i].data;
    log_line(LOG_INFO, "spawn",
             (struct log_field[]){LOG_N("task", entry->id), LOG_N("uid", entry->uid),
                                  LOG_N("pid", entry->pid), LOG_T("policy", entry->policy),
                                  LOG_T("file", (const char *)entry->file.data),
                                  LOG_W("args", words), LOG_END});
}

static size_t buffer_of(const Crib__SpawnRequest *request)
{
    size_t size = request->detached ? OUTLET_BUFFER_DETACHED : OUTLET_BUFFER;

    if (request->buffer)
        size = request->buffer < OUTLET_BUFFER_MAX ? request->buffer : OUTLET_BUFFER_MAX;
    return size + STREAM_READ_SIZE;
}

static struct dialect_want channel_of(const struct prepared *prepared)
{
    const Crib__Task *task = prepared->task;

    return (struct dialect_want){task->has_channel ? dialect_of(task->channel) : DIALECT_CRIB,
                                 CRIB_MAX_MESSAGE};
}

/* Only what the site's owner has written is made ahead, and no more of it than there are names: not
 * what a client says of paths, nor what is cut down for a task that asks. */
static struct pool *pool_for(const struct spawning *spawning)
{
    const struct prepared *prepared = &spawning->prepared;
    bool named = prepared->policy_name[0] != '\0' && prepared->task->n_vars == 0;

    return named && !prepared->inside ? call_daemon(spawning->call)->ex->pool : NULL;
}

static int start(struct spawning *spawning, Crib__Plan *plan, struct entry **ret,
                 struct crib_error *err)
{
    const Crib__SpawnRequest *request = (const Crib__SpawnRequest *)spawning->call->request;
    struct prepared *prepared = &spawning->prepared;
    struct daemon *daemon = call_daemon(spawning->call);
    struct entry *entry;
    crib_task *task;
    int r = copying_open(daemon, peer_owner(&spawning->call->connection->peer), prepared,
                         spawning->opened.files, spawning->opened.n_files, err);

    if (r < 0)
        return r;
    r = entry_new(daemon, spawning->call->connection, request->detached, &entry);
    if (r < 0)
        return fail_text(err, r, "quota", -1, NULL, "too many tasks: forget some that have ended");
    entry->copying = 3 * copying_contents(prepared); /* the task's, and in its result */
    r = entry_charge(entry, prepared->arena->used + size_of_args(prepared->task) + entry->copying);
    if (r < 0) {
        entry_discard(entry);
        return fail_text(err, r, "quota", -1, NULL, "the task is too large for the queued bytes");
    }
    task = task_new(daemon->loop);
    if (!task) {
        entry_discard(entry);
        return fail_sys(err, -ENOMEM, "task", -1, NULL, NULL);
    }
    executor_add(daemon->ex, task);
    task->on = entry_events;
    task->data = entry;
    task->plan = plan;
    task->pool = pool_for(spawning);
    if (spawning->laps)
        (void)timing_begin(task, spawning->laps);
    entry->buffer = buffer_of(request);
    r = start_task(task, prepared->stdio, prepared->n_stdio, channel_of(prepared),
                   &prepared->copies, &spawning->opened.fds, err);
    if (r < 0) {
        task_discard(task);
        entry_discard(entry);
        return r;
    }
    fill_entry(entry, prepared, request, task);
    if (nested_note(entry, prepared->task, plan) < 0)
        crib_task_kill(task, SIGKILL);
    if (task->channel)
        mailbox_open(entry);
    entry->setup = prepared->arena;
    entry->held = prepared->held;
    prepared->arena = NULL;
    prepared->held = NULL;
    *ret = entry;
    return 0;
}

static void answer_spawn(struct spawning *spawning, Crib__Plan *plan)
{
    Crib__SpawnResponse response = CRIB__SPAWN_RESPONSE__INIT;
    struct call *call = spawning->call;
    struct crib_error error;
    struct entry *entry = NULL;

    if (start(spawning, plan, &entry, &error) < 0) {
        fail(spawning, &error);
        return;
    }
    log_spawn(entry);
    response.task = entry->id;
    response.pid = entry->pid;
    spawning_free(spawning);
    call_respond(call, &response.base);
}

static void answer_plan(struct spawning *spawning, const Crib__Plan *plan)
{
    Crib__PlanResponse response = CRIB__PLAN_RESPONSE__INIT;
    struct call *call = spawning->call;
    struct buf text = {0};

    if (text_write_yaml(&plan->base, &text) < 0 || buf_append(&text, "", 1) < 0) {
        struct crib_error error;

        fail_sys(&error, -ENOMEM, "plan", -1, NULL, "write it");
        fail(spawning, &error);
    } else {
        response.plan = (char *)text.data;
        spawning_free(spawning);
        call_respond(call, &response.base);
    }
    buf_done(&text);
}

static struct call *call_of(struct turn *turn)
{
    return (struct call *)((char *)turn - offsetof(struct call, turn));
}

static int refuse_draining(struct crib_error *err)
{
    return fail_text(err, -ESHUTDOWN, "daemon", -1, NULL, "it is stopping, and takes no new tasks");
}

/* The second turn: everything is known. */
static void carry_out(struct turn *turn)
{
    struct call *call = call_of(turn);
    struct spawning *spawning = call->work;
    struct prepared *prepared = &spawning->prepared;
    struct crib_error error;
    Crib__Plan *plan;
    int r;

    laps_mark(spawning->laps, "daemon.turn");
    call->cancel = NULL;
    spawning->has_opened = true; /* also where there was nothing to look at */
    r = !spawning->plan_only && call_daemon(call)->draining ? refuse_draining(&error) : 0;
    if (r == 0)
        r = prepare_fds(call_daemon(call), peer_owner(&call->connection->peer), prepared,
                        spawning->opened.files, spawning->opened.n_files, &error);
    if (r == 0)
        r = prepare_own(prepared, &spawning->opened.fds, &error);
    laps_mark(spawning->laps, "daemon.fds");
    if (r == 0)
        r = plan_build(prepared->task, prepared->host, prepared->arena, &plan, &error);
    if (r == 0)
        r = prepare_plan(prepared, plan, &error);
    laps_mark(spawning->laps, "plan.build");
    if (r == 0)
        r = plan_compile_laps(plan, prepared->arena, spawning->laps, &error);
    if (r < 0)
        fail(spawning, &error);
    else if (spawning->plan_only)
        answer_plan(spawning, plan);
    else
        answer_spawn(spawning, plan);
}

static void wait_for_turn(struct spawning *spawning, void (*run)(struct turn *turn))
{
    struct call *call = spawning->call;
    struct crib_error error;

    if (turn_wait(&call_daemon(call)->turns, call->connection->peer.uid, &call->turn, run) == 0)
        return;
    call->cancel = NULL;
    fail_sys(&error, -ENOMEM, "request", -1, NULL, NULL);
    fail(spawning, &error);
}

static void on_opened(struct opener_answer *answer, void *data)
{
    struct spawning *spawning = data;
    struct crib_error error;
    const char *path = NULL;

    laps_mark(spawning->laps, "daemon.paths");
    spawning->opening = NULL;
    spawning->opened = *answer;
    spawning->has_opened = true;
    if (answer->code == 0) {
        wait_for_turn(spawning, carry_out);
        return;
    }
    if (answer->failed_file >= 0)
        path = spawning->prepared.files[answer->failed_file].path;
    if (path && spawning->prepared.file_copies[answer->failed_file])
        fail_sys(&error, answer->code, "copy_in",
                 (int)spawning->prepared.file_copies[answer->failed_file] - 1, path, "source");
    else
        fail_sys(&error, answer->code, path ? "stdio" : "host",
                 path ? spawning->prepared.file_fds[answer->failed_file] : -1, path,
                 path ? "open" : "look at the paths");
    spawning->call->cancel = NULL;
    fail(spawning, &error);
}

/* The first turn. */
static void begin(struct turn *turn)
{
    struct call *call = call_of(turn);
    struct spawning *spawning = call->work;
    struct prepared *prepared = &spawning->prepared;
    const Crib__SpawnRequest *request = spawning->plan_only
                                            ? ((const Crib__PlanRequest *)call->request)->spawn
                                            : (const Crib__SpawnRequest *)call->request;
    struct daemon *daemon = call_daemon(call);
    struct crib_error error;
    int r;

    laps_mark(spawning->laps, "daemon.turn");
    r = prepare(daemon, &call->connection->peer, request, prepared, &error);
    laps_mark(spawning->laps, "daemon.prepare");
    if (r == 0 && prepared->arena->used > ENTRY_SPARE &&
        call_charge(call, prepared->arena->used) < 0)
        r = fail_text(&error, -EDQUOT, "request", -1, NULL, "it would be too many queued bytes");
    if (r == 0 && prepared->n_paths + prepared->n_files == 0) {
        wait_for_turn(spawning, carry_out); /* nothing to look at */
        return;
    }
    if (r == 0)
        r = opener_ask(daemon->openers, &call->connection->peer, prepared->paths, prepared->n_paths,
                       prepared->arena, prepared->host, prepared->files, prepared->n_files,
                       on_opened, spawning, &spawning->opening, &error);
    if (r < 0) {
        call->cancel = NULL;
        fail(spawning, &error);
    }
}

/* There is room for it. */
static void go(struct window_place *place)
{
    wait_for_turn((struct spawning *)((char *)place - offsetof(struct spawning, place)), begin);
}

static void begin_timing(struct spawning *spawning, const Crib__SpawnRequest *request)
{
    if (!request->task || !request->task->timing)
        return;
    spawning->laps = malloc(sizeof(*spawning->laps));
    if (spawning->laps)
        laps_begin(spawning->laps);
}

static void ask(struct call *call, bool plan_only)
{
    struct spawning *spawning = calloc(1, sizeof(*spawning));
    int r = -ENOMEM;

    if (spawning) {
        spawning->call = call;
        spawning->plan_only = plan_only;
        if (!plan_only)
            begin_timing(spawning, (const Crib__SpawnRequest *)call->request);
        r = window_enter(&call_daemon(call)->windows, call->connection->peer.uid, &spawning->place,
                         go);
    }
    if (r < 0) {
        if (spawning)
            free(spawning->laps);
        free(spawning);
        call_fail_text(call, CODE_RESOURCE_EXHAUSTED, -ENOMEM, "request", "out of memory");
        return;
    }
    call->work = spawning;
    call->cancel = cancel;
    if (r > 0)
        go(&spawning->place);
}

void spawn_task(struct call *call, const Crib__SpawnRequest *request)
{
    struct crib_error error;

    (void)request;
    if (call_daemon(call)->draining) {
        refuse_draining(&error);
        call_fail_error(call, &error);
    } else {
        ask(call, false);
    }
}

void spawn_plan(struct call *call, const Crib__PlanRequest *request)
{
    if (request->spawn)
        ask(call, true);
    else
        call_fail_text(call, CODE_INVALID_ARGUMENT, -EINVAL, "request", "it names no task");
}
