/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/ttrpc.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/buf.h"

#define ASK_LEAST (4 * 1024)   /* bytes asked for in one receive: so many at first, */
#define ASK_MOST  (128 * 1024) /* and more from who sends so many that they fill it */

struct ttrpc_reader {
    struct buf in; /* begins where a frame begins, or with the rest of one */
    size_t ask;
    bool dead;
};

struct ttrpc_reader *ttrpc_reader_new(void)
{
    struct ttrpc_reader *reader = calloc(1, sizeof(*reader));

    if (reader)
        reader->ask = ASK_LEAST;
    return reader;
}

void ttrpc_reader_free(struct ttrpc_reader *reader)
{
    if (!reader)
        return;
    buf_done(&reader->in);
    free(reader);
}

#define DIE(reader, err, code, ...)                                                                \
    (buf_done(&(reader)->in), (reader)->dead = true,                                               \
     fail_text(err, code, "connection", -1, NULL, __VA_ARGS__))

static uint32_t u32_at(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Return: bytes of the first frame with its header; 0 while its length is not here. */
static uint64_t frame_size(const struct ttrpc_reader *reader)
{
    return reader->in.len < 4 ? 0 : TTRPC_HEADER + (uint64_t)u32_at(reader->in.data);
}

static bool has_whole_frame(const struct ttrpc_reader *reader)
{
    uint64_t size = frame_size(reader);

    return size > 0 && reader->in.len >= size;
}

static int check_size(struct ttrpc_reader *reader, struct crib_error *err)
{
    uint64_t size = frame_size(reader);

    if (size <= TTRPC_HEADER + TTRPC_MAX)
        return 0;
    return DIE(reader, err, -EMSGSIZE, "a frame of %llu bytes, over the cap of %u",
               (unsigned long long)size - TTRPC_HEADER, TTRPC_MAX);
}

/* What is delivered is the caller's until its next call: only that gives the memory back. */
static void release(struct ttrpc_reader *reader)
{
    if (reader->in.len == 0)
        buf_done(&reader->in);
}

/* What has to hold before more may come in. */
static int ready(struct ttrpc_reader *reader, struct crib_error *err)
{
    if (reader->dead)
        return fail_text(err, -EPIPE, "connection", -1, NULL, "it has broken off already");
    release(reader);
    return check_size(reader, err);
}

int ttrpc_reader_feed(struct ttrpc_reader *reader, const void *data, size_t len,
                      struct crib_error *err)
{
    int r = ready(reader, err);

    if (r < 0)
        return r;
    if (buf_append(&reader->in, data, len) < 0)
        return DIE(reader, err, -ENOMEM, "no memory for a frame");
    return check_size(reader, err);
}

/* Without room for control data, the kernel closes the fds that come along. */
static long receive(int sock, void *at, size_t len)
{
    ssize_t n;

    do
        n = recv(sock, at, len, MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

/* A receive that brought nothing. */
static long nothing_came(struct ttrpc_reader *reader, long n, struct crib_error *err)
{
    if (n == -EAGAIN) {
        release(reader);
        return n;
    }
    /* ECONNRESET only says that the peer left without reading all we sent. */
    if (n < 0 && n != -ECONNRESET) {
        buf_done(&reader->in);
        reader->dead = true;
        return fail_sys(err, (int)n, "connection", -1, NULL, "receive");
    }
    if (reader->in.len > 0)
        return DIE(reader, err, -EPROTO, "it ended in the middle of a frame");
    release(reader);
    return 0;
}

/* How much to ask for next: memory follows what the peer really sends. */
static void adapt(struct ttrpc_reader *reader, size_t got)
{
    if (got == reader->ask && reader->ask < ASK_MOST)
        reader->ask *= 2;
    else if (got < reader->ask / 4 && reader->ask > ASK_LEAST)
        reader->ask /= 2;
}

long ttrpc_reader_fill(struct ttrpc_reader *reader, int sock, struct crib_error *err)
{
    int r = ready(reader, err);
    uint8_t *at;
    long n;

    if (r < 0)
        return r;
    if (has_whole_frame(reader))
        return fail_text(err, -ENOBUFS, "connection", -1, NULL, "a frame is still to be taken");
    at = buf_reserve(&reader->in, reader->ask);
    if (!at)
        return DIE(reader, err, -ENOMEM, "no memory for a frame");
    n = receive(sock, at, reader->ask);
    if (n <= 0)
        return nothing_came(reader, n, err);
    buf_grown(&reader->in, (size_t)n);
    adapt(reader, (size_t)n);
    r = check_size(reader, err);
    return r < 0 ? r : n;
}

int ttrpc_reader_next(struct ttrpc_reader *reader, struct ttrpc_frame *ret)
{
    const uint8_t *at;
    int r;

    if (reader->dead)
        return -EPIPE;
    release(reader);
    r = check_size(reader, NULL);
    if (r < 0)
        return r;
    if (!has_whole_frame(reader))
        return 0;
    at = reader->in.data;
    *ret = (struct ttrpc_frame){.stream = u32_at(at + 4),
                                .type = at[8],
                                .flags = at[9],
                                .payload = at + TTRPC_HEADER,
                                .len = u32_at(at)};
    buf_consume(&reader->in, (size_t)frame_size(reader));
    return 1;
}

size_t ttrpc_reader_held(const struct ttrpc_reader *reader)
{
    return reader->in.room;
}
