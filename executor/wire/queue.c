/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/queue.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/fd.h"
#include "wire/rights.h"

#define KEEP (256 * 1024) /* a larger buffer is given back when it is empty */

/* The fds of one queued message: copies of ours. */
struct attachment {
    struct attachment *next; /* later in the stream */
    uint64_t at;             /* offset in the stream of the message's first byte */
    size_t nfds;
    int fds[];
};

static void attachment_free(struct attachment *attachment)
{
    if (!attachment)
        return;
    rights_close(attachment->fds, attachment->nfds);
    free(attachment);
}

/* Unlinks and frees the first attachment. */
static void attachment_sent(struct queue *queue)
{
    struct attachment *sent = queue->first;

    queue->first = sent->next;
    if (!queue->first)
        queue->last = NULL;
    attachment_free(sent);
}

static void drop_all(struct queue *queue)
{
    while (queue->first)
        attachment_sent(queue);
    buf_done(&queue->out);
}

void queue_done(struct queue *queue)
{
    drop_all(queue);
    *queue = (struct queue){0};
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

static void attach(struct queue *queue, struct attachment *attachment)
{
    attachment->at = queue->offset + queue->out.len;
    if (queue->last)
        queue->last->next = attachment;
    else
        queue->first = attachment;
    queue->last = attachment;
}

int queue_message(struct queue *queue, size_t len, const int *fds, size_t nfds, uint8_t **ret)
{
    struct attachment *attachment = NULL;
    int r = nfds > 0 ? attachment_new(fds, nfds, &attachment) : 0;

    if (r < 0)
        return r;
    *ret = buf_reserve(&queue->out, len);
    if (!*ret) {
        attachment_free(attachment);
        return -ENOMEM;
    }
    if (attachment)
        attach(queue, attachment);
    buf_grown(&queue->out, len);
    return 0;
}

/* Sends once: from the first byte on, up to where a message with fds begins. */
static long send_once(struct queue *queue, int sock, int flags)
{
    const struct attachment *first = queue->first, *border = first;
    size_t len = queue->out.len;
    bool attached = first && first->at == queue->offset;

    if (attached)
        border = first->next;
    if (border)
        len = (size_t)(border->at - queue->offset);
    return rights_send_as(sock, queue->out.data, len, attached ? first->fds : NULL,
                          attached ? first->nfds : 0, flags);
}

static void sent(struct queue *queue, size_t len)
{
    if (queue->first && queue->first->at == queue->offset)
        attachment_sent(queue);
    buf_consume(&queue->out, len);
    queue->offset += len;
    if (queue->out.len == 0 && queue->out.room > KEEP)
        buf_done(&queue->out);
}

int queue_flush(struct queue *queue, int sock, int flags)
{
    if (queue->dead)
        return queue->dead;
    while (queue->out.len > 0) {
        long n = send_once(queue, sock, flags);

        if (n == -EAGAIN)
            return -EAGAIN;
        if (n < 0) {
            queue->dead = n == -ECONNRESET ? -EPIPE : (int)n;
            drop_all(queue);
            return queue->dead;
        }
        sent(queue, (size_t)n);
    }
    return 0;
}

size_t queue_pending(const struct queue *queue)
{
    return queue->out.len;
}

uint64_t queue_sent(const struct queue *queue)
{
    return queue->offset;
}
