/* SPDX-License-Identifier: Apache-2.0 */
#include "supervise/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "supervise/pipe.h"

#define FULL_READS    16 /* after which a pipe gets more room */
#define READS_AT_ONCE 4  /* in one turn of the loop: others wait too */

crib_stream *stream_new(uv_loop_t *loop, int number, int fd, bool writes,
                        void (*on_ended)(crib_stream *, void *), void *owner)
{
    crib_stream *stream = calloc(1, sizeof(*stream));

    if (!stream)
        return NULL;
    stream->loop = loop;
    stream->number = number;
    stream->fd = fd;
    stream->writes = writes;
    stream->held = true;
    stream->last = &stream->first;
    stream->on_ended = on_ended;
    stream->owner = owner;
    return stream;
}

/* Takes the first piece out of the queue and tells its writer. */
static void finish_piece(crib_stream *stream, int status)
{
    struct stream_piece *piece = stream->first;

    stream->first = piece->next;
    if (!stream->first)
        stream->last = &stream->first;
    stream->queued -= piece->len - piece->written;
    if (piece->done)
        piece->done(stream, status, piece->user);
    free(piece);
}

void stream_free(crib_stream *stream)
{
    if (!stream)
        return;
    while (stream->first) {
        stream->first->done = NULL;
        finish_piece(stream, 0);
    }
    fd_close(&stream->fd);
    free(stream);
}

static void tell_end(crib_stream *stream)
{
    crib_stream_data_cb on_data = stream->on_data;

    stream->on_data = NULL;
    if (on_data && stream->reading)
        on_data(stream, NULL, stream->status, stream->user);
    stream->reading = false;
    while (stream->first)
        finish_piece(stream, stream->status ? stream->status : -EPIPE);
    stream->ended = true;
    stream->on_ended(stream, stream->owner);
}

static void on_closed(uv_handle_t *handle)
{
    tell_end(handle->data);
}

/* Closes our end. What still has to be told comes from the loop; without a handle there is nothing.
 */
static void end(crib_stream *stream, int status)
{
    if (stream->fd < 0)
        return;
    stream->status = status;
    if (!stream->writes)
        stream->bytes += pipe_waiting(stream->fd);
    if (stream->has_poll) {
        uv_close((uv_handle_t *)&stream->poll, on_closed);
        fd_close(&stream->fd);
    } else {
        fd_close(&stream->fd);
        tell_end(stream);
    }
}

/* After a read() that brought nothing. */
static void no_data(crib_stream *stream, ssize_t n)
{
    if (n == 0)
        end(stream, 0);
    else if (errno != EAGAIN && errno != EINTR)
        end(stream, stream->terminal && errno == EIO ? 0 : -errno);
}

/* Nothing more may come. */
static void read_none(crib_stream *stream)
{
    char data;
    ssize_t n = read(stream->fd, &data, 1);

    if (n <= 0) {
        no_data(stream, n);
        return;
    }
    output_over(stream);
    end(stream, 0);
}

/* After a read that brought as much as it could take. A pipe that is full time and again gets more
 * room, so that its two ends wake each other less often; where that is not granted it stays as it
 * is. */
static void was_full(crib_stream *stream)
{
    if (stream->full < FULL_READS && ++stream->full == FULL_READS)
        (void)fcntl(stream->fd, F_SETPIPE_SZ, STREAM_PIPE_SIZE);
}

/* Return: whether there may be more at once. */
static bool read_data(crib_stream *stream)
{
    char data[STREAM_READ_SIZE];
    size_t room = sizeof(data);
    char *placed = stream->place ? stream->place(stream, &room, stream->user) : NULL;
    char *to = placed ? placed : data;
    size_t most = output_left(stream, room);
    ssize_t n = read(stream->fd, to, most);

    if (n <= 0) {
        no_data(stream, n);
        return false;
    }
    output_taken(stream, (size_t)n);
    if ((size_t)n == STREAM_READ_SIZE)
        was_full(stream);
    stream->on_data(stream, to, n, stream->user);
    return (size_t)n == most && stream->fd >= 0 && stream->reading;
}

static void read_some(crib_stream *stream)
{
    bool more = output_left(stream, 1) > 0;

    if (!more)
        read_none(stream);
    for (int i = 0; more && i < READS_AT_ONCE; i++)
        more = read_data(stream) && output_left(stream, 1) > 0;
    if (stream->fd >= 0 && stream->dead && stream->reading && pipe_empty(stream->fd))
        end(stream, 0);
}

static void watch(crib_stream *stream);

static void write_some(crib_stream *stream)
{
    while (stream->fd >= 0 && stream->first) {
        struct stream_piece *piece = stream->first;
        size_t left = piece->len - piece->written;
        ssize_t n = left ? pipe_write(stream->fd, piece->data + piece->written, left) : 0;

        if (n == -EAGAIN || n == -EINTR)
            break;
        if (n < 0) {
            end(stream, (int)n);
            return;
        }
        piece->written += (size_t)n;
        stream->queued -= (size_t)n;
        if (piece->written == piece->len)
            finish_piece(stream, 0);
    }
    if (stream->fd >= 0)
        watch(stream);
}

/* A reader that is gone comes as an error status: the write then says what it is. */
static void on_poll(uv_poll_t *poll, int status, int events)
{
    crib_stream *stream = poll->data;

    (void)events;
    if (status < 0)
        stream->watching = 0; /* libuv has stopped watching */
    if (stream->writes)
        write_some(stream);
    else if (stream->reading)
        read_some(stream);
}

/* Lets the loop watch for what is wanted now, and closes what is done with. */
static void watch(crib_stream *stream)
{
    int events = 0;

    if (stream->closing && !stream->first) {
        end(stream, 0);
        return;
    }
    if (!stream->has_poll)
        return;
    if (!stream->held && stream->first)
        events = UV_WRITABLE;
    else if (!stream->held && stream->reading)
        events = UV_READABLE;
    /* Asking again costs two system calls. */
    if (events != stream->watching)
        uv_poll_start(&stream->poll, events, on_poll);
    stream->watching = events;
}

/* The first use: from now on our end does not block, and belongs to the loop. */
static int use(crib_stream *stream)
{
    int r;

    if (stream->has_poll)
        return 0;
    r = uv_poll_init(stream->loop, &stream->poll, stream->fd);
    if (r < 0)
        return r;
    stream->poll.data = stream;
    stream->has_poll = stream->used = true;
    return 0;
}

static int start_reading(crib_stream *stream, crib_stream_data_cb on_data, void *user)
{
    int r;

    if (stream->writes || !on_data)
        return -EINVAL;
    if (stream->fd < 0 || stream->closing)
        return -EBADF;
    r = use(stream);
    if (r < 0)
        return r;
    stream->on_data = on_data;
    stream->user = user;
    stream->reading = true;
    if (stream->dead && pipe_empty(stream->fd))
        end(stream, 0);
    else
        watch(stream);
    return 0;
}

int stream_collect(crib_stream *stream, crib_stream_data_cb on_data, void *user)
{
    int r = start_reading(stream, on_data, user);

    stream->collected = r == 0;
    return r;
}

int crib_stream_read_start(crib_stream *stream, crib_stream_data_cb on_data, void *user)
{
    return stream->collected ? -EBUSY : start_reading(stream, on_data, user);
}

int crib_stream_read_stop(crib_stream *stream)
{
    if (stream->collected)
        return -EBUSY;
    if (stream->writes)
        return -EINVAL;
    if (stream->fd < 0)
        return -EBADF;
    stream->reading = false;
    watch(stream);
    return 0;
}

int crib_stream_write(crib_stream *stream, const void *data, size_t len, stream_done_cb done,
                      void *user)
{
    struct stream_piece *piece;
    int r;

    if (!stream->writes || (!data && len))
        return -EINVAL;
    if (stream->fd < 0 || stream->closing || stream->dead)
        return -EPIPE;
    r = use(stream);
    piece = r < 0 || len > SIZE_MAX - sizeof(*piece) ? NULL : malloc(sizeof(*piece) + len);
    if (!piece)
        return r < 0 ? r : -ENOMEM;
    *piece = (struct stream_piece){.done = done, .user = user, .len = len};
    if (len)
        memcpy(piece->data, data, len);
    *stream->last = piece;
    stream->last = &piece->next;
    stream->queued += len;
    watch(stream);
    return stream->queued > STREAM_HIGH_WATER;
}

void crib_stream_close(crib_stream *stream)
{
    if (!stream || stream->fd < 0 || stream->closing)
        return;
    stream->on_data = NULL;
    stream->reading = false;
    stream->closing = true;
    watch(stream);
}

void stream_release(crib_stream *stream)
{
    stream->held = false;
    if (stream->fd >= 0)
        watch(stream);
}

void stream_dead(crib_stream *stream, bool drop)
{
    stream->dead = true;
    stream->held = false;
    if (stream->fd < 0)
        return;
    if (stream->writes)
        end(stream, -EPIPE);
    else if (stream->reading && pipe_empty(stream->fd))
        end(stream, 0);
    else if (stream->reading)
        watch(stream);
    else if (drop || !stream->used)
        end(stream, 0);
}

void stream_drop(crib_stream *stream)
{
    stream->reading = false;
    end(stream, -EPIPE);
}

int stream_take(crib_stream *stream)
{
    int fd;

    if (stream->used || stream->closing || stream->fd < 0 || stream->terminal || stream->meter)
        return -1;
    fd = fd_take(&stream->fd);
    stream->taken = true;
    tell_end(stream);
    return fd;
}
