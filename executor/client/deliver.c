/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a connection brings, and who hears of it: at once, when the loop has its turn, or when it is
 * broken.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/answer.h"
#include "client/connection.h"

static void free_kept(struct rpc *rpc, struct connection_kept *kept)
{
    rpc->kept_bytes -= kept->len;
    free(kept->request);
    free(kept);
}

static struct connection_kept *take_kept(struct rpc *rpc)
{
    struct connection_kept *kept = rpc->kept;

    rpc->kept = kept->next;
    if (!rpc->kept)
        rpc->kept_last = &rpc->kept;
    return kept;
}

void connection_drop_all(struct rpc *rpc)
{
    struct connection_request *request;

    while (rpc->kept)
        free_kept(rpc, take_kept(rpc));
    while ((request = connection_take_any(rpc)))
        free(request);
}

static void tell(struct rpc *rpc, const struct connection_request *request, const void *payload,
                 size_t len)
{
    ProtobufCMessage *message = NULL;
    struct crib_error error;
    struct arena arena;
    int r;

    if (!request->done)
        return;
    arena_init(&arena, ANSWER_MOST);
    r = answer_read(request->method, payload, len, &arena, &message, &error);
    request->done(rpc, r < 0 ? NULL : message, r < 0 ? &error : NULL, request->data);
    arena_done(&arena);
}

void connection_tell_kept(struct rpc *rpc)
{
    while (rpc->kept && !rpc->closing) {
        struct connection_kept *kept = take_kept(rpc);

        tell(rpc, kept->request, kept->payload, kept->len);
        free_kept(rpc, kept);
    }
}

/* A callback may close it: then the rest is not told. */
void connection_tell_broken(struct rpc *rpc)
{
    struct connection_request *request;

    rpc->told = true;
    while (!rpc->closing && (request = connection_take_any(rpc))) {
        if (request->done)
            request->done(rpc, NULL, &rpc->broken, request->data);
        free(request);
    }
    if (!rpc->closing && rpc->lost)
        rpc->lost(rpc, rpc->lost_data);
}

void connection_break(struct rpc *rpc, const struct crib_error *error)
{
    if (rpc->broken.code)
        return;
    rpc->broken = *error;
    for (size_t i = 0; i < CONNECTION_BUCKETS; i++)
        for (struct connection_request *one = rpc->requests[i]; one; one = one->next)
            if (one->wait) {
                one->wait->error = *error;
                one->wait->answered = true;
                one->wait = NULL;
            }
}

static void keep(struct rpc *rpc, struct connection_request *request,
                 const struct ttrpc_frame *frame)
{
    struct connection_kept *kept = NULL;
    struct crib_error error;

    if (rpc->kept_bytes + frame->len <= CONNECTION_MAX_KEPT)
        kept = malloc(sizeof(*kept) + frame->len);
    if (!kept) {
        connection_put_back(rpc, request); /* answered with all others */
        fail_text(&error, -ENOMEM, "daemon", -1, NULL, "no memory for what it says");
        connection_break(rpc, &error);
        return;
    }
    *kept = (struct connection_kept){.request = request, .len = frame->len};
    if (frame->len)
        memcpy(kept->payload, frame->payload, frame->len);
    rpc->kept_bytes += frame->len;
    *rpc->kept_last = kept;
    rpc->kept_last = &kept->next;
}

static void take_answer(struct rpc *rpc, const struct ttrpc_frame *frame, bool on_loop)
{
    struct connection_request *request = NULL;
    struct connection_wait *wait;
    struct crib_error error;

    if (frame->type == TTRPC_RESPONSE)
        request = connection_take(rpc, frame->stream);
    if (!request) {
        fail_text(&error, -EPROTO, "daemon", -1, NULL, "what it says answers no request");
        connection_break(rpc, &error);
        return;
    }
    wait = request->wait;
    if (wait) {
        memset(&wait->error, 0, sizeof(wait->error));
        answer_read(request->method, frame->payload, frame->len, wait->arena, &wait->message,
                    &wait->error);
        wait->answered = true;
    } else if (request->done && !on_loop) {
        keep(rpc, request, frame);
        return;
    } else {
        tell(rpc, request, frame->payload, frame->len);
    }
    free(request);
}

/* A callback may close it, or wait for another answer, and so come here again. */
static void take_answers(struct rpc *rpc, bool on_loop)
{
    struct ttrpc_frame frame;

    while (!rpc->closing && !rpc->broken.code && ttrpc_reader_next(rpc->reader, &frame) > 0)
        take_answer(rpc, &frame, on_loop);
}

bool connection_read(struct rpc *rpc, bool on_loop)
{
    struct crib_error error = {0};
    long n;

    take_answers(rpc, on_loop);
    if (rpc->broken.code || rpc->closing)
        return false;
    n = ttrpc_reader_fill(rpc->reader, rpc->sock, &error);
    if (n == -EAGAIN)
        return false;
    if (n == 0)
        fail_text(&error, -ECONNRESET, "daemon", -1, NULL, "it has closed the connection");
    if (n <= 0)
        connection_break(rpc, &error);
    else
        take_answers(rpc, on_loop);
    return n > 0;
}

void connection_flush(struct rpc *rpc)
{
    int r = rpc->broken.code ? 0 : ttrpc_writer_flush(rpc->writer, rpc->sock);
    struct crib_error error;

    if (r == 0 || r == -EAGAIN)
        return;
    fail_text(&error, -ECONNRESET, "daemon", -1, NULL, "it has closed the connection");
    connection_break(rpc, &error);
}
