/* SPDX-License-Identifier: Apache-2.0 */
#include "supervise/channel.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/fd.h"

#define FILLS_AT_ONCE  16                 /* receives in one turn of the loop: others wait too */
#define BYTES_AT_DEATH (8l * 1024 * 1024) /* more than any socket buffer keeps */

int channel_new(uv_loop_t *loop, int sock, struct dialect_want want,
                const struct channel_events *on, void *owner, struct channel **ret)
{
    struct channel *channel = calloc(1, sizeof(*channel));
    int r;

    if (!channel)
        return -ENOMEM;
    r = dialect_init(&channel->dialect, want);
    if (r == 0)
        r = uv_poll_init(loop, &channel->poll, sock);
    if (r < 0) {
        channel->sock = -1;
        channel_free(channel);
        return r;
    }
    channel->poll.data = channel;
    channel->sock = sock;
    channel->on = on;
    channel->owner = owner;
    channel->held = true;
    *ret = channel;
    return 0;
}

void channel_free(struct channel *channel)
{
    if (!channel)
        return;
    dialect_done(&channel->dialect);
    fd_close(&channel->sock);
    free(channel);
}

static void on_closed(uv_handle_t *handle)
{
    struct channel *channel = handle->data;

    channel->ended = true;
    channel->on->ended(channel, channel->owner);
}

static void end(struct channel *channel)
{
    if (channel->sock < 0)
        return;
    channel->parting = channel->peer_parted = true;
    uv_close((uv_handle_t *)&channel->poll, on_closed);
    fd_close(&channel->sock);
}

static void on_poll(uv_poll_t *poll, int status, int events);

static bool stays_paused(const struct channel *channel)
{
    return channel->paused && !channel->hurried;
}

static void watch(struct channel *channel)
{
    int events = 0;

    if (channel->held || channel->sock < 0)
        return;
    if (!channel->peer_parted && !stays_paused(channel))
        events |= UV_READABLE;
    if (channel->nudged) /* it can mostly be written to: the next turn of the loop delivers */
        events |= UV_WRITABLE;
    if (!channel->shut && (channel->parting || dialect_pending(&channel->dialect)))
        events |= UV_WRITABLE;
    /* Asking again costs two system calls. */
    if (events != channel->watching)
        uv_poll_start(&channel->poll, events, on_poll);
    channel->watching = events;
}

static void part(struct channel *channel)
{
    if (channel->parting)
        return;
    channel->parting = true;
    /* Without memory for the frame, the end of the stream says the same. */
    (void)dialect_add_disconnect(&channel->dialect);
}

/* Sends what the socket takes. A peer that is gone shows when reading, after its last words. */
static void flush(struct channel *channel)
{
    int r = channel->shut ? 0 : dialect_flush(&channel->dialect, channel->sock);

    if (r < 0 && r != -EAGAIN)
        channel->shut = channel->parting = true;
    if (r == 0 && channel->parting && !channel->shut) {
        shutdown(channel->sock, SHUT_WR);
        channel->shut = true;
    }
    if (channel->shut && channel->peer_parted) {
        end(channel);
        return;
    }
    if (channel->wants_drain && !channel->parting &&
        dialect_pending(&channel->dialect) < CHANNEL_HIGH_WATER) {
        channel->wants_drain = false;
        channel->on->drain(channel, channel->owner);
    }
}

static void fail(struct channel *channel, const struct crib_error *error)
{
    if (channel->sock < 0)
        return;
    channel->on->failed(channel, error, channel->owner);
    end(channel);
}

/* Delivers the whole frames that are there. A callback may end the channel. */
static void deliver(struct channel *channel)
{
    struct crib_error error = {0};
    struct frame *frame;
    int r = 0;

    while (channel->sock >= 0 && !channel->peer_parted && !stays_paused(channel) &&
           (r = dialect_next(&channel->dialect, &frame, &error)) > 0) {
        if (!frame->disconnect) {
            channel->on->message(channel, frame, channel->owner);
            continue;
        }
        channel->peer_parted = true;
        part(channel);
    }
    if (r < 0)
        fail(channel, &error);
}

/* Return: bytes received; 0 nothing more can come now, or ever. */
static long receive(struct channel *channel)
{
    struct crib_error error = {0};
    long n;

    if (channel->sock < 0 || channel->peer_parted || stays_paused(channel))
        return 0;
    n = dialect_fill(&channel->dialect, channel->sock, &error);
    if (n == -EAGAIN || n == -EINTR)
        return 0;
    if (n == 0 || n == -ECONNRESET) {
        end(channel);
        return 0;
    }
    if (n < 0) {
        if (!error.code)
            fail_sys(&error, (int)n, "channel", -1, NULL, "receive");
        fail(channel, &error);
        return 0;
    }
    channel->used = true;
    deliver(channel);
    return n;
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct channel *channel = poll->data;

    (void)events;
    if (status < 0)
        channel->watching = 0; /* libuv has stopped watching */
    if (channel->nudged) {
        channel->nudged = false;
        deliver(channel);
    }
    for (int i = 0; i < FILLS_AT_ONCE && receive(channel) > 0; i++)
        ;
    /* An error of the socket with nothing left to read: the peer is gone for good. */
    if (status < 0 && channel->sock >= 0 && channel->peer_parted)
        end(channel);
    if (channel->sock >= 0)
        flush(channel);
    watch(channel);
}

void channel_release(struct channel *channel)
{
    channel->held = false;
    watch(channel);
}

int channel_send(struct channel *channel, const char *type, const void *data, size_t len,
                 const int *fds, size_t nfds)
{
    int r;

    if (!channel_open(channel))
        return -ENOTCONN;
    channel->used = true;
    r = dialect_add(&channel->dialect, type, data, len, fds, nfds);
    if (r < 0)
        return r;
    r = channel->held ? -EAGAIN : dialect_flush(&channel->dialect, channel->sock);
    if (r < 0 && r != -EAGAIN) {
        channel->shut = channel->parting = true;
        return -ENOTCONN; /* reading will find the end, after the peer's last words */
    }
    watch(channel);
    if (dialect_pending(&channel->dialect) <= CHANNEL_HIGH_WATER)
        return 0;
    channel->wants_drain = true;
    return 1;
}

int channel_disconnect(struct channel *channel)
{
    if (!channel_open(channel))
        return -ENOTCONN;
    part(channel);
    watch(channel);
    return 0;
}

bool channel_open(const struct channel *channel)
{
    return channel->sock >= 0 && !channel->parting;
}

void channel_pause(struct channel *channel, bool paused)
{
    channel->nudged = channel->paused && !paused;
    channel->paused = paused;
    watch(channel);
}

void channel_catch_up(struct channel *channel)
{
    long bytes = 0, n;

    channel->held = false;
    channel->hurried = true;
    deliver(channel);
    while (bytes < BYTES_AT_DEATH && (n = receive(channel)) > 0)
        bytes += n;
    watch(channel);
}

void channel_dead(struct channel *channel)
{
    channel_catch_up(channel);
    end(channel);
}

int channel_take(struct channel *channel)
{
    int fd;

    if (!channel_open(channel) || channel->peer_parted)
        return -ENOTCONN;
    if (channel->used)
        return -EBUSY;
    fd = fd_copy(channel->sock, 3);
    if (fd >= 0)
        end(channel);
    return fd;
}

void channel_drop(struct channel *channel)
{
    end(channel);
}
