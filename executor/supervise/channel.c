/* SPDX-License-Identifier: Apache-2.0 */
#include "supervise/channel.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/fd.h"

#define FILLS_AT_ONCE  16          /* receives in one turn of the loop: others wait too */
#define FRAMES_AT_ONCE 1024        /* and frames that are delivered in it */
#define ONE_MORE       1024        /* bytes received, after which more may be there already */
#define SEND_AT        (32 * 1024) /* bytes queued that do not wait for more */
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
    uv_idle_init(loop, &channel->idle);
    channel->handles = 2;
    channel->poll.data = channel->idle.data = channel;
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

    if (--channel->handles > 0)
        return;
    channel->ended = true;
    channel->on->ended(channel, channel->owner);
}

static void end(struct channel *channel)
{
    if (channel->sock < 0)
        return;
    channel->parting = channel->peer_parted = true;
    uv_close((uv_handle_t *)&channel->poll, on_closed);
    uv_close((uv_handle_t *)&channel->idle, on_closed);
    fd_close(&channel->sock);
}

static void on_poll(uv_poll_t *poll, int status, int events);

static bool stays_paused(const struct channel *channel)
{
    return channel->paused && !channel->hurried;
}

/* Whether there is something to be sent, or shut, or a sender to be told. */
static bool has_to_flush(const struct channel *channel)
{
    return !channel->shut &&
           (channel->parting || channel->wants_drain || dialect_pending(&channel->dialect) > 0);
}

static void on_idle(uv_idle_t *idle);

static void watch(struct channel *channel)
{
    bool flush = has_to_flush(channel);
    int events = 0;

    if (channel->held || channel->sock < 0)
        return;
    if (!channel->peer_parted && !stays_paused(channel))
        events |= UV_READABLE;
    if (flush && channel->blocked)
        events |= UV_WRITABLE;
    /* Asking again costs two system calls. */
    if (events != channel->watching)
        uv_poll_start(&channel->poll, events, on_poll);
    channel->watching = events;
    if (channel->nudged || (flush && !channel->blocked))
        uv_idle_start(&channel->idle, on_idle);
    else
        uv_idle_stop(&channel->idle);
}

static void part(struct channel *channel)
{
    if (channel->parting)
        return;
    channel->parting = true;
    /* Without memory for the frame, the end of the stream says the same. */
    (void)dialect_add_disconnect(&channel->dialect);
}

/* Sends what the socket takes. Return: as dialect_flush(). */
static int send_queued(struct channel *channel)
{
    int r = dialect_flush(&channel->dialect, channel->sock);

    channel->blocked = r == -EAGAIN;
    if (r < 0 && r != -EAGAIN)
        channel->shut = channel->parting = true;
    return r;
}

/* Tells a sender to go on, and sends what it sent. */
static void drain(struct channel *channel)
{
    channel->wants_drain = false;
    channel->calling = true;
    channel->on->drain(channel, channel->owner);
    channel->calling = false;
    if (channel->sock >= 0 && !channel->shut && !channel->blocked)
        (void)send_queued(channel); /* what failed shows in the next turn */
}

/* The same, and what comes of it. A peer that is gone shows when reading, after its last words. */
static void flush(struct channel *channel)
{
    int r = channel->shut ? 0 : send_queued(channel);

    if (r == 0 && channel->parting && !channel->shut) {
        shutdown(channel->sock, SHUT_WR);
        channel->shut = true;
    }
    if (channel->shut && channel->peer_parted) {
        end(channel);
        return;
    }
    if (channel->wants_drain && !channel->parting &&
        dialect_pending(&channel->dialect) < CHANNEL_HIGH_WATER)
        drain(channel);
}

static void fail(struct channel *channel, const struct crib_error *error)
{
    if (channel->sock < 0)
        return;
    channel->on->failed(channel, error, channel->owner);
    end(channel);
}

/* Delivers whole frames that are there, at most @most. A callback may end the channel. Return: how
 * many may still be delivered. */
static int deliver(struct channel *channel, int most)
{
    struct crib_error error = {0};
    struct frame *frame;
    int r = 0;

    channel->calling = true;
    while (channel->sock >= 0 && !channel->peer_parted && !stays_paused(channel) && most > 0 &&
           (r = dialect_next(&channel->dialect, &frame, &error)) > 0) {
        most--;
        if (!frame->disconnect) {
            channel->on->message(channel, frame, channel->owner);
            continue;
        }
        channel->peer_parted = true;
        part(channel);
    }
    channel->calling = false;
    if (r < 0)
        fail(channel, &error);
    return most;
}

/* Return: bytes received; 0 nothing more can come now, or ever. */
static long receive(struct channel *channel)
{
    struct crib_error error = {0};
    long n;

    if (channel->sock < 0 || channel->peer_parted || stays_paused(channel))
        return 0;
    n = dialect_fill(&channel->dialect, channel->sock, &error);
    if (n > 0) {
        channel->used = true;
        return n;
    }
    if (n == -EAGAIN || n == -EINTR)
        return 0;
    if (n == 0 || n == -ECONNRESET) {
        end(channel);
        return 0;
    }
    if (!error.code)
        fail_sys(&error, (int)n, "channel", -1, NULL, "receive");
    fail(channel, &error);
    return 0;
}

/* One turn of the loop: what was sent in callbacks goes out before more is received. */
static void turn(struct channel *channel, bool readable)
{
    int most = FRAMES_AT_ONCE;
    long n;

    if (channel->nudged) {
        channel->nudged = false;
        most = deliver(channel, most);
    }
    for (int i = 0; readable && most > 0 && i < FILLS_AT_ONCE; i++) {
        n = receive(channel);
        if (n > 0)
            most = deliver(channel, most);
        if (channel->sock >= 0 && !channel->blocked)
            flush(channel);
        if (n < ONE_MORE)
            break; /* it is empty now, most likely: asking would cost a call */
    }
    channel->nudged |= most == 0;
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct channel *channel = poll->data;

    if (status < 0)
        channel->watching = 0; /* libuv has stopped watching */
    turn(channel, status < 0 || (events & UV_READABLE));
    /* An error of the socket with nothing left to read: the peer is gone for good. */
    if (status < 0 && channel->sock >= 0 && channel->peer_parted)
        end(channel);
    if (channel->sock >= 0 && (!channel->blocked || (events & UV_WRITABLE) || status < 0))
        flush(channel);
    watch(channel);
}

static void on_idle(uv_idle_t *idle)
{
    struct channel *channel = idle->data;

    turn(channel, false);
    if (channel->sock >= 0 && !channel->blocked)
        flush(channel);
    watch(channel);
}

void channel_release(struct channel *channel)
{
    channel->held = false;
    watch(channel);
}

/* Whether what has just been queued behind @waiting bytes is sent at once. */
static bool goes_now(const struct channel *channel, size_t waiting)
{
    if (channel->held || channel->blocked)
        return false;
    if (dialect_pending(&channel->dialect) >= SEND_AT)
        return true;
    return waiting == 0 && !channel->calling;
}

int channel_send(struct channel *channel, const char *type, const void *data, size_t len,
                 const int *fds, size_t nfds)
{
    size_t waiting;
    int r;

    if (!channel_open(channel))
        return -ENOTCONN;
    channel->used = true;
    waiting = dialect_pending(&channel->dialect);
    r = dialect_add(&channel->dialect, type, data, len, fds, nfds);
    if (r < 0)
        return r;
    if (goes_now(channel, waiting))
        r = send_queued(channel);
    if (r < 0 && r != -EAGAIN)
        return -ENOTCONN; /* reading will find the end, after the peer's last words */
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
    channel->nudged = (channel->nudged || channel->paused) && !paused;
    channel->paused = paused;
    watch(channel);
}

void channel_catch_up(struct channel *channel)
{
    long bytes = 0, n;

    channel->held = false;
    channel->hurried = true;
    deliver(channel, INT_MAX);
    while (bytes < BYTES_AT_DEATH && (n = receive(channel)) > 0) {
        bytes += n;
        deliver(channel, INT_MAX);
    }
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
