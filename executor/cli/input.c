/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/input.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/fd.h"

#define CHUNK 65536 /* bytes a read */

static void read_some(struct input *input);

static void on_poll(uv_poll_t *handle, int status, int events)
{
    struct input *input = handle->data;

    (void)events;
    if (status < 0)
        input->end(input, status);
    else
        read_some(input);
}

static void on_idle(uv_idle_t *handle)
{
    read_some(handle->data);
}

static int start(struct input *input)
{
    if (input->epoll >= 0)
        return uv_poll_start(&input->poll, UV_READABLE, on_poll);
    return uv_idle_start(&input->idle, on_idle);
}

static void stop(struct input *input)
{
    if (input->epoll >= 0)
        (void)uv_poll_stop(&input->poll);
    else
        (void)uv_idle_stop(&input->idle);
}

static void hand_out_raw(struct input *input)
{
    size_t len = input->buf.len;

    if (len == 0)
        return;
    input->line(input, (const char *)input->buf.data, len);
    if (input->open)
        buf_consume(&input->buf, len);
}

/* Hands out the whole lines that are there. */
static void hand_out(struct input *input)
{
    if (input->raw) {
        hand_out_raw(input);
        return;
    }
    while (input->open && !input->paused && input->buf.len > input->searched) {
        const char *data = (const char *)input->buf.data;
        const char *newline =
            memchr(data + input->searched, '\n', input->buf.len - input->searched);

        if (!newline) {
            input->searched = input->buf.len;
            return;
        }
        input->line(input, data, (size_t)(newline - data));
        if (!input->open)
            return;
        buf_consume(&input->buf, (size_t)(newline - data) + 1);
        input->searched = 0;
    }
}

/* At the end a last line need not have a newline. */
static void finish(struct input *input)
{
    hand_out(input);
    if (!input->open || input->paused)
        return;
    if (input->buf.len) {
        input->line(input, (const char *)input->buf.data, input->buf.len);
        if (!input->open)
            return;
        buf_consume(&input->buf, input->buf.len);
        if (input->paused)
            return;
    }
    input->end(input, 0);
}

static void read_some(struct input *input)
{
    uint8_t *room = buf_reserve(&input->buf, CHUNK);
    ssize_t n;

    if (!room) {
        stop(input);
        input->end(input, input->searched == input->buf.len ? -E2BIG : -ENOMEM);
        return;
    }
    n = read(input->fd, room, CHUNK);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n < 0) {
        int code = -errno;

        stop(input);
        input->end(input, code);
        return;
    }
    if (n > 0) {
        buf_grown(&input->buf, (size_t)n);
        hand_out(input);
        return;
    }
    stop(input);
    input->at_end = true;
    finish(input);
}

int input_open(struct input *input, uv_loop_t *loop, int fd, size_t max)
{
    struct epoll_event event = {.events = EPOLLIN};
    int r = 0;

    input->fd = fd;
    input->buf.max = max + CHUNK;
    input->poll.data = input->idle.data = input;
    /* libuv makes what it polls non-blocking: let that be an epoll fd of our own. */
    input->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (input->epoll < 0)
        return -errno;
    if (epoll_ctl(input->epoll, EPOLL_CTL_ADD, fd, &event) == 0)
        r = uv_poll_init(loop, &input->poll, input->epoll);
    else if (errno == EPERM)
        fd_close(&input->epoll); /* a file */
    else
        r = -errno;
    if (r == 0 && input->epoll < 0)
        r = uv_idle_init(loop, &input->idle);
    if (r < 0) {
        fd_close(&input->epoll);
        return r;
    }
    input->open = true;
    return start(input);
}

void input_pause(struct input *input)
{
    if (!input->open || input->paused)
        return;
    input->paused = true;
    stop(input);
}

void input_resume(struct input *input)
{
    if (!input->open || !input->paused)
        return;
    input->paused = false;
    if (input->at_end) {
        finish(input);
        return;
    }
    hand_out(input);
    if (input->open && !input->paused)
        (void)start(input);
}

void input_close(struct input *input)
{
    if (!input->open)
        return;
    input->open = false;
    stop(input);
    if (input->epoll >= 0)
        uv_close((uv_handle_t *)&input->poll, NULL);
    else
        uv_close((uv_handle_t *)&input->idle, NULL);
    fd_close(&input->epoll);
    buf_done(&input->buf);
}
