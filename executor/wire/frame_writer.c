/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/frame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/fd.h"
#include "channel.pb-c.h"
#include "wire/rights.h"
#include "wire/utf8.h"

#define HEADER 4
#define KEEP   (256 * 1024) /* a larger buffer is given back when it is empty */

/* The fds of one queued frame: copies of ours. */
struct attachment {
    struct attachment *next; /* later in the stream */
    uint64_t at;             /* offset in the stream of the frame's first byte */
    size_t nfds;
    int fds[];
};

struct frame_writer {
    size_t max;               /* cap on a payload */
    struct buf out;           /* queued bytes */
    uint64_t offset;          /* in the stream, of out.data */
    struct attachment *first; /* what is queued and has fds */
    struct attachment **last; /* where the next one is linked */
    bool disconnected;        /* the last frame is queued */
    int dead;                 /* negative errno of the flush that failed */
};

struct frame_writer *frame_writer_new(size_t max)
{
    struct frame_writer *writer = calloc(1, sizeof(*writer));

    if (!writer)
        return NULL;
    writer->max = max ? max : FRAME_MAX_PAYLOAD;
    if (writer->max > UINT32_MAX - FRAME_OVERHEAD)
        writer->max = UINT32_MAX - FRAME_OVERHEAD;
    writer->last = &writer->first;
    return writer;
}

static void attachment_free(struct attachment *attachment)
{
    if (!attachment)
        return;
    rights_close(attachment->fds, attachment->nfds);
    free(attachment);
}

/* Unlinks and frees the first attachment. */
static void attachment_sent(struct frame_writer *writer)
{
    struct attachment *sent = writer->first;

    writer->first = sent->next;
    if (!writer->first)
        writer->last = &writer->first;
    attachment_free(sent);
}

static void drop_all(struct frame_writer *writer)
{
    while (writer->first)
        attachment_sent(writer);
    buf_done(&writer->out);
}

void frame_writer_free(struct frame_writer *writer)
{
    if (!writer)
        return;
    drop_all(writer);
    free(writer);
}

static int attachment_new(const int *fds, size_t nfds, struct attachment **ret)
{
    struct attachment *attachment = calloc(1, sizeof(*attachment) + nfds * sizeof(int));

    if (!attachment)
        return -ENOMEM;
    for (size_t i = 0; i < nfds; i++) {
        /* Never onto 0, 1 or 2, should they be closed in this process. */
        int copy = fd_copy(fds[i], 3);

        if (copy < 0) {
            attachment_free(attachment);
            return copy == -EINVAL ? -EMFILE : copy;
        }
        attachment->fds[attachment->nfds++] = copy;
    }
    *ret = attachment;
    return 0;
}

/* Packs @frame behind what is queued. Return: 0; -ENOMEM, and nothing has changed. */
static int append(struct frame_writer *writer, const Crib__Frame *frame)
{
    size_t len = crib__frame__get_packed_size(frame);
    uint8_t *at = buf_reserve(&writer->out, HEADER + len);

    if (!at)
        return -ENOMEM;
    at[0] = (uint8_t)(len >> 24);
    at[1] = (uint8_t)(len >> 16);
    at[2] = (uint8_t)(len >> 8);
    at[3] = (uint8_t)len;
    crib__frame__pack(frame, at + HEADER);
    buf_grown(&writer->out, HEADER + len);
    return 0;
}

static int check(const struct frame_writer *writer, const char *type, const void *payload,
                 size_t len, const int *fds, size_t nfds)
{
    if (writer->dead || writer->disconnected)
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
    uint64_t at = writer->offset + writer->out.len;
    struct attachment *attachment = NULL;
    Crib__Frame frame = CRIB__FRAME__INIT;
    int r = check(writer, type, payload, len, fds, nfds);

    if (r == 0 && nfds > 0)
        r = attachment_new(fds, nfds, &attachment);
    if (r < 0)
        return r;
    frame.type = (char *)type;
    frame.has_payload = len > 0;
    frame.payload = (ProtobufCBinaryData){.len = len, .data = (uint8_t *)payload};
    frame.has_fds = nfds > 0;
    frame.fds = (uint32_t)nfds;
    r = append(writer, &frame);
    if (r < 0) {
        attachment_free(attachment);
        return r;
    }
    if (attachment) {
        attachment->at = at;
        *writer->last = attachment;
        writer->last = &attachment->next;
    }
    return 0;
}

int frame_writer_add_disconnect(struct frame_writer *writer)
{
    Crib__Frame frame = CRIB__FRAME__INIT;
    int r;

    if (writer->dead)
        return -EPIPE;
    if (writer->disconnected)
        return 0;
    frame.has_kind = 1;
    frame.kind = CRIB__FRAME__KIND__disconnect;
    r = append(writer, &frame);
    writer->disconnected = r == 0;
    return r;
}

/* Sends once: from the first byte on, up to where a frame with fds begins. */
static long send_once(struct frame_writer *writer, int sock)
{
    const struct attachment *first = writer->first, *border = first;
    size_t len = writer->out.len;
    bool attached = first && first->at == writer->offset;

    if (attached)
        border = first->next;
    if (border)
        len = (size_t)(border->at - writer->offset);
    return rights_send(sock, writer->out.data, len, attached ? first->fds : NULL,
                       attached ? first->nfds : 0);
}

static void sent(struct frame_writer *writer, size_t len)
{
    if (writer->first && writer->first->at == writer->offset)
        attachment_sent(writer);
    buf_consume(&writer->out, len);
    writer->offset += len;
    if (writer->out.len == 0 && writer->out.room > KEEP)
        buf_done(&writer->out);
}

int frame_writer_flush(struct frame_writer *writer, int sock)
{
    if (writer->dead)
        return writer->dead;
    while (writer->out.len > 0) {
        long n = send_once(writer, sock);

        if (n == -EAGAIN)
            return -EAGAIN;
        if (n < 0) {
            writer->dead = n == -ECONNRESET ? -EPIPE : (int)n;
            drop_all(writer);
            return writer->dead;
        }
        sent(writer, (size_t)n);
    }
    return 0;
}

size_t frame_writer_pending(const struct frame_writer *writer)
{
    return writer->out.len;
}
