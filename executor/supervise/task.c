/* SPDX-License-Identifier: Apache-2.0 */
#include "supervise/task.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fd.h"
#include "supervise/escalation.h"
#include "supervise/left.h"
#include "supervise/meter.h"
#include "supervise/overlays.h"
#include "supervise/placeholders.h"

static const unsigned moves[] = {
    [TASK_NEW] = 1u << TASK_STARTING | 1u << TASK_ENDING,
    [TASK_STARTING] = 1u << TASK_RUNNING | 1u << TASK_ENDING,
    [TASK_RUNNING] = 1u << TASK_ENDING,
    [TASK_ENDING] = 1u << TASK_ENDED,
    [TASK_ENDED] = 0,
};

bool task_may_move(enum task_state from, enum task_state to)
{
    return moves[from] >> to & 1;
}

void task_move(crib_task *task, enum task_state to)
{
    assert(task_may_move(task->state, to));
    task->state = to;
}

crib_task *task_new(uv_loop_t *loop)
{
    crib_task *task = calloc(1, sizeof(*task));

    if (!task)
        return NULL;
    task->loop = loop;
    task->launch = (struct launch){.pidfd = -1, .control = -1};
    task->result.status = -1;
    task->result.limit = task->result.call = "";
    arena_init(&task->arena, 0);
    return task;
}

static void free_task(crib_task *task)
{
    crib_stream *stream;

    while ((stream = task->streams)) {
        task->streams = stream->next;
        stream_free(stream);
    }
    relays_free(task);
    left_free(task);
    overlays_free(task);
    placeholders_remove(task->placeholders);
    channel_free(task->channel);
    arena_done(&task->arena);
    free(task);
}

/* The last handle is closed: `close`, and nothing after it. */
static void finish(crib_task *task)
{
    laps_mark(task->laps, "supervise.result");
    if (!task->silent && task->on.close)
        task->on.close(task, &task->result, task->data);
    if (!task->silent && task->on_closed)
        task->on_closed(task, task->closed_data);
    if (task->on_freed)
        task->on_freed(task, task->owner);
    free_task(task);
}

void task_handle_closed(uv_handle_t *handle)
{
    crib_task *task = handle->data;

    if (--task->handles == 0)
        finish(task);
}

static bool all_ended(const crib_task *task)
{
    for (const crib_stream *stream = task->streams; stream; stream = stream->next)
        if (!stream->ended)
            return false;
    return task->reaped && !left_busy(task) && !overlays_busy(task) && relays_ended(task) &&
           (!task->channel || task->channel->ended);
}

void task_settle(crib_task *task)
{
    if (task->state != TASK_ENDING || !all_ended(task))
        return;
    task_move(task, TASK_ENDED);
    uv_close((uv_handle_t *)&task->timer, task_handle_closed);
    meter_close(task);
    if (task->place)
        task->place->close(task);
}

void task_emit_error(crib_task *task, const struct crib_error *error)
{
    if (!task->silent && task->on.error)
        task->on.error(task, error, task->data);
}

static void on_stream_ended(crib_stream *stream, void *owner)
{
    (void)stream;
    task_settle(owner);
}

int task_add_stream(crib_task *task, int number, int fd, bool writes)
{
    crib_stream *stream = stream_new(task->loop, number, fd, writes, on_stream_ended, task);

    if (!stream)
        return -ENOMEM;
    output_watch(task, stream);
    stream->next = task->streams;
    task->streams = stream;
    return 0;
}

static void on_message(struct channel *channel, struct frame *frame, void *owner)
{
    struct crib_message message = {.type = frame->type ? frame->type : "",
                                   .data = frame->payload,
                                   .len = frame->len,
                                   .fds = frame->fds,
                                   .nfds = frame->nfds};
    crib_task *task = owner;

    (void)channel;
    if (!task->silent && task->on.message)
        task->on.message(task, &message, task->data);
}

static void on_drain(struct channel *channel, void *owner)
{
    crib_task *task = owner;

    (void)channel;
    if (!task->silent && task->on.drain)
        task->on.drain(task, task->data);
}

static void on_channel_failed(struct channel *channel, const struct crib_error *error, void *owner)
{
    (void)channel;
    task_emit_error(owner, error);
}

static void on_channel_ended(struct channel *channel, void *owner)
{
    crib_task *task = owner;

    (void)channel;
    if (!task->silent && task->on.disconnect)
        task->on.disconnect(task, task->data);
    task_settle(task);
}

int task_add_channel(crib_task *task, int sock, struct dialect_want want)
{
    static const struct channel_events events = {on_message, on_drain, on_channel_failed,
                                                 on_channel_ended};

    return channel_new(task->loop, sock, want, &events, task, &task->channel);
}

static void all_dead(crib_task *task, bool drop)
{
    for (crib_stream *stream = task->streams; stream; stream = stream->next)
        stream_dead(stream, drop);
    relays_dead(task, drop);
    if (task->channel)
        channel_dead(task->channel);
}

void task_begin(crib_task *task)
{
    uv_timer_init(task->loop, &task->timer);
    task->timer.data = task;
    task->handles = 1;
    task->started_us = clock_us();
    task_move(task, TASK_STARTING);
}

static void on_patience(uv_timer_t *timer)
{
    relays_drop(timer->data);
}

/* Whether the program was ended before it had written all that it would, or may. */
static bool was_cut_short(const crib_task *task)
{
    switch (task->result.verdict) {
    case CRIB_WALL_TIMEOUT:
    case CRIB_CPU_TIMEOUT:
    case CRIB_MEMORY:
    case CRIB_PIDS:
    case CRIB_KILLED:
        return true;
    default:
        return false;
    }
}

/* What it could not write it never would have: a reader gets a moment. Others are owed every byte.
 */
static void hurry_relays(crib_task *task)
{
    if (!was_cut_short(task) || task->state != TASK_ENDING || relays_ended(task))
        return;
    uv_update_time(task->loop);
    uv_timer_start(&task->timer, on_patience, TASK_GRACE_MS, 0);
}

void task_gone(crib_task *task)
{
    laps_mark(task->laps, "supervise.teardown");
    task->reaped = true;
    left_gone(task, 0);
    placeholders_remove(task->placeholders);
    task->placeholders = NULL;
    overlays_gone(task);
    all_dead(task, task->stopping);
    hurry_relays(task);
    task_settle(task);
}

/* Nothing is told of it: what still has to be closed is closed by the loop. */
void task_discard(crib_task *task)
{
    task->silent = task->reaped = task->control_ended = true;
    if (!task->handles && !task->channel) {
        finish(task);
        return;
    }
    if (!task->handles)
        task_begin(task);
    uv_timer_stop(&task->timer);
    if (task->place)
        task->place->quiet(task);
    task_move(task, TASK_ENDING);
    for (crib_stream *stream = task->streams; stream; stream = stream->next)
        stream_drop(stream);
    relays_drop(task);
    if (task->channel)
        channel_drop(task->channel);
    task_settle(task);
}

/* A detached task goes on by itself; there will be nobody to tell its end to. */
static void leave(crib_task *task)
{
    uv_timer_stop(&task->timer);
    task->place->quiet(task);
    task->reaped = task->control_ended = true;
    task_move(task, TASK_ENDING);
    task_settle(task);
}

void task_stop(crib_task *task)
{
    task->stopping = true;
    if (task->state == TASK_RUNNING && task->plan->life->detached)
        leave(task);
    else if (task->state < TASK_ENDING && !task->plan->life->detached)
        task_kill(task);
    else if (task->state == TASK_ENDING && task->reaped)
        all_dead(task, true);
    else if (task->state == TASK_ENDING && task->place)
        (void)task->place->give_up(task);
}
