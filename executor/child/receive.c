/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Receiving: what is kept comes first, then what the channel has.
 */
#include "child/child.h"

#include <errno.h>
#include <poll.h>

#include "base/error.h"

/* What the channel has; waits for it, or not. */
static long fill(crib_child *child, bool wait, struct crib_error *err)
{
    return wait ? frame_reader_fill(child->reader, child->fd, err)
                : frame_reader_fill_now(child->reader, child->fd, err);
}

/* One step of reading. Return: 1 and a message for the program; 0 the parent is gone; CHILD_MORE;
 * -EAGAIN; other negative errno. */
static int step(crib_child *child, bool wait, struct frame **ret, struct crib_error *err)
{
    long n;
    int r;

    if (child->left) {
        *ret = child->left;
        child->left = NULL;
        return 1;
    }
    if (child->gone)
        return 0;
    r = frame_reader_next(child->reader, ret, err);
    if (r == 1 && !(*ret)->disconnect)
        return worker_takes(child, *ret) ? CHILD_MORE : 1;
    if (r < 0)
        return r;
    n = r == 1 ? 0 : fill(child, wait, err);
    child->gone = n == 0;
    return n > 0 ? CHILD_MORE : (int)n;
}

int child_keep(crib_child *child, struct crib_error *err)
{
    struct frame *frame;
    int r = step(child, false, &frame, err);

    if (r != 1)
        return r;
    if (kept_add(&child->kept, frame) == 0)
        return CHILD_MORE;
    child->left = frame;
    return fail_sys(err, -ENOMEM, "channel", -1, NULL, "keep a message");
}

/* @forever: to wait in the call that receives, while there is nothing to be sent meanwhile. */
static int receive(crib_child *child, bool forever, struct crib_child_message *ret,
                   struct crib_error *err)
{
    struct frame *frame;
    int r;

    if (kept_show(&child->kept, ret))
        return 1;
    do
        r = step(child, forever && crib_child_pending(child) == 0, &frame, err);
    while (r == CHILD_MORE);
    if (r == 1)
        *ret = (struct crib_child_message){.type = frame->type,
                                           .data = frame->payload,
                                           .len = frame->len,
                                           .fds = frame->fds,
                                           .nfds = frame->nfds};
    return r;
}

int crib_child_try_receive(crib_child *child, struct crib_child_message *ret,
                           struct crib_error *err)
{
    return receive(child, false, ret, err);
}

int crib_child_receive(crib_child *child, int timeout_ms, struct crib_child_message *ret,
                       struct crib_error *err)
{
    struct deadline deadline = child_deadline(timeout_ms);

    for (;;) {
        int r = receive(child, deadline.never, ret, err);

        if (r != -EAGAIN)
            return r;
        if (child_wait(child, POLLIN, &deadline) == -ETIMEDOUT)
            return fail_sys(err, -ETIMEDOUT, "channel", -1, NULL, "receive");
    }
}
