/* SPDX-License-Identifier: Apache-2.0 */
#include "client/connection.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fd.h"
#include "client/connect.h"

#define READS_AT_ONCE 16 /* in one turn of the loop: others wait too */

/* --- the loop --- */

static void on_poll(uv_poll_t *poll, int status, int events);
static void on_clock(uv_timer_t *clock);

static void watch_clock(struct rpc *rpc)
{
    uint64_t now = clock_us(), wait = 0;

    if (!rpc->kept && (!rpc->broken.code || rpc->told)) {
        if (!rpc->due_us || rpc->told) {
            uv_timer_stop(&rpc->clock);
            return;
        }
        wait = rpc->due_us > now ? (rpc->due_us - now) / 1000 + 1 : 0;
    }
    uv_update_time(rpc->loop);
    uv_timer_start(&rpc->clock, on_clock, wait, 0);
}

void connection_watch(struct rpc *rpc)
{
    int events = UV_READABLE;

    if (!rpc->loop || rpc->closing)
        return;
    if (ttrpc_writer_pending(rpc->writer))
        events |= UV_WRITABLE;
    if (rpc->broken.code)
        events = 0;
    if (events != rpc->watching && events)
        uv_poll_start(&rpc->poll, events, on_poll);
    else if (events != rpc->watching)
        uv_poll_stop(&rpc->poll);
    rpc->watching = events;
    watch_clock(rpc);
}

static void on_clock(uv_timer_t *clock)
{
    struct rpc *rpc = clock->data;

    connection_tell_kept(rpc);
    if (!rpc->closing && !rpc->broken.code)
        connection_expire(rpc);
    if (!rpc->closing && rpc->broken.code && !rpc->told)
        connection_tell_broken(rpc);
    connection_watch(rpc);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct rpc *rpc = poll->data;

    (void)events;
    if (status < 0)
        rpc->watching = 0; /* libuv has stopped watching: reading tells why */
    connection_tell_kept(rpc);
    for (int i = 0; i < READS_AT_ONCE && !rpc->closing && connection_read(rpc, true); i++)
        ;
    if (!rpc->closing && !rpc->broken.code)
        connection_flush(rpc);
    connection_watch(rpc);
}

/* --- open and close --- */

static void free_rpc(struct rpc *rpc)
{
    connection_drop_all(rpc);
    ttrpc_reader_free(rpc->reader);
    ttrpc_writer_free(rpc->writer);
    fd_close(&rpc->sock);
    free(rpc);
}

static void finish(struct rpc *rpc)
{
    void (*closed)(void *) = rpc->closed;
    void *data = rpc->closed_data;

    free_rpc(rpc);
    if (closed)
        closed(data);
}

static void on_closed(uv_handle_t *handle)
{
    struct rpc *rpc = handle->data;

    if (--rpc->handles == 0)
        finish(rpc);
}

static int open_handles(struct rpc *rpc)
{
    int r;

    if (!rpc->loop)
        return 0;
    r = uv_poll_init(rpc->loop, &rpc->poll, rpc->sock);
    if (r < 0)
        return r;
    uv_timer_init(rpc->loop, &rpc->clock);
    rpc->poll.data = rpc->clock.data = rpc;
    rpc->handles = 2;
    connection_watch(rpc);
    return 0;
}

int rpc_open(uv_loop_t *loop, const char *path, void (*lost)(struct rpc *rpc, void *data),
             void *data, struct rpc **ret, struct crib_error *err)
{
    struct rpc *rpc = calloc(1, sizeof(*rpc));
    int r;

    if (!rpc)
        return fail_sys(err, -ENOMEM, "daemon", -1, path, NULL);
    rpc->loop = loop;
    rpc->lost = lost;
    rpc->lost_data = data;
    rpc->stream = 1;
    rpc->kept_last = &rpc->kept;
    rpc->reader = ttrpc_reader_new();
    rpc->writer = ttrpc_writer_new();
    rpc->sock = r = connect_path(path, clock_us() + CONNECT_MS * 1000ull, err);
    if (r >= 0 && (!rpc->reader || !rpc->writer))
        r = fail_sys(err, -ENOMEM, "daemon", -1, path, NULL);
    if (r >= 0 && (r = open_handles(rpc)) < 0)
        fail_sys(err, r, "daemon", -1, path, "watch the connection");
    if (r < 0) {
        free_rpc(rpc);
        return r;
    }
    *ret = rpc;
    return 0;
}

void rpc_close(struct rpc *rpc, void (*closed)(void *data), void *data)
{
    if (rpc->closing)
        return;
    rpc->closing = true;
    rpc->closed = closed;
    rpc->closed_data = data;
    if (!rpc->handles) {
        finish(rpc);
        return;
    }
    uv_close((uv_handle_t *)&rpc->poll, on_closed);
    uv_close((uv_handle_t *)&rpc->clock, on_closed);
    fd_close(&rpc->sock); /* the daemon may begin to end what was ours */
}

bool rpc_broken(struct rpc *rpc)
{
    /* The end comes behind what was said before it. */
    while (!rpc->closing && connection_read(rpc, false))
        ;
    connection_watch(rpc);
    return rpc->broken.code || rpc->closing;
}

void rpc_unref(struct rpc *rpc)
{
    if (!rpc->handles)
        return;
    uv_unref((uv_handle_t *)&rpc->poll);
    uv_unref((uv_handle_t *)&rpc->clock);
}

void rpc_ref(struct rpc *rpc)
{
    if (!rpc->handles)
        return;
    uv_ref((uv_handle_t *)&rpc->poll);
    uv_ref((uv_handle_t *)&rpc->clock);
}
