/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader of ttrpc frames, fed as a hostile client might: the input is a row of chunks, each one
 * byte (how many bytes it has) and the bytes. However they are cut, and whether they are fed or
 * received from a socket, the frames are those that the bytes in one piece say; and the writer,
 * given these frames, makes the same bytes of them.
 */
#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "wire/ttrpc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The bytes so far, and how many of them have been delivered as frames. */
struct stream {
    struct buf all;
    size_t taken;
    int ends[2];
    struct ttrpc_reader *fed, *filled;
    struct ttrpc_writer *writer;
};

/* What lies next in the bytes. Return: as ttrpc_reader_next() */
static int expect(const struct stream *stream, size_t taken, struct ttrpc_frame *ret)
{
    const uint8_t *at = stream->all.data + taken;
    size_t left = stream->all.len - taken;

    if (left < 4)
        return 0;
    ret->len = (size_t)at[0] << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3];
    if (ret->len > TTRPC_MAX)
        return -EMSGSIZE;
    if (left < TTRPC_HEADER || left - TTRPC_HEADER < ret->len)
        return 0;
    ret->stream = (uint32_t)at[4] << 24 | (uint32_t)at[5] << 16 | (uint32_t)at[6] << 8 | at[7];
    ret->type = at[8];
    ret->flags = at[9];
    ret->payload = at + TTRPC_HEADER;
    return 1;
}

/*
 * Takes what @reader has, from @taken on.
 * @r: what it said when it was given the bytes; then what it says after the last frame
 *
 * Return: the new @taken
 */
static size_t take(struct stream *stream, struct ttrpc_reader *reader, long *r, size_t taken,
                   struct ttrpc_writer *writer)
{
    struct ttrpc_frame want, got;

    while (*r >= 0 && (*r = ttrpc_reader_next(reader, &got)) == 1) {
        assert(expect(stream, taken, &want) == 1);
        assert(got.stream == want.stream && got.type == want.type && got.flags == want.flags);
        assert(got.len == want.len && memcmp(got.payload, want.payload, want.len) == 0);
        taken += TTRPC_HEADER + got.len;
        if (writer)
            assert(ttrpc_writer_add(writer, got.stream, got.type, got.flags, got.payload,
                                    got.len) == 0);
    }
    assert(*r == expect(stream, taken, &want));
    assert(ttrpc_reader_held(reader) <= 2 * (stream->all.len - taken) + 16 * 1024);
    return taken;
}

/* Return: 0; -EMSGSIZE */
static int chunk(struct stream *stream, const uint8_t *data, size_t len)
{
    size_t before = stream->taken;
    long fed, filled;

    assert(buf_append(&stream->all, data, len) == 0);
    fed = ttrpc_reader_feed(stream->fed, data, len, NULL);
    stream->taken = take(stream, stream->fed, &fed, before, stream->writer);
    assert(write(stream->ends[0], data, len) == (ssize_t)len);
    filled = ttrpc_reader_fill(stream->filled, stream->ends[1], NULL);
    assert(filled == (long)len || filled == -EMSGSIZE);
    assert(take(stream, stream->filled, &filled, before, NULL) == stream->taken);
    assert(filled == fed);
    return (int)fed;
}

/* The frames written anew are the bytes that they were. */
static void check_written(struct stream *stream)
{
    uint8_t got[4096];
    size_t at = 0;
    int r;

    do {
        ssize_t n;

        r = ttrpc_writer_flush(stream->writer, stream->ends[1]);
        assert(r == 0 || r == -EAGAIN);
        while ((n = recv(stream->ends[0], got, sizeof(got), MSG_DONTWAIT)) > 0) {
            assert((size_t)n <= stream->taken - at);
            assert(memcmp(got, stream->all.data + at, (size_t)n) == 0);
            at += (size_t)n;
        }
    } while (r == -EAGAIN);
    assert(at == stream->taken && ttrpc_writer_pending(stream->writer) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct stream stream = {
        .fed = ttrpc_reader_new(), .filled = ttrpc_reader_new(), .writer = ttrpc_writer_new()};
    int r = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, stream.ends);

    assert(r == 0);
    while (r == 0 && size > 1) {
        size_t len = data[0];

        data++;
        size--;
        len = len < size ? len : size;
        if (len > 0)
            r = chunk(&stream, data, len);
        data += len;
        size -= len;
    }
    check_written(&stream);
    ttrpc_reader_free(stream.fed);
    ttrpc_reader_free(stream.filled);
    ttrpc_writer_free(stream.writer);
    buf_done(&stream.all);
    fd_close(&stream.ends[0]);
    fd_close(&stream.ends[1]);
    return 0;
}
