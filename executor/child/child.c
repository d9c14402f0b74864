/* SPDX-License-Identifier: Apache-2.0 */
#include "child/child.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "child/inherit.h"

#define FOREVER     (-1)
#define RETRY_AFTER 4096 /* bytes queued more, after which a full socket may have room again */

static crib_child *child_new(void)
{
    crib_child *child = calloc(1, sizeof(*child));

    if (!child)
        return NULL;
    child->fd = -1;
    child->reader = frame_reader_new(0);
    child->writer = frame_writer_new(0);
    if (child->reader && child->writer)
        return child;
    crib_child_close(child);
    return NULL;
}

int crib_child_open(crib_child **ret, struct crib_error *err)
{
    crib_child *child = child_new();
    int r = -ENOMEM;

    if (child) {
        child->worker.id = inherit_worker();
        r = child->worker.id ? worker_online(child) : 0;
    }
    if (r < 0)
        fail_sys(err, r, "channel", -1, NULL, "open");
    else
        r = inherit_channel(&child->fd, err);
    if (r < 0) {
        crib_child_close(child);
        return r;
    }
    (void)crib_child_flush(child); /* a failure shows at the next send */
    *ret = child;
    return 0;
}

void crib_child_close(crib_child *child)
{
    if (!child)
        return;
    kept_done(&child->kept);
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
    int r;

    child->retry = 0;
    do
        r = frame_writer_flush_now(child->writer, child->fd);
    while (worker_add_pong(child) && r == 0);
    return r;
}

struct deadline child_deadline(int timeout_ms)
{
    if (timeout_ms < 0)
        return (struct deadline){.never = true};
    return (struct deadline){.at = clock_us() + (uint64_t)timeout_ms * 1000};
}

bool child_is_late(const struct deadline *deadline)
{
    return !deadline->never && clock_us() >= deadline->at;
}

int child_wait(crib_child *child, short events, const struct deadline *deadline)
{
    struct pollfd channel = {.fd = child->fd, .events = events};
    int left = FOREVER;

    if (!deadline->never) {
        uint64_t now = clock_us();

        left = now >= deadline->at ? 0 : (int)((deadline->at - now + 999) / 1000);
    }
    if (crib_child_pending(child) > 0)
        channel.events |= POLLOUT;
    if (poll(&channel, 1, left) == 0)
        return -ETIMEDOUT;
    if (channel.revents & POLLOUT)
        (void)crib_child_flush(child); /* a failure shows at the next send */
    return 0;
}

int child_flush_all(crib_child *child)
{
    int r;

    child->retry = 0;
    do
        r = frame_writer_flush(child->writer, child->fd);
    while (worker_add_pong(child) && r == 0);
    return r;
}

int crib_child_send(crib_child *child, const char *type, const void *data, size_t len,
                    const int *fds, size_t nfds)
{
    int r = frame_writer_add(child->writer, type, data, len, fds, nfds);

    return r < 0 ? r : child_flush_all(child);
}

int crib_child_try_send(crib_child *child, const char *type, const void *data, size_t len,
                        const int *fds, size_t nfds)
{
    int r = frame_writer_add(child->writer, type, data, len, fds, nfds);

    if (r < 0)
        return r;
    if (crib_child_pending(child) < child->retry)
        return 1;
    r = crib_child_flush(child);
    if (r != -EAGAIN)
        return r;
    child->retry = crib_child_pending(child) + RETRY_AFTER;
    return 1;
}

int crib_child_disconnect(crib_child *child)
{
    int r = frame_writer_add_disconnect(child->writer);

    return r < 0 ? r : child_flush_all(child);
}
