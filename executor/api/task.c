/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a caller may ask of a task.
 */
#include "supervise/task.h"

#include <errno.h>

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
