/* SPDX-License-Identifier: Apache-2.0 */
#include "crib/child.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "child/inherit.h"
#include "wire/frame.h"

#define FOREVER (-1)

struct crib_child {
    int fd; /* non-blocking: it is this process's own end, nobody else minds */
    struct frame_reader *reader;
    struct frame_writer *writer;
    bool gone; /* the parent has disconnected */
};

int crib_child_open(crib_child **ret, struct crib_error *err)
{
    crib_child *child = calloc(1, sizeof(*child));
    int r = -ENOMEM;

    if (child) {
        child->fd = -1;
        child->reader = frame_reader_new(0);
        child->writer = frame_writer_new(0);
    }
    if (!child || !child->reader || !child->writer)
        fail_sys(err, r, "channel", -1, NULL, "open");
    else
        r = inherit_channel(&child->fd, err);
    if (r < 0) {
        crib_child_close(child);
        return r;
    }
    *ret = child;
    return 0;
}

void crib_child_close(crib_child *child)
{
    if (!child)
        return;
    frame_reader_free(child->reader);
    frame_writer_free(child->writer);
    fd_close(&child->fd);
    free(child);
}

int crib_child_fd(const crib_child *child)
{
    return child->fd;
}

size_t crib_child_pending(const crib_child *child)
{
    return frame_writer_pending(child->writer);
}

int crib_child_flush(crib_child *child)
{
    return frame_writer_flush(child->writer, child->fd);
}

/* Waits for the channel, and sends what is queued meanwhile: the parent may be waiting for it.
 * @until: microseconds of clock_us(). Return: 0; -ETIMEDOUT. */
static int wait_for(crib_child *child, short events, int timeout_ms, uint64_t until)
{
    struct pollfd channel = {.fd = child->fd, .events = events};
    int left = FOREVER;

    if (timeout_ms >= 0) {
        uint64_t now = clock_us();

        left = now >= until ? 0 : (int)((until - now + 999) / 1000);
    }
    if (crib_child_pending(child) > 0)
        channel.events |= POLLOUT;
    if (poll(&channel, 1, left) == 0)
        return -ETIMEDOUT;
    if (channel.revents & POLLOUT)
        (void)crib_child_flush(child); /* a failure shows at the next send */
    return 0;
}

/* Return: 1 and a message; 0 the parent is gone; -EAGAIN; other negative errno. */
static int take(crib_child *child, struct crib_child_message *ret, struct crib_error *err)
{
    struct frame *frame;
    int r = frame_reader_next(child->reader, &frame, err);

    if (r == 0)
        return -EAGAIN;
    if (r < 0)
        return r;
    if (frame->disconnect) {
        child->gone = true;
        return 0;
    }
    *ret = (struct crib_child_message){.type = frame->type,
                                       .data = frame->payload,
                                       .len = frame->len,
                                       .fds = frame->fds,
                                       .nfds = frame->nfds};
    return 1;
}

int crib_child_try_receive(crib_child *child, struct crib_child_message *ret,
                           struct crib_error *err)
{
    while (!child->gone) {
        int r = take(child, ret, err);
        long n;

        if (r != -EAGAIN)
            return r;
        n = frame_reader_fill(child->reader, child->fd, err);
        if (n < 0)
            return (int)n;
        child->gone = n == 0;
    }
    return 0;
}

int crib_child_receive(crib_child *child, int timeout_ms, struct crib_child_message *ret,
                       struct crib_error *err)
{
    uint64_t until = timeout_ms > 0 ? clock_us() + (uint64_t)timeout_ms * 1000 : 0;

    for (;;) {
        int r = crib_child_try_receive(child, ret, err);

        if (r != -EAGAIN)
            return r;
        if (wait_for(child, POLLIN, timeout_ms, until) == -ETIMEDOUT)
            return fail_sys(err, -ETIMEDOUT, "channel", -1, NULL, "receive");
    }
}

/* Waits until everything queued is sent. */
static int flush_all(crib_child *child)
{
    int r;

    while ((r = crib_child_flush(child)) == -EAGAIN)
        wait_for(child, POLLOUT, FOREVER, 0);
    return r;
}

int crib_child_send(crib_child *child, const char *type, const void *data, size_t len,
                    const int *fds, size_t nfds)
{
    int r = frame_writer_add(child->writer, type, data, len, fds, nfds);

    return r < 0 ? r : flush_all(child);
}

int crib_child_try_send(crib_child *child, const char *type, const void *data, size_t len,
                        const int *fds, size_t nfds)
{
    int r = frame_writer_add(child->writer, type, data, len, fds, nfds);

    if (r < 0)
        return r;
    r = crib_child_flush(child);
    return r == -EAGAIN ? 1 : r;
}

int crib_child_disconnect(crib_child *child)
{
    int r = frame_writer_add_disconnect(child->writer);

    return r < 0 ? r : flush_all(child);
}
