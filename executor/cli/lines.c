/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

/* --- writing --- */

static bool is_ready(int fd, int ms)
{
    struct pollfd one = {.fd = fd, .events = POLLOUT};

    return poll(&one, 1, ms) > 0;
}

/* Return: bytes that were taken; -EAGAIN; other negative errno. */
static ssize_t write_once(const struct lines *lines)
{
    size_t len = lines->queue.len;
    ssize_t n;

    if (lines->is_socket) {
        n = send(lines->fd, lines->queue.data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    } else if (lines->own >= 0 || lines->epoll < 0) {
        n = write(lines->own >= 0 ? lines->own : lines->fd, lines->queue.data, len);
    } else {
        if (!is_ready(lines->fd, 0))
            return -EAGAIN;
        n = write(lines->fd, lines->queue.data, len < PIPE_BUF ? len : PIPE_BUF);
    }
    return n < 0 ? -errno : n;
}

static void fail(struct lines *lines, int code)
{
    lines->code = code;
    buf_done(&lines->queue);
    if (lines->broken)
        lines->broken(lines, code);
}

static void on_ready(uv_poll_t *poll, int status, int events);

static void wait_for_room(struct lines *lines, bool on)
{
    if (!lines->open || lines->epoll < 0 || lines->waiting == on)
        return;
    lines->waiting = on;
    if (on)
        (void)uv_poll_start(&lines->poll, UV_READABLE, on_ready); /* of the epoll fd */
    else
        (void)uv_poll_stop(&lines->poll);
}

static void write_some(struct lines *lines)
{
    while (lines->queue.len && !lines->code) {
        ssize_t n = write_once(lines);

        if (n == -EAGAIN || n == 0)
            break;
        if (n > 0)
            buf_consume(&lines->queue, (size_t)n);
        else if (n < 0 && n != -EINTR)
            fail(lines, (int)n);
    }
    wait_for_room(lines, lines->queue.len > 0);
    if (lines->lost && !lines->queue.len && !lines->code && lines->relieved) {
        uint64_t lost = lines->lost;

        lines->lost = 0;
        lines->relieved(lines, lost);
    }
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    (void)status; /* writing says it better */
    (void)events;
    write_some(poll->data);
}

void lines_put(struct lines *lines, const char *text, size_t len)
{
    if (!lines->open || lines->code)
        return;
    if (lines->queue.len >= LINES_MAX || buf_append(&lines->queue, text, len) < 0)
        lines->lost++;
    else
        write_some(lines);
}

bool lines_idle(const struct lines *lines)
{
    return lines->queue.len == 0;
}

void lines_finish(struct lines *lines, int patience_ms)
{
    int fd = lines->own >= 0 ? lines->own : lines->fd;

    if (!lines->open)
        return;
    write_some(lines);
    while (lines->queue.len && is_ready(fd, patience_ms))
        write_some(lines);
}

/* --- opening --- */

/* An opening of our own has flags of its own. A file would be written to from its beginning, and
 * what is not open for writing is not meant. */
static void open_again(struct lines *lines)
{
    int flags = fcntl(lines->fd, F_GETFL);
    struct stat info;
    char path[32];

    lines->own = -1;
    if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY || fstat(lines->fd, &info) < 0)
        return;
    lines->is_socket = S_ISSOCK(info.st_mode);
    if (!S_ISFIFO(info.st_mode) && !S_ISCHR(info.st_mode))
        return;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", lines->fd);
    lines->own = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

int lines_open(struct lines *lines, uv_loop_t *loop, int fd)
{
    struct epoll_event event = {.events = EPOLLOUT};
    int r = 0;

    lines->fd = fd;
    open_again(lines);
    /* libuv makes what it polls non-blocking: let that be an epoll fd of our own. */
    lines->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (lines->epoll < 0)
        r = -errno;
    else if (epoll_ctl(lines->epoll, EPOLL_CTL_ADD, lines->own >= 0 ? lines->own : fd, &event) == 0)
        r = uv_poll_init(loop, &lines->poll, lines->epoll);
    else if (errno == EPERM)
        fd_close(&lines->epoll); /* a file */
    else
        r = -errno;
    if (r < 0) {
        fd_close(&lines->epoll);
        fd_close(&lines->own);
        return r;
    }
    if (lines->epoll >= 0)
        uv_unref((uv_handle_t *)&lines->poll);
    lines->poll.data = lines;
    lines->open = true;
    return 0;
}

void lines_close(struct lines *lines)
{
    if (!lines->open)
        return;
    wait_for_room(lines, false);
    lines->open = false;
    if (lines->epoll >= 0)
        uv_close((uv_handle_t *)&lines->poll, NULL);
    fd_close(&lines->epoll);
    fd_close(&lines->own);
    buf_done(&lines->queue);
}
