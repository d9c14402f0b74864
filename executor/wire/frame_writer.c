/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/frame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "wire/encoding.h"
#include "wire/queue.h"
#include "wire/utf8.h"

#define HEADER 4

struct frame_writer {
    size_t max; /* cap on a payload */
    struct queue queue;
    bool disconnected; /* the last frame is queued */
};

struct frame_writer *frame_writer_new(size_t max)
{
    struct frame_writer *writer = calloc(1, sizeof(*writer));

    if (!writer)
        return NULL;
    writer->max = max ? max : FRAME_MAX_PAYLOAD;
    if (writer->max > UINT32_MAX - FRAME_OVERHEAD)
        writer->max = UINT32_MAX - FRAME_OVERHEAD;
    return writer;
}

void frame_writer_free(struct frame_writer *writer)
{
    if (!writer)
        return;
    queue_done(&writer->queue);
    free(writer);
}

/* Writes @frame behind what is queued. Return: 0; as queue_message(), and nothing has changed. */
static int append(struct frame_writer *writer, const struct encoding *frame, const int *fds)
{
    size_t len = encoding_size(frame);
    uint8_t *at;
    int r = queue_message(&writer->queue, HEADER + len, fds, frame->fds, &at);

    if (r < 0)
        return r;
    at[0] = (uint8_t)(len >> 24);
    at[1] = (uint8_t)(len >> 16);
    at[2] = (uint8_t)(len >> 8);
    at[3] = (uint8_t)len;
    encoding_put(frame, at + HEADER);
    return 0;
}

static int check(const struct frame_writer *writer, const char *type, const void *payload,
                 size_t len, const int *fds, size_t nfds)
{
    if (writer->queue.dead || writer->disconnected)
        return -EPIPE;
    if (!type || (len > 0 && !payload) || (nfds > 0 && !fds))
        return -EINVAL;
    if (strnlen(type, FRAME_MAX_TYPE + 1) > FRAME_MAX_TYPE || !utf8_valid(type))
        return -EINVAL;
    if (len > writer->max)
        return -EMSGSIZE;
    return nfds > FRAME_MAX_FDS ? -EMFILE : 0;
}

int frame_writer_add(struct frame_writer *writer, const char *type, const void *payload, size_t len,
                     const int *fds, size_t nfds)
{
    struct encoding frame = {0};
    int r = check(writer, type, payload, len, fds, nfds);

    if (r < 0)
        return r;
    frame.type = type;
    frame.type_len = strlen(type);
    frame.payload = len > 0 ? payload : NULL;
    frame.len = len;
    frame.fds = (uint32_t)nfds;
    return append(writer, &frame, fds);
}

int frame_writer_add_disconnect(struct frame_writer *writer)
{
    const struct encoding frame = {.kind = ENCODING_DISCONNECT};
    int r;

    if (writer->queue.dead)
        return -EPIPE;
    if (writer->disconnected)
        return 0;
    r = append(writer, &frame, NULL);
    writer->disconnected = r == 0;
    return r;
}

int frame_writer_flush(struct frame_writer *writer, int sock)
{
    return queue_flush(&writer->queue, sock, 0);
}

int frame_writer_flush_now(struct frame_writer *writer, int sock)
{
    return queue_flush(&writer->queue, sock, MSG_DONTWAIT);
}

size_t frame_writer_pending(const struct frame_writer *writer)
{
    return queue_pending(&writer->queue);
}

uint64_t frame_writer_sent(const struct frame_writer *writer)
{
    return queue_sent(&writer->queue);
}
