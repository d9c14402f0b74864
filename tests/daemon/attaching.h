/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client's side of Attach, frame by frame: it acknowledges what a test tells it to.
 *
 * Runs in: tests.
 * Owns: the output read last.
 */
#ifndef DAEMON_ATTACHING_H
#define DAEMON_ATTACHING_H

#include "daemon/client.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ATTACHING_CREDIT 32
#define ATTACHING_DATA   ((size_t)64 * 1024)
#define ATTACHING_STREAM 7 /* the id */

struct attaching {
    int sock;
    uint64_t outputs, acked;
    Crib__AttachOutput *output; /* the last one; NULL */
    int code;                   /* of a response that ended the stream; -1 none */
    bool ended;                 /* in good order */
};

static inline void attaching_open(const struct cribd *daemon, struct attaching *ret)
{
    Crib__Ttrpc__Request request = CRIB__TTRPC__REQUEST__INIT;
    size_t len;
    void *data;

    *ret = (struct attaching){.sock = cribd_connect(daemon), .code = -1};
    request.service = (char *)"crib.Executor";
    request.method = (char *)"Attach";
    data = client_pack(&request, &len);
    assert_true(
        client_frame(ret->sock, ATTACHING_STREAM, TTRPC_REQUEST, TTRPC_REMOTE_OPEN, data, len));
    free(data);
}

static inline void attaching_close(struct attaching *attaching)
{
    if (attaching->output)
        crib__attach_output__free_unpacked(attaching->output, NULL);
    close(attaching->sock);
}

/* A daemon that has refused the stream may not take it. */
static inline void attaching_input(struct attaching *attaching, const Crib__AttachInput *input)
{
    size_t len;
    void *data = client_pack(input, &len);

    client_frame(attaching->sock, ATTACHING_STREAM, TTRPC_DATA, 0, data, len);
    free(data);
}

static inline void attaching_task(struct attaching *attaching, uint64_t task)
{
    Crib__AttachInput input = CRIB__ATTACH_INPUT__INIT;

    input.task = task;
    attaching_input(attaching, &input);
}

static inline void attaching_ack(struct attaching *attaching, uint64_t outputs)
{
    Crib__AttachInput input = CRIB__ATTACH_INPUT__INIT;

    input.ack = attaching->acked = outputs;
    attaching_input(attaching, &input);
}

static inline void attaching_stdin(struct attaching *attaching, uint64_t offset, const void *data,
                                   size_t len)
{
    Crib__AttachInput input = CRIB__ATTACH_INPUT__INIT;

    input.offset = offset;
    input.data = (ProtobufCBinaryData){len, (uint8_t *)data};
    attaching_input(attaching, &input);
}

static inline void attaching_take(struct attaching *attaching, const struct ttrpc_frame *frame)
{
    Crib__Ttrpc__Response *response;

    assert_int_equal(frame->stream, ATTACHING_STREAM);
    if (frame->type == TTRPC_RESPONSE) {
        response = crib__ttrpc__response__unpack(NULL, frame->len, frame->payload);
        assert_non_null(response);
        assert_non_null(response->status);
        attaching->code = response->status->code;
        crib__ttrpc__response__free_unpacked(response, NULL);
        return;
    }
    assert_int_equal(frame->type, TTRPC_DATA);
    if (frame->flags) {
        assert_int_equal(frame->flags, TTRPC_REMOTE_CLOSED | TTRPC_NO_DATA);
        assert_int_equal(frame->len, 0);
        attaching->ended = true;
        return;
    }
    attaching->output = crib__attach_output__unpack(NULL, frame->len, frame->payload);
    assert_non_null(attaching->output);
    assert_true(attaching->output->data.len <= ATTACHING_DATA);
    attaching->outputs++;
    assert_true(attaching->outputs - attaching->acked <= ATTACHING_CREDIT);
}

/* Reads the next frame, which must be of the stream. Return: the output; NULL where it has ended,
 * by `code` or `ended`. */
static inline const Crib__AttachOutput *attaching_next(struct attaching *attaching)
{
    struct ttrpc_frame frame;
    uint8_t *payload;

    if (attaching->output)
        crib__attach_output__free_unpacked(attaching->output, NULL);
    attaching->output = NULL;
    assert_true(cribd_frame(attaching->sock, &frame, &payload));
    attaching_take(attaching, &frame);
    free(payload);
    return attaching->output;
}

/* Acknowledges and drops all until the end. Return: the code; -1 it ended in good order. */
static inline int attaching_end(struct attaching *attaching)
{
    while (attaching_next(attaching))
        attaching_ack(attaching, attaching->outputs);
    return attaching->code;
}

/* What `seq -f %015.0f 0 N` writes, at an offset: 16 bytes a line. */
static inline bool attaching_is_counting(uint64_t offset, const void *data, size_t len)
{
    const char *at = data;
    char line[32];

    for (size_t i = 0; i < len; i++) {
        if (i == 0 || (offset + i) % 16 == 0)
            snprintf(line, sizeof(line), "%015llu\n", (unsigned long long)((offset + i) / 16));
        if (at[i] != line[(offset + i) % 16])
            return false;
    }
    return true;
}

#endif
