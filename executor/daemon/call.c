/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/call.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/attach.h"
#include "daemon/cluster_call.h"
#include "daemon/connection.h"
#include "daemon/daemon.h"

#define NANO_PER_MS 1000000

struct daemon *call_daemon(const struct call *call)
{
    return call->connection->daemon;
}

struct entry *call_entry(struct call *call, uint64_t id)
{
    struct entry *entry = entry_find(call_daemon(call), &call->connection->peer, id);

    if (!entry)
        call_fail_text(call, CODE_NOT_FOUND, -ESRCH, "task", "there is no task %llu",
                       (unsigned long long)id);
    return entry;
}

static void on_timer(uv_timer_t *timer);

/* The nearer of deadline and end of waiting. */
static void arm(struct call *call)
{
    uint64_t at = call->deadline, now = uv_now(call_daemon(call)->loop);

    if (call->until && (!at || call->until < at))
        at = call->until;
    if (!at)
        return;
    if (!call->timed) {
        uv_timer_init(call_daemon(call)->loop, &call->timer);
        call->timer.data = call;
        call->timed = true;
    }
    uv_timer_start(&call->timer, on_timer, at > now ? at - now : 0, 0);
}

static void stop_waiting(struct call *call)
{
    if (!call->entry)
        return;
    *call->link_waiting = call->next_waiting;
    if (call->next_waiting)
        call->next_waiting->link_waiting = call->link_waiting;
    call->entry = NULL;
    call->until = 0;
}

struct call *call_new(struct connection *connection, uint32_t stream, int64_t timeout_nano)
{
    struct call *call = calloc(1, sizeof(*call));

    if (!call)
        return NULL;
    call->connection = connection;
    call->stream = stream;
    arena_init(&call->arena, CALL_ARENA);
    call->next = connection->calls;
    call->link = &connection->calls;
    if (call->next)
        call->next->link = &call->next;
    connection->calls = call;
    uv_update_time(connection->daemon->loop);
    if (timeout_nano > 0) {
        call->deadline = uv_now(connection->daemon->loop) +
                         ((uint64_t)timeout_nano + NANO_PER_MS - 1) / NANO_PER_MS;
        arm(call);
    }
    return call;
}

int call_charge(struct call *call, size_t more)
{
    size_t all = call->arena.used + more;
    int r;

    if (all <= CALL_SPARE) /* else nobody over his quota could read, or end anything */
        return 0;
    r = daemon_charge(call_daemon(call), call->connection->peer.uid, all - call->charged);
    if (r == 0)
        call->charged = all;
    return r;
}

static void on_closed(uv_handle_t *timer)
{
    free(timer->data);
}

void call_drop(struct call *call)
{
    struct daemon *daemon = call_daemon(call);

    if (call->cancel)
        call->cancel(call, call->work);
    turn_cancel(&daemon->turns, &call->turn);
    stop_waiting(call);
    attach_free(call->attach);
    cluster_free(call->cluster);
    *call->link = call->next;
    if (call->next)
        call->next->link = call->link;
    if (call->charged)
        quota_release(daemon->quota, call->connection->peer.uid, QUOTA_BYTES, call->charged);
    quota_release(daemon->quota, call->connection->peer.uid, QUOTA_IN_FLIGHT, 1);
    arena_done(&call->arena);
    if (call->timed)
        uv_close((uv_handle_t *)&call->timer, on_closed);
    else
        free(call);
}

void call_respond(struct call *call, const ProtobufCMessage *response)
{
    struct connection *connection = call->connection;
    uint32_t stream = call->stream;

    call->cancel = NULL;
    connection_respond(connection, stream, NULL, response);
    call_drop(call);
}

void call_finish(struct call *call)
{
    call->cancel = NULL;
    connection_data_end(call->connection, call->stream);
    call_drop(call);
}

void call_fail(struct call *call, enum status_code code, const struct crib_error *error)
{
    struct connection *connection = call->connection;
    struct arena arena;

    call->cancel = NULL;
    arena_init(&arena, 0);
    connection->daemon->metrics.refused[code < 17 ? code : CODE_UNKNOWN]++;
    connection_respond(connection, call->stream, status_new(code, error, &arena), NULL);
    arena_done(&arena);
    call_drop(call);
}

void call_fail_error(struct call *call, const struct crib_error *error)
{
    call_fail(call, status_of(error->code), error);
}

void call_fail_text(struct call *call, enum status_code code, int errno_code, const char *step,
                    const char *format, ...)
{
    struct crib_error error;
    char text[sizeof(error.detail)];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    fail_text(&error, errno_code, step, -1, NULL, "%s", text);
    call_fail(call, code, &error);
}

static void on_timer(uv_timer_t *timer)
{
    struct call *call = timer->data;
    uint64_t now = uv_now(timer->loop);
    void (*cancel)(struct call *, void *) = call->cancel;

    if (call->deadline && now >= call->deadline) {
        call->cancel = NULL;
        if (cancel)
            cancel(call, call->work);
        call_fail_text(call, CODE_DEADLINE_EXCEEDED, -ETIMEDOUT, NULL,
                       "the call's deadline has passed");
        return;
    }
    if (call->entry && call->until && now >= call->until) {
        stop_waiting(call);
        call->attempt(call, true);
        return;
    }
    arm(call);
}

void call_wait(struct call *call, struct entry *entry, unsigned on, uint64_t wait,
               bool (*attempt)(struct call *call, bool last))
{
    if (attempt(call, wait == 0))
        return;
    call->attempt = attempt;
    call->on = on;
    call->entry = entry;
    call->next_waiting = entry->waiting;
    call->link_waiting = &entry->waiting;
    if (call->next_waiting)
        call->next_waiting->link_waiting = &call->next_waiting;
    entry->waiting = call;
    if (wait != UINT64_MAX)
        call->until = uv_now(call_daemon(call)->loop) + (wait < 86400000 ? wait : 86400000);
    arm(call);
}

/*
 * An attempt that answers removes its own call and no other, so the next one stays good. What it
 * changes may wake others again: those calls come from the loop, not from here.
 */
void call_wake(struct entry *entry, unsigned on)
{
    struct call *next;

    for (struct call *call = entry->waiting; call; call = next) {
        next = call->next_waiting;
        if (call->on & on)
            call->attempt(call, false);
    }
}

void call_wake_last(struct entry *entry)
{
    while (entry->waiting) {
        struct call *call = entry->waiting;

        stop_waiting(call);
        call->attempt(call, true);
    }
}
