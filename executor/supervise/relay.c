/* SPDX-License-Identifier: Apache-2.0 */
#include "supervise/relay.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "supervise/pipe.h"
#include "supervise/task.h"

/* Shared with the thread; whoever is the last frees it. */
struct relay_writer {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t more;
    uv_async_t *wake; /* NULL: let go */
    bool stop;
    int fd;
    int code;   /* of the last write: 0 or negative errno */
    size_t len; /* bytes to be written; 0: none, the thread waits */
    char data[STREAM_READ_SIZE];
};

static int write_all(int fd, const char *data, size_t len)
{
    while (len) {
        ssize_t n = pipe_write(fd, data, len);
        struct pollfd room = {.fd = fd, .events = POLLOUT};

        if (n == -EAGAIN)
            poll(&room, 1, -1);
        else if (n < 0 && n != -EINTR)
            return (int)n;
        if (n > 0) {
            data += n;
            len -= (size_t)n;
        }
    }
    return 0;
}

static void free_writer(struct relay_writer *writer)
{
    fd_close(&writer->fd);
    pthread_mutex_destroy(&writer->lock);
    pthread_cond_destroy(&writer->more);
    free(writer);
}

/* Return: whether there is something to write. Called with the lock. */
static bool wait_for_more(struct relay_writer *writer)
{
    while (!writer->len && !writer->stop)
        pthread_cond_wait(&writer->more, &writer->lock);
    return !writer->stop;
}

static void *write_on(void *data)
{
    struct relay_writer *writer = data;
    bool let_go = false;

    pthread_mutex_lock(&writer->lock);
    while (!let_go && wait_for_more(writer)) {
        int code;

        pthread_mutex_unlock(&writer->lock);
        code = write_all(writer->fd, writer->data, writer->len);
        pthread_mutex_lock(&writer->lock);
        writer->code = code;
        writer->len = 0;
        let_go = !writer->wake;
        if (writer->wake)
            uv_async_send(writer->wake);
    }
    pthread_mutex_unlock(&writer->lock);
    if (let_go)
        free_writer(writer);
    return NULL;
}

/* Return: as pthread_create(). */
static int start_thread(struct relay_writer *writer)
{
    sigset_t all, before;
    int r;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    r = pthread_create(&writer->thread, NULL, write_on, writer);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return r;
}

static void on_wake(uv_async_t *wake);

static int start_writer(struct relay *relay)
{
    struct relay_writer *writer = calloc(1, sizeof(*writer));
    int r = writer ? uv_async_init(relay->task->loop, &relay->wake, on_wake) : -ENOMEM;

    if (r < 0) {
        free(writer);
        return r;
    }
    relay->wake.data = relay;
    relay->writer = writer;
    pthread_mutex_init(&writer->lock, NULL);
    pthread_cond_init(&writer->more, NULL);
    writer->wake = &relay->wake;
    writer->fd = fd_take(&relay->to);
    r = start_thread(writer);
    writer->stop = r != 0; /* there is none to wait for */
    return -r;
}

static void on_wake_closed(uv_handle_t *wake)
{
    struct relay *relay = wake->data;

    relay->ended = true;
    task_settle(relay->task);
}

/* Waits for the thread only where it has nothing to do. */
static void let_go(struct relay_writer *writer)
{
    pthread_t thread = writer->thread; /* once it is let go, the writer is the thread's */
    bool busy, none;

    pthread_mutex_lock(&writer->lock);
    busy = writer->len > 0 && !writer->stop;
    none = writer->stop;
    writer->stop = !busy;
    writer->wake = NULL;
    pthread_cond_signal(&writer->more);
    pthread_mutex_unlock(&writer->lock);
    if (busy) {
        pthread_detach(thread);
        return;
    }
    if (!none)
        pthread_join(thread, NULL);
    free_writer(writer);
}

static bool is_busy(struct relay *relay)
{
    bool busy;

    if (!relay->writer)
        return false;
    pthread_mutex_lock(&relay->writer->lock);
    busy = relay->writer->len > 0 && !relay->writer->stop;
    pthread_mutex_unlock(&relay->writer->lock);
    return busy;
}

/* The stream has ended: the relay has, too, once all is written. */
static void finish(struct relay *relay)
{
    if (relay->ended || relay->closing || !relay->stream->ended)
        return;
    if (is_busy(relay) && !relay->dropped)
        return;
    fd_close(&relay->to);
    if (!relay->writer) {
        relay->ended = true;
        task_settle(relay->task);
        return;
    }
    let_go(relay->writer);
    relay->writer = NULL;
    relay->closing = true;
    uv_close((uv_handle_t *)&relay->wake, on_wake_closed);
}

/* A reader that is gone is nothing to tell: the task will see it by itself. */
static void failed(struct relay *relay, int code)
{
    struct crib_error error;

    stream_drop(relay->stream);
    if (code == -EPIPE || code == -ECONNRESET)
        return;
    fail_sys(&error, code, "stdio", relay->stream->number, NULL, "write on what the task writes");
    task_emit_error(relay->task, &error);
}

static void on_data(crib_stream *stream, const char *data, ssize_t len, void *user)
{
    struct relay *relay = user;
    int r = data && !relay->writer ? start_writer(relay) : 0;

    if (!data)
        return; /* on_stream_ended() comes next */
    if (r < 0) {
        failed(relay, r);
        return;
    }
    crib_stream_read_stop(stream);
    pthread_mutex_lock(&relay->writer->lock);
    memcpy(relay->writer->data, data, (size_t)len);
    relay->writer->len = (size_t)len;
    pthread_cond_signal(&relay->writer->more);
    pthread_mutex_unlock(&relay->writer->lock);
}

static void on_wake(uv_async_t *wake)
{
    struct relay *relay = wake->data;
    int code;

    if (!relay->writer || is_busy(relay))
        return;
    pthread_mutex_lock(&relay->writer->lock);
    code = relay->writer->code;
    pthread_mutex_unlock(&relay->writer->lock);
    if (code < 0)
        failed(relay, code);
    else if (relay->stream->fd >= 0)
        (void)crib_stream_read_start(relay->stream, on_data, relay);
    finish(relay);
}

static void on_stream_ended(crib_stream *stream, void *owner)
{
    (void)stream;
    finish(owner);
}

int task_add_relay(crib_task *task, int number, int fd, int to)
{
    struct relay *relay = calloc(1, sizeof(*relay));

    if (!relay)
        return -ENOMEM;
    relay->task = task;
    relay->to = fd_copy(to, 3);
    relay->stream =
        relay->to < 0 ? NULL : stream_new(task->loop, number, fd, false, on_stream_ended, relay);
    if (!relay->stream) {
        int r = relay->to < 0 ? relay->to : -ENOMEM;

        fd_close(&relay->to);
        free(relay);
        return r;
    }
    output_watch(task, relay->stream);
    relay->next = task->relays;
    task->relays = relay;
    return 0;
}

void relays_release(crib_task *task)
{
    for (struct relay *relay = task->relays; relay; relay = relay->next) {
        int r = crib_stream_read_start(relay->stream, on_data, relay);

        if (r < 0)
            failed(relay, r);
        else
            stream_release(relay->stream);
    }
}

void relays_dead(crib_task *task, bool drop)
{
    for (struct relay *relay = task->relays; relay; relay = relay->next) {
        relay->dropped |= drop;
        stream_dead(relay->stream, drop);
        finish(relay);
    }
}

void relays_drop(crib_task *task)
{
    for (struct relay *relay = task->relays; relay; relay = relay->next) {
        relay->dropped = true;
        stream_drop(relay->stream);
        finish(relay);
    }
}

bool relays_ended(const crib_task *task)
{
    for (const struct relay *relay = task->relays; relay; relay = relay->next)
        if (!relay->ended)
            return false;
    return true;
}

void relays_free(crib_task *task)
{
    while (task->relays) {
        struct relay *relay = task->relays;

        task->relays = relay->next;
        fd_close(&relay->to);
        stream_free(relay->stream);
        free(relay);
    }
}
