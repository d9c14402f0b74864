/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests under way, found by their streams, and how one is made.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "client/connection.h"
#include "ttrpc.pb-c.h"

/* Where the request of a stream is linked, or would be. */
static struct connection_request **find(struct rpc *rpc, uint32_t stream)
{
    struct connection_request **link = &rpc->requests[stream / 2 % CONNECTION_BUCKETS];

    while (*link && (*link)->stream != stream)
        link = &(*link)->next;
    return link;
}

struct connection_request *connection_take(struct rpc *rpc, uint32_t stream)
{
    struct connection_request **link = find(rpc, stream), *request = *link;

    if (request) {
        *link = request->next;
        request->next = NULL;
    }
    return request;
}

void connection_put_back(struct rpc *rpc, struct connection_request *request)
{
    *find(rpc, request->stream) = request;
}

struct connection_request *connection_take_any(struct rpc *rpc)
{
    for (size_t i = 0; i < CONNECTION_BUCKETS; i++)
        if (rpc->requests[i])
            return connection_take(rpc, rpc->requests[i]->stream);
    return NULL;
}

void connection_expire(struct rpc *rpc)
{
    uint64_t now = clock_us(), next = 0;
    struct crib_error error;

    for (size_t i = 0; i < CONNECTION_BUCKETS; i++)
        for (struct connection_request *one = rpc->requests[i]; one; one = one->next) {
            if (one->due_us && one->due_us <= now) {
                fail_text(&error, -ETIMEDOUT, "daemon", -1, NULL, "no answer to %s in time",
                          crib__executor__descriptor.methods[one->method].name);
                connection_break(rpc, &error);
                return;
            }
            if (one->due_us && (!next || one->due_us < next))
                next = one->due_us;
        }
    rpc->due_us = next;
}

/* A Request in one piece, ready to be queued. */
static int pack(enum rpc_method method, const ProtobufCMessage *message, uint64_t timeout_ms,
                struct ttrpc_piece **ret, size_t *ret_len)
{
    Crib__Ttrpc__Request request = CRIB__TTRPC__REQUEST__INIT;
    size_t len = protobuf_c_message_get_packed_size(message);
    uint8_t *payload = len > TTRPC_MAX ? NULL : malloc(len + 1);

    if (!payload)
        return len > TTRPC_MAX ? -EMSGSIZE : -ENOMEM;
    request.service = (char *)"crib.Executor";
    request.method = (char *)crib__executor__descriptor.methods[method].name;
    request.payload.len = protobuf_c_message_pack(message, payload);
    request.payload.data = payload;
    request.timeout_nano = (int64_t)timeout_ms * 1000000;
    *ret_len = crib__ttrpc__request__get_packed_size(&request);
    *ret = *ret_len > TTRPC_MAX ? NULL : ttrpc_piece_new(*ret_len);
    if (*ret)
        crib__ttrpc__request__pack(&request, (*ret)->payload);
    free(payload);
    if (!*ret)
        return *ret_len > TTRPC_MAX ? -EMSGSIZE : -ENOMEM;
    return 0;
}

static void add(struct rpc *rpc, struct connection_request *request, uint64_t timeout_ms)
{
    struct connection_request **link = find(rpc, rpc->stream);

    request->stream = rpc->stream;
    rpc->stream += 2;
    *link = request;
    if (!timeout_ms)
        return;
    request->due_us = clock_us() + (timeout_ms + RPC_GRACE_MS) * 1000;
    if (!rpc->due_us || request->due_us < rpc->due_us)
        rpc->due_us = request->due_us;
}

int connection_ask(struct rpc *rpc, enum rpc_method method, const ProtobufCMessage *request,
                   uint64_t timeout_ms, struct connection_request **ret)
{
    struct ttrpc_piece *piece;
    size_t len;
    int r;

    if (rpc->broken.code || rpc->closing || rpc->stream > INT32_MAX)
        return -ENOTCONN;
    if (ttrpc_writer_pending(rpc->writer) > RPC_MAX_PENDING)
        return -EAGAIN;
    r = pack(method, request, timeout_ms, &piece, &len);
    if (r < 0)
        return r;
    *ret = calloc(1, sizeof(**ret));
    if (!*ret) {
        ttrpc_piece_free(piece);
        return -ENOMEM;
    }
    (*ret)->method = method;
    r = ttrpc_writer_put(rpc->writer, piece, rpc->stream, TTRPC_REQUEST, TTRPC_REMOTE_CLOSED, len);
    if (r < 0) {
        free(*ret);
        return -ENOTCONN;
    }
    add(rpc, *ret, timeout_ms);
    connection_flush(rpc);
    return 0;
}

int rpc_call(struct rpc *rpc, enum rpc_method method, const ProtobufCMessage *request,
             uint64_t timeout_ms, rpc_cb done, void *data)
{
    struct connection_request *asked;
    int r = connection_ask(rpc, method, request, timeout_ms, &asked);

    if (r < 0)
        return r;
    asked->done = done;
    asked->data = data;
    connection_watch(rpc);
    return 0;
}

void rpc_forget(struct rpc *rpc, const void *data)
{
    for (size_t i = 0; i < CONNECTION_BUCKETS; i++)
        for (struct connection_request *one = rpc->requests[i]; one; one = one->next)
            if (one->data == data)
                one->done = NULL;
    for (struct connection_kept *kept = rpc->kept; kept; kept = kept->next)
        if (kept->request->data == data)
            kept->request->done = NULL;
}
