/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A task's terminal: two streams on the master of one pty, a writing and a reading one.
 *
 * The master comes when the sandbox is being set up, but the streams are there from the start, for
 * the caller to read and write as with pipes. Until then each has an eventfd, never watched since a
 * stream is held until the program runs; the master takes its place under the same number.
 */
#include "supervise/task.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/auto.h"

static int add(crib_task *task, int number, bool writes)
{
    AUTO_FD int low = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), fd = -1;
    int r;

    if (low < 0)
        return -errno;
    fd = low > 2 ? fd_take(&low) : fd_copy(low, 3);
    if (fd < 0)
        return fd;
    r = task_add_stream(task, number, fd, writes);
    if (r < 0)
        return r;
    fd_take(&fd);
    task->streams->terminal = true;
    return 0;
}

int task_add_terminal(crib_task *task, int writer, int reader)
{
    int r = writer < 0 ? 0 : add(task, writer, true);

    return r < 0 ? r : add(task, reader, false);
}

int task_terminal(const crib_task *task)
{
    for (const crib_stream *stream = task->streams; stream; stream = stream->next)
        if (stream->terminal && stream->fd >= 0 && task->has_master)
            return stream->fd;
    return -1;
}

/* Return: whether one of its streams is open. */
static bool is_open(const crib_task *task)
{
    for (const crib_stream *stream = task->streams; stream; stream = stream->next)
        if (stream->terminal && stream->fd >= 0)
            return true;
    return false;
}

static int set_size(int master, const struct winsize *size)
{
    return ioctl(master, TIOCSWINSZ, size) < 0 ? -errno : 0;
}

int task_take_master(crib_task *task, int master)
{
    int flags = fcntl(master, F_GETFL);

    if (task->has_master || task->state > TASK_STARTING)
        return -EALREADY;
    if (flags < 0 || fcntl(master, F_SETFL, flags | O_NONBLOCK) < 0)
        return -errno;
    for (crib_stream *stream = task->streams; stream; stream = stream->next)
        if (stream->terminal && stream->fd >= 0 && dup3(master, stream->fd, O_CLOEXEC) < 0)
            return -errno;
    task->has_master = true;
    return task->window.ws_row ? set_size(master, &task->window) : 0;
}

int task_set_window(crib_task *task, unsigned rows, unsigned columns)
{
    struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns};

    if (!is_open(task))
        return -ENOTTY;
    task->window = size;
    return task->has_master ? set_size(task_terminal(task), &size) : 0;
}

int task_resize(crib_task *task, unsigned rows, unsigned columns)
{
    if (rows < 1 || rows > UINT16_MAX || columns < 1 || columns > UINT16_MAX)
        return -EINVAL;
    if (!task->place || !task->place->resize)
        return -ENOTTY;
    return task->place->resize(task, rows, columns);
}
