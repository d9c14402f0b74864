/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting for an answer where a caller stands, outside of its loop.
 */
#include <errno.h>
#include <poll.h>

#include "client/connect.h"
#include "client/connection.h"
#include "wire/ttrpc.h"

/* One turn of the wait. Return: 0; negative errno: it is broken now. */
static void turn(struct rpc *rpc, uint64_t due_us)
{
    short events = POLLIN | (ttrpc_writer_pending(rpc->writer) ? POLLOUT : 0);
    int r = connect_wait(rpc->sock, events, due_us);
    struct crib_error error;

    if (r == -ETIMEDOUT)
        fail_text(&error, r, "daemon", -1, NULL, "no answer in time");
    else if (r < 0)
        fail_sys(&error, r, "daemon", -1, NULL, "wait for an answer");
    if (r < 0) {
        connection_break(rpc, &error);
        return;
    }
    if (r & POLLOUT)
        connection_flush(rpc);
    if (r & ~POLLOUT)
        connection_read(rpc, false);
}

static int not_connected(struct rpc *rpc, int code, struct crib_error *err)
{
    if (code == -ENOTCONN && rpc->broken.code && err) {
        *err = rpc->broken;
        err->code = code;
        return code;
    }
    return fail_sys(err, code, "daemon", -1, NULL, "ask");
}

int rpc_wait(struct rpc *rpc, enum rpc_method method, const ProtobufCMessage *request,
             uint64_t timeout_ms, struct arena *arena, ProtobufCMessage **ret,
             struct crib_error *err)
{
    struct connection_wait wait = {.arena = arena};
    struct connection_request *asked;
    uint64_t due_us;
    int r = connection_ask(rpc, method, request, timeout_ms, &asked);

    if (r < 0)
        return not_connected(rpc, r, err);
    due_us = asked->due_us;
    if (rpc->broken.code)
        wait = (struct connection_wait){.error = rpc->broken, .answered = true};
    else
        asked->wait = &wait;
    while (!wait.answered)
        turn(rpc, due_us);
    connection_watch(rpc);
    if (!wait.error.code) {
        *ret = wait.message;
        return 0;
    }
    if (err)
        *err = wait.error;
    return wait.error.code;
}
