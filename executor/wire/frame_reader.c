/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/frame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "wire/arrivals.h"
#include "wire/encoding.h"
#include "wire/rights.h"
#include "wire/utf8.h"

#define HEADER 4
#define CHUNK  (64 * 1024)  /* bytes asked for in one receive */
#define KEEP   (256 * 1024) /* a larger buffer is given back when it is empty */
#define FIRST  1024         /* bytes that a payload is given room for at first */

struct frame_reader {
    size_t max;               /* cap on a payload */
    struct buf in;            /* begins where a frame begins */
    uint64_t offset;          /* in the stream, of in.data */
    struct arrivals arrivals; /* fds whose frame is not yet delivered */
    struct frame frame;       /* the one delivered last, of which the rest of these is part */
    char type[FRAME_MAX_TYPE + 1];
    uint8_t *payload; /* room for one, and a NUL; aligned for anything that a program makes of it */
    size_t room;      /* bytes of it */
    bool disconnected; /* the peer said it will send no more */
    int (*look)(void *owner, size_t held, int *fds, size_t nfds); /* may be NULL */
    void *owner;
    struct crib_error why; /* code not 0: dead */
};

struct frame_reader *frame_reader_new(size_t max)
{
    struct frame_reader *reader = calloc(1, sizeof(*reader));

    if (!reader)
        return NULL;
    reader->max = max ? max : FRAME_MAX_PAYLOAD;
    if (reader->max > UINT32_MAX - FRAME_OVERHEAD)
        reader->max = UINT32_MAX - FRAME_OVERHEAD;
    return reader;
}

static void drop_payload(struct frame_reader *reader)
{
    free(reader->payload);
    reader->payload = NULL;
    reader->room = 0;
}

/* Takes back the frame delivered last, with the fds that nobody wanted. */
static void release(struct frame_reader *reader)
{
    rights_close(reader->frame.fds, reader->frame.nfds);
    reader->frame.nfds = 0;
    if (reader->room > KEEP)
        drop_payload(reader);
}

static void drop_all(struct frame_reader *reader)
{
    release(reader);
    drop_payload(reader);
    arrivals_done(&reader->arrivals);
    buf_done(&reader->in);
}

void frame_reader_free(struct frame_reader *reader)
{
    if (!reader)
        return;
    drop_all(reader);
    free(reader);
}

/* The end of a reader whose `why` is filled. Return: its code, again at each later call. */
static int dead(struct frame_reader *reader, struct crib_error *err)
{
    drop_all(reader);
    if (err)
        *err = reader->why;
    return reader->why.code;
}

#define DIE(reader, err, code, ...)                                                                \
    (fail_text(&(reader)->why, code, "channel", -1, NULL, __VA_ARGS__), dead(reader, err))

/* Return: bytes of the first frame with its header; 0 while the header is not here. */
static size_t frame_size(const struct frame_reader *reader)
{
    const uint8_t *at = reader->in.data;

    if (reader->in.len < HEADER)
        return 0;
    return HEADER + ((size_t)at[0] << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3]);
}

static bool has_whole_frame(const struct frame_reader *reader)
{
    size_t size = frame_size(reader);

    return size > 0 && reader->in.len >= size;
}

static int check_size(struct frame_reader *reader, struct crib_error *err)
{
    size_t size = frame_size(reader);

    if (size <= HEADER + FRAME_OVERHEAD + reader->max)
        return 0;
    return DIE(reader, err, -EMSGSIZE, "a frame of %zu bytes, over the cap of %zu", size - HEADER,
               reader->max);
}

/* Counts what lies behind in.len already, and takes the fds that came with it. */
static int account(struct frame_reader *reader, size_t len, const int *fds, size_t nfds,
                   struct crib_error *err)
{
    uint64_t from = reader->offset + reader->in.len;

    if (nfds > FRAME_MAX_FDS) {
        rights_close(fds, nfds);
        return DIE(reader, err, -EMFILE, "%zu fds with a message, over the cap of %d", nfds,
                   FRAME_MAX_FDS);
    }
    if (nfds > 0 && arrivals_add(&reader->arrivals, from, from + len, fds, nfds) < 0) {
        rights_close(fds, nfds);
        return DIE(reader, err, -EPROTO, "fds in the middle of a frame");
    }
    buf_grown(&reader->in, len);
    return check_size(reader, err);
}

/* What has to hold before more may come in. */
static int ready(struct frame_reader *reader, struct crib_error *err)
{
    release(reader);
    if (reader->why.code)
        return dead(reader, err);
    if (has_whole_frame(reader))
        return fail_text(err, -ENOBUFS, "channel", -1, NULL, "a frame is still to be taken");
    return 0;
}

static int no_memory(struct frame_reader *reader, struct crib_error *err)
{
    return DIE(reader, err, -ENOMEM, "no memory for a frame");
}

int frame_reader_feed(struct frame_reader *reader, const void *data, size_t len, const int *fds,
                      size_t nfds, struct crib_error *err)
{
    int r = ready(reader, err);
    uint8_t *at = r < 0 ? NULL : buf_reserve(&reader->in, len);

    if (!at) {
        rights_close(fds, nfds);
        return r < 0 ? r : no_memory(reader, err);
    }
    if (len > 0)
        memcpy(at, data, len);
    return account(reader, len, fds, nfds, err);
}

/* A receive that brought neither bytes nor fds. */
static long nothing_came(struct frame_reader *reader, long n, struct crib_error *err)
{
    if (n == -EAGAIN)
        return n;
    /* ECONNRESET only says that the peer left without reading all we sent. */
    if (n < 0 && n != -ECONNRESET) {
        fail_sys(&reader->why, (int)n, "channel", -1, NULL, "receive");
        return dead(reader, err);
    }
    if (reader->in.len > 0)
        return DIE(reader, err, -EPROTO, "the channel ended in the middle of a frame");
    return 0;
}

static long fill(struct frame_reader *reader, int sock, int how, struct crib_error *err)
{
    int fds[RIGHTS_MAX], flags, r = ready(reader, err);
    uint8_t *at;
    size_t nfds;
    long n;

    if (r < 0)
        return r;
    at = buf_reserve(&reader->in, CHUNK);
    if (!at)
        return no_memory(reader, err);
    n = rights_receive_as(sock, at, CHUNK, how, fds, &nfds, &flags);
    if (n <= 0)
        return nothing_came(reader, n, err);
    if (flags & MSG_CTRUNC) {
        rights_close(fds, nfds);
        return DIE(reader, err, -EMFILE, "fds were lost: this process can open no more");
    }
    r = reader->look ? reader->look(reader->owner, reader->in.len + (size_t)n, fds, nfds) : 0;
    if (r < 0) {
        rights_close(fds, nfds);
        return DIE(reader, err, r, "fds that may not be sent here");
    }
    r = account(reader, (size_t)n, fds, nfds, err);
    return r < 0 ? r : n;
}

long frame_reader_fill(struct frame_reader *reader, int sock, struct crib_error *err)
{
    return fill(reader, sock, 0, err);
}

long frame_reader_fill_now(struct frame_reader *reader, int sock, struct crib_error *err)
{
    return fill(reader, sock, MSG_DONTWAIT, err);
}

void frame_reader_look(struct frame_reader *reader,
                       int (*look)(void *owner, size_t held, int *fds, size_t nfds), void *owner)
{
    reader->look = look;
    reader->owner = owner;
}

static int check(struct frame_reader *reader, const struct encoding *frame, struct crib_error *err)
{
    if (frame->type_len > FRAME_MAX_TYPE)
        return DIE(reader, err, -EPROTO, "a type that is too long");
    if (frame->type_len > 0 && memchr(frame->type, '\0', frame->type_len))
        return DIE(reader, err, -EPROTO, "a type with a NUL");
    if (frame->len > reader->max)
        return DIE(reader, err, -EMSGSIZE, "a payload of %zu bytes, over the cap of %zu",
                   frame->len, reader->max);
    if (frame->fds > FRAME_MAX_FDS)
        return DIE(reader, err, -EMFILE, "a message declares %u fds, over the cap of %d",
                   frame->fds, FRAME_MAX_FDS);
    return 0;
}

/* Room for a payload and a NUL; mostly that of the one before. Return: 0; -ENOMEM. */
static int make_room(struct frame_reader *reader, size_t len)
{
    size_t room = len < FIRST ? FIRST : len + 1;

    if (len < reader->room)
        return 0;
    drop_payload(reader);
    reader->payload = malloc(room);
    reader->room = reader->payload ? room : 0;
    return reader->payload ? 0 : -ENOMEM;
}

/* Fills reader->frame with copies, fds excepted. */
static int show(struct frame_reader *reader, const struct encoding *from, struct crib_error *err)
{
    struct frame *frame = &reader->frame;

    reader->disconnected = frame->disconnect = from->kind == ENCODING_DISCONNECT;
    frame->type = frame->disconnect ? NULL : reader->type;
    frame->payload = NULL;
    frame->len = from->len;
    if (from->type_len > 0)
        memcpy(reader->type, from->type, from->type_len);
    reader->type[from->type_len] = '\0';
    if (!utf8_valid(reader->type))
        return DIE(reader, err, -EPROTO, "a type that is not UTF-8");
    if (from->len == 0)
        return 0;
    if (make_room(reader, from->len) < 0) /* the frame stays; there may be memory later */
        return fail_text(err, -ENOMEM, "channel", -1, NULL, "no memory for a frame");
    memcpy(reader->payload, from->payload, from->len);
    reader->payload[from->len] = '\0';
    frame->payload = reader->payload;
    return 0;
}

/* The fds that the frame at the start of the buffer declares. */
static int claim(struct frame_reader *reader, size_t nfds, size_t size, struct crib_error *err)
{
    if (nfds > 0 && arrivals_take(&reader->arrivals, reader->offset, reader->frame.fds, nfds) < 0)
        return DIE(reader, err, -EPROTO, "a message declares %zu fds that did not come with it",
                   nfds);
    reader->frame.nfds = nfds;
    if (arrivals_stale(&reader->arrivals, reader->offset + size))
        return DIE(reader, err, -EPROTO, "fds that no message declares");
    return 0;
}

static void consume(struct frame_reader *reader, size_t size)
{
    buf_consume(&reader->in, size);
    reader->offset += size;
    if (reader->in.len == 0 && reader->in.room > KEEP)
        buf_done(&reader->in);
}

/* Takes the first frame, whole in the buffer. */
static int take(struct frame_reader *reader, size_t size, struct crib_error *err)
{
    struct encoding frame;
    const char *why = encoding_get(reader->in.data + HEADER, size - HEADER, &frame);
    int r;

    if (why)
        return DIE(reader, err, -EPROTO, "%s", why);
    r = check(reader, &frame, err);
    if (r == 0)
        r = show(reader, &frame, err);
    if (r == 0)
        r = claim(reader, frame.fds, size, err);
    if (r < 0)
        return r;
    consume(reader, size);
    return 1;
}

int frame_reader_next(struct frame_reader *reader, struct frame **ret, struct crib_error *err)
{
    int r;

    release(reader);
    if (reader->why.code)
        return dead(reader, err);
    if (reader->disconnected && reader->in.len > 0)
        return DIE(reader, err, -EPROTO, "bytes after a disconnect");
    r = check_size(reader, err);
    if (r < 0)
        return r;
    if (!has_whole_frame(reader))
        return 0;
    r = take(reader, frame_size(reader), err);
    if (r == 1)
        *ret = &reader->frame;
    return r;
}
