/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/fdside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/auto.h"
#include "daemon/fdside_request.h"
#include "daemon/foreign.h"
#include "daemon/status.h"
#include "wire/rights.h"

#define AT_ONCE 16          /* steps of one connection in a turn of the loop: others wait too */
#define CHUNK   (16 * 1024) /* bytes of one receive */

/* A connection. */
struct side {
    struct side *next, **link; /* of the fd side's */
    struct fdside *fdside;
    struct peer peer;
    int sock; /* -1 once closed */
    uv_poll_t poll;
    int watching; /* events asked of the loop */
    struct frame_reader *reader;
    struct frame_writer *writer;
    struct named *brought;
};

struct fdside {
    uv_loop_t *loop;
    const struct fdside_asks *asks;
    void *data;
    struct names names;
    struct side *sides;
    int refused; /* O_PATH: stands for an fd that was closed before anybody looked at its frame */
    uv_timer_t end; /* never runs; closed last */
    size_t open;    /* sides whose handle is not closed yet */
    bool closing;
    void (*closed)(void *data);
    void *closed_data;
};

int fdside_new(uv_loop_t *loop, const struct fdside_asks *asks, void *data, struct fdside **ret)
{
    struct fdside *fdside = calloc(1, sizeof(*fdside));
    int r;

    if (!fdside)
        return -ENOMEM;
    r = names_open(&fdside->names);
    fdside->refused = r < 0 ? -1 : open("/", O_PATH | O_CLOEXEC);
    if (fdside->refused < 0) {
        r = r < 0 ? r : -errno;
        free(fdside);
        return r;
    }
    fdside->loop = loop;
    fdside->asks = asks;
    fdside->data = data;
    fdside->end.data = fdside;
    uv_timer_init(loop, &fdside->end);
    *ret = fdside;
    return 0;
}

static void on_end(uv_handle_t *handle)
{
    struct fdside *fdside = handle->data;

    fd_close(&fdside->refused);
    fdside->closed(fdside->closed_data);
    free(fdside);
}

static struct fdside_asker asker_of(struct side *side)
{
    struct fdside *fdside = side->fdside;

    return (struct fdside_asker){.asks = fdside->asks,
                                 .data = fdside->data,
                                 .names = &fdside->names,
                                 .peer = &side->peer,
                                 .list = &side->brought};
}

static void side_free(struct side *side)
{
    frame_reader_free(side->reader);
    frame_writer_free(side->writer);
    peer_done(&side->peer);
    free(side);
}

static void on_side_closed(uv_handle_t *handle)
{
    struct side *side = handle->data;
    struct fdside *fdside = side->fdside;

    fdside->asks->closed(&side->peer, fdside->data);
    side_free(side);
    fdside->open--;
    if (fdside->closing && fdside->open == 0)
        uv_close((uv_handle_t *)&fdside->end, on_end);
}

/* Ends a connection, and what it has brought. */
static void end(struct side *side)
{
    struct fdside_asker asker = asker_of(side);

    if (side->sock < 0)
        return;
    fdside_forget(&asker);
    *side->link = side->next;
    if (side->next)
        side->next->link = side->link;
    uv_close((uv_handle_t *)&side->poll, on_side_closed);
    fd_close(&side->sock);
}

/*
 * What a file system could hold us up with is closed before the reader has it, which would close it
 * as anything else. Something that will be refused takes its place, so that the counts are right.
 * Return: 0; negative errno
 */
static int sift(const struct fdside *fdside, int *fds, size_t nfds)
{
    struct foreign_mounts known = {0};
    int r = 0;

    for (size_t i = 0; i < nfds; i++) {
        foreign_calm(fds[i]);
        if (foreign_check(fds[i], &known) != -EOPNOTSUPP)
            continue;
        foreign_close(&fds[i]);
        fds[i] = fd_copy(fdside->refused, 3);
        if (fds[i] < 0)
            r = fds[i];
    }
    return r;
}

/* Return: 1 something has come; 0 not now; negative: it is over. */
static int receive(struct side *side)
{
    int fds[RIGHTS_MAX], flags, r;
    uint8_t bytes[CHUNK];
    size_t nfds;
    long n = rights_receive(side->sock, bytes, sizeof(bytes), fds, &nfds, &flags);

    if (n <= 0)
        return n == -EAGAIN ? 0 : n < 0 ? (int)n : -EPIPE;
    r = sift(side->fdside, fds, nfds);
    if (r == 0 && flags & MSG_CTRUNC)
        r = -EMFILE;
    if (r < 0) {
        rights_close(fds, nfds);
        return r;
    }
    r = frame_reader_feed(side->reader, bytes, (size_t)n, fds, nfds, NULL);
    return r < 0 ? r : 1;
}

static int add_reply(struct side *side, const struct fdside_reply *reply)
{
    Crib__FdReply message = CRIB__FD_REPLY__INIT;
    uint8_t packed[512];

    message.code = reply->code;
    if (reply->why)
        message.message = (char *)reply->why;
    if (crib__fd_reply__get_packed_size(&message) > sizeof(packed))
        message.message = (char *)"";
    return frame_writer_add(side->writer, "FdReply", packed, crib__fd_reply__pack(&message, packed),
                            reply->fds, reply->nfds);
}

/* Return: 0; negative: it is over. */
static int answer(struct side *side, struct frame *frame)
{
    struct fdside_asker asker = asker_of(side);
    struct fdside_reply reply, sorry = {.code = CODE_RESOURCE_EXHAUSTED, .why = "too many fds"};
    int r;

    fdside_request(&asker, frame, &reply);
    r = add_reply(side, &reply);
    if (r == -EMFILE)
        r = add_reply(side, &sorry);
    for (size_t i = 0; i < reply.nfds; i++)
        foreign_close(&reply.fds[i]);
    for (size_t i = 0; i < frame->nfds; i++)
        foreign_close(&frame->fds[i]);
    free(reply.fds);
    return r;
}

/* Return: 1 there may be more; 0 not now; negative: it is over. */
static int step(struct side *side)
{
    struct frame *frame;
    int r = frame_writer_flush(side->writer, side->sock);

    if (r < 0)
        return r == -EAGAIN ? 0 : r;
    r = frame_reader_next(side->reader, &frame, NULL);
    if (r == 0)
        return receive(side);
    if (r < 0)
        return r;
    if (frame->disconnect)
        return -EPIPE;
    r = answer(side, frame);
    return r < 0 ? r : 1;
}

static void on_poll(uv_poll_t *poll, int status, int events);

static void watch(struct side *side, bool more)
{
    bool full = frame_writer_pending(side->writer) > 0;
    int events = full ? UV_WRITABLE : more ? UV_READABLE | UV_WRITABLE : UV_READABLE;

    if (events != side->watching)
        uv_poll_start(&side->poll, events, on_poll);
    side->watching = events;
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct side *side = poll->data;
    int r = status < 0 ? status : 1;

    (void)events;
    for (int i = 0; r > 0 && i < AT_ONCE; i++)
        r = step(side);
    if (r < 0)
        end(side);
    else
        watch(side, r > 0);
}

static int new_side(struct fdside *fdside, int sock, const struct peer *peer, struct side **ret)
{
    struct side *side = calloc(1, sizeof(*side));
    int r = side ? peer_copy(peer, &side->peer) : -ENOMEM;

    if (r < 0) {
        free(side);
        return r;
    }
    side->fdside = fdside;
    side->poll.data = side;
    side->reader = frame_reader_new(FDSIDE_MAX_PAYLOAD);
    side->writer = frame_writer_new(FDSIDE_MAX_PAYLOAD);
    r = side->reader && side->writer ? 0 : -ENOMEM;
    if (r == 0)
        r = uv_poll_init(fdside->loop, &side->poll, sock);
    if (r < 0)
        side_free(side);
    else
        *ret = side;
    return r;
}

int fdside_add(struct fdside *fdside, int sock, const struct peer *peer)
{
    struct side *side;
    int r = fdside->closing ? -ECANCELED : new_side(fdside, sock, peer, &side);

    if (r < 0) {
        fd_close(&sock);
        return r;
    }
    side->sock = sock;
    side->next = fdside->sides;
    side->link = &fdside->sides;
    if (side->next)
        side->next->link = &side->next;
    fdside->sides = side;
    fdside->open++;
    watch(side, false);
    return 0;
}

void fdside_close(struct fdside *fdside, void (*closed)(void *data), void *data)
{
    fdside->closing = true;
    fdside->closed = closed;
    fdside->closed_data = data;
    while (fdside->sides)
        end(fdside->sides);
    if (fdside->open == 0)
        uv_close((uv_handle_t *)&fdside->end, on_end);
}

int fdside_find(const struct fdside *fdside, uint64_t owner, const char *name)
{
    const struct named *named = name_valid(name) ? names_find(&fdside->names, owner, name) : NULL;

    return named ? named->fd : -ENOENT;
}
