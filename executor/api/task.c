/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a caller may ask of a task.
 */
#include "supervise/task.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "supervise/escalation.h"

pid_t crib_task_pid(const crib_task *task)
{
    return task->pid;
}

void *crib_task_data(const crib_task *task)
{
    return task->data;
}

const struct crib_result *crib_task_result(const crib_task *task)
{
    return &task->result;
}

static void read_error(const Crib__Error *message, struct crib_error *ret)
{
    ret->code = message->code < 0 ? message->code : -EREMOTEIO;
    ret->sys = message->sys;
    ret->index = message->has_index ? message->index : -1;
    ret->step = "copy_out";
    if (message->subject)
        snprintf(ret->subject, sizeof(ret->subject), "%s", message->subject);
    if (message->detail)
        snprintf(ret->detail, sizeof(ret->detail), "%s", message->detail);
}

int crib_task_copied(const crib_task *task, size_t index, struct crib_copied *ret)
{
    const Crib__CopiedOut *copied;

    if (task->state != TASK_ENDED)
        return -EBUSY;
    if (index >= task->n_copied)
        return -ENOENT;
    copied = task->copied[index];
    memset(ret, 0, sizeof(*ret));
    ret->there = copied->has_size && !copied->error;
    ret->size = copied->size;
    if (copied->error)
        read_error(copied->error, &ret->error);
    if (ret->there && copied->has_content)
        ret->data = copied->content.data ? (const void *)copied->content.data : "";
    return 0;
}

int crib_task_kill(crib_task *task, int signo)
{
    return task_signal(task, signo);
}

int crib_task_abort(crib_task *task)
{
    return task_abort(task);
}

int crib_task_resize(crib_task *task, unsigned rows, unsigned columns)
{
    return task_resize(task, rows, columns);
}

crib_stream *crib_task_stream(crib_task *task, int fd)
{
    crib_stream *stream = task->streams;

    while (stream && stream->number != fd)
        stream = stream->next;
    return stream && stream->fd >= 0 ? stream : NULL;
}

int crib_task_send(crib_task *task, const char *type, const void *data, size_t len, const int *fds,
                   size_t nfds)
{
    if (!type || (!data && len) || (!fds && nfds))
        return -EINVAL;
    return task->channel ? channel_send(task->channel, type, data, len, fds, nfds) : -ENOTCONN;
}

int crib_task_disconnect(crib_task *task)
{
    return task->channel ? channel_disconnect(task->channel) : -ENOTCONN;
}

bool crib_task_connected(const crib_task *task)
{
    return task->channel && channel_open(task->channel);
}
