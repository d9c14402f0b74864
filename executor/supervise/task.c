/* SPDX-License-Identifier: Apache-2.0 */
#include "supervise/task.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fd.h"
#include "supervise/escalation.h"

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
    channel_free(task->channel);
    arena_done(&task->arena);
    free(task);
}

/* The last handle is closed: `close`, and nothing after it. */
static void finish(crib_task *task)
{
    if (!task->silent && task->on.close)
        task->on.close(task, &task->result, task->data);
    if (!task->silent && task->on_closed)
        task->on_closed(task, task->closed_data);
    if (task->on_freed)
        task->on_freed(task, task->owner);
    free_task(task);
}

static void on_handle_closed(uv_handle_t *handle)
{
    crib_task *task = handle->data;

    if (--task->handles == 0)
        finish(task);
}

static void close_handles(crib_task *task)
{
    uv_handle_t *handles[] = {(uv_handle_t *)&task->timer, (uv_handle_t *)&task->control,
                              (uv_handle_t *)&task->gone};

    for (int i = 0; i < task->handles; i++)
        uv_close(handles[i], on_handle_closed);
}

static bool all_ended(const crib_task *task)
{
    for (const crib_stream *stream = task->streams; stream; stream = stream->next)
        if (!stream->ended)
            return false;
    return task->reaped && (!task->channel || task->channel->ended);
}

void task_settle(crib_task *task)
{
    if (task->state != TASK_ENDING || !all_ended(task))
        return;
    task_move(task, TASK_ENDED);
    close_handles(task);
    /* A pid that has been reaped may be somebody else's by now. */
    if (task->silent)
        launch_done(&task->launch);
    else
        launch_leave(&task->launch);
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

int task_add_channel(crib_task *task, int sock, size_t max)
{
    static const struct channel_events events = {on_message, on_drain, on_channel_failed,
                                                 on_channel_ended};

    return channel_new(task->loop, sock, max, &events, task, &task->channel);
}

static void stop_watching(crib_task *task)
{
    if (task->handles > 0)
        uv_timer_stop(&task->timer);
    if (task->handles > 1)
        uv_poll_stop(&task->control);
    if (task->handles > 2)
        uv_poll_stop(&task->gone);
}

static void all_dead(crib_task *task, bool drop)
{
    for (crib_stream *stream = task->streams; stream; stream = stream->next)
        stream_dead(stream, drop);
    if (task->channel)
        channel_dead(task->channel);
}

/* Init's process is gone: whatever it has not reported now, it never will. */
static void on_gone(uv_poll_t *poll, int status, int events)
{
    crib_task *task = poll->data;
    int init_status = 0, r;

    (void)status;
    (void)events;
    r = launch_reap(&task->launch, &init_status);
    if (r == -EAGAIN)
        return;
    stop_watching(task);
    while (task->state < TASK_ENDING && task_read_reports(task))
        ;
    task->init_status = r > 0 ? init_status : SIGKILL;
    if (task->state < TASK_ENDING)
        task_program_ended(task, NULL);
    task->reaped = true;
    all_dead(task, task->stopping);
    task_settle(task);
}

static void on_control(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    task_read_reports(poll->data);
}

static int watch(crib_task *task)
{
    int r;

    uv_timer_init(task->loop, &task->timer);
    task->timer.data = task;
    task->handles = 1;
    r = uv_poll_init(task->loop, &task->control, task->launch.control);
    if (r < 0)
        return r;
    task->control.data = task;
    task->handles = 2;
    r = uv_poll_init(task->loop, &task->gone, task->launch.pidfd);
    if (r < 0)
        return r;
    task->gone.data = task;
    task->handles = 3;
    uv_poll_start(&task->control, UV_READABLE, on_control);
    uv_poll_start(&task->gone, UV_READABLE, on_gone);
    return 0;
}

int task_adopt(crib_task *task, struct launch launch, struct crib_error *err)
{
    int r;

    task->launch = launch;
    task->pid = launch.pid;
    task->started_us = clock_us();
    r = watch(task);
    if (r < 0)
        return fail_sys(err, r, "loop", -1, NULL, "watch the task");
    task_move(task, TASK_STARTING);
    escalation_set_up(task);
    return 0;
}

int task_start(crib_task *task, const struct host_fds *paths, const int *stdio,
               struct crib_error *err)
{
    struct launch launch;
    int r = launch_start(task->plan, paths, stdio, &launch, err);

    return r < 0 ? r : task_adopt(task, launch, err);
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
        uv_timer_init(task->loop, &task->timer);
    task->timer.data = task;
    task->handles += !task->handles;
    stop_watching(task);
    task_move(task, TASK_ENDING);
    for (crib_stream *stream = task->streams; stream; stream = stream->next)
        stream_drop(stream);
    if (task->channel)
        channel_drop(task->channel);
    task_settle(task);
}

/* A detached task goes on by itself; there will be nobody to tell its end to. */
static void leave(crib_task *task)
{
    stop_watching(task);
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
}
