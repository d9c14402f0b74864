/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of ttrpc, for peers that read when they like, or never. */
#include "support/support.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "wire/ttrpc.h"

#ifdef __has_feature
#if __has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
#define __SANITIZE_ADDRESS__ 1 /* as gcc says it: memory cannot be measured */
#endif
#endif

static size_t allocated(void)
{
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
}

static void pair(int ends[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
}

static void unpair(int ends[2])
{
    fd_close(&ends[0]);
    fd_close(&ends[1]);
}

/* A payload that says where each of its bytes belongs. */
static uint8_t *pattern(size_t len, unsigned seed)
{
    uint8_t *bytes = malloc(len + 1);

    assert_non_null(bytes);
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)((i >> 8) ^ i ^ seed);
    return bytes;
}

/* From one end to the other, until a frame is whole. Return: as ttrpc_reader_next() */
static int pump(struct ttrpc_writer *writer, struct ttrpc_reader *reader, const int ends[2],
                struct ttrpc_frame *ret)
{
    for (;;) {
        int r = ttrpc_reader_next(reader, ret), flushed;
        long n;

        if (r != 0)
            return r;
        flushed = ttrpc_writer_flush(writer, ends[0]);
        assert_true(flushed == 0 || flushed == -EAGAIN);
        n = ttrpc_reader_fill(reader, ends[1], NULL);
        if (n <= 0)
            return (int)n;
    }
}

static void test_the_bytes_of_a_frame(void **state)
{
    struct ttrpc_writer *writer = ttrpc_writer_new();
    uint8_t got[64];
    int ends[2];

    (void)state;
    pair(ends);
    assert_int_equal(ttrpc_writer_add(writer, 0x01020305, TTRPC_RESPONSE, 0, "abc", 3), 0);
    assert_int_equal(
        ttrpc_writer_add(writer, 7, TTRPC_DATA, TTRPC_REMOTE_CLOSED | TTRPC_NO_DATA, NULL, 0), 0);
    assert_int_equal(ttrpc_writer_pending(writer), 23);
    assert_int_equal(ttrpc_writer_flush(writer, ends[0]), 0);
    assert_int_equal(ttrpc_writer_pending(writer), 0);
    assert_int_equal(read(ends[1], got, sizeof(got)), 23);
    assert_memory_equal(got, "\0\0\0\x03\x01\x02\x03\x05\x02\0abc\0\0\0\0\0\0\0\x07\x03\x05", 23);
    ttrpc_writer_free(writer);
    ttrpc_writer_free(NULL);
    unpair(ends);
}

static void test_frames_of_every_size_pass(void **state)
{
    static const size_t sizes[] = {0,     1,     2,       4085,    4086,     4087,
                                   65536, 65537, 1 << 20, 1 << 17, TTRPC_MAX};
    struct ttrpc_writer *writer = ttrpc_writer_new();
    struct ttrpc_reader *reader = ttrpc_reader_new();
    struct ttrpc_frame frame;
    int ends[2];

    (void)state;
    pair(ends);
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct ttrpc_piece *piece = ttrpc_piece_new(sizes[i]);
        uint8_t *bytes = pattern(sizes[i], i);

        memcpy(piece->payload, bytes, sizes[i]);
        assert_int_equal(ttrpc_writer_put(writer, piece, i, TTRPC_DATA, 0, sizes[i]), 0);
        assert_int_equal(ttrpc_writer_add(writer, i, TTRPC_DATA, 0, bytes, sizes[i]), 0);
        free(bytes);
    }
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        uint8_t *bytes = pattern(sizes[i], i);

        for (int twice = 0; twice < 2; twice++) {
            assert_int_equal(pump(writer, reader, ends, &frame), 1);
            assert_int_equal(frame.stream, i);
            assert_int_equal(frame.len, sizes[i]);
            assert_memory_equal(frame.payload, bytes, sizes[i]);
        }
        free(bytes);
    }
    assert_int_equal(pump(writer, reader, ends, &frame), -EAGAIN);
    assert_int_equal(ttrpc_writer_pending(writer), 0);
    ttrpc_writer_free(writer);
    ttrpc_reader_free(reader);
    unpair(ends);
}

/* More pieces than go into one call, cut by the socket wherever it is full. */
static void test_thousands_of_frames_through_a_small_socket(void **state)
{
    struct ttrpc_writer *writer = ttrpc_writer_new();
    struct ttrpc_reader *reader = ttrpc_reader_new();
    uint8_t *bytes = pattern(5000, 0);
    struct ttrpc_frame frame;
    int ends[2], small = 1;

    (void)state;
    pair(ends);
    setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
    for (uint32_t i = 0; i < 5000; i++)
        assert_int_equal(ttrpc_writer_add(writer, i, TTRPC_DATA, 0, bytes, i % 1000 * 5), 0);
    assert_int_equal(ttrpc_writer_flush(writer, ends[0]), -EAGAIN);
    for (uint32_t i = 0; i < 5000; i++) {
        assert_int_equal(pump(writer, reader, ends, &frame), 1);
        assert_int_equal(frame.stream, i);
        assert_int_equal(frame.len, i % 1000 * 5);
        assert_memory_equal(frame.payload, bytes, frame.len);
    }
    ttrpc_writer_free(writer);
    ttrpc_reader_free(reader);
    unpair(ends);
    free(bytes);
}

static void test_a_full_socket_keeps_the_rest_queued(void **state)
{
    struct ttrpc_writer *writer = ttrpc_writer_new();
    struct ttrpc_reader *reader = ttrpc_reader_new();
    uint8_t *bytes = pattern(1 << 20, 0);
    struct ttrpc_frame frame;
    int ends[2];

    (void)state;
    pair(ends);
    assert_int_equal(ttrpc_writer_add(writer, 1, TTRPC_RESPONSE, 0, bytes, 1 << 20), 0);
    assert_int_equal(ttrpc_writer_flush(writer, ends[0]), -EAGAIN);
    assert_in_range(ttrpc_writer_pending(writer), 1, 1 << 20);
    assert_int_equal(ttrpc_writer_flush(writer, ends[0]), -EAGAIN);
    assert_int_equal(ttrpc_writer_add(writer, 3, TTRPC_RESPONSE, 0, "behind", 6), 0);
    assert_int_equal(pump(writer, reader, ends, &frame), 1);
    assert_memory_equal(frame.payload, bytes, 1 << 20);
    assert_int_equal(pump(writer, reader, ends, &frame), 1);
    assert_memory_equal(frame.payload, "behind", 6);
    assert_int_equal(ttrpc_writer_pending(writer), 0);
    assert_int_equal(ttrpc_writer_flush(writer, ends[0]), 0);
    ttrpc_writer_free(writer);
    ttrpc_reader_free(reader);
    unpair(ends);
    free(bytes);
}

/* Reads to the end in a process of its own. Return: its pid; its status says whether all came. */
static pid_t reader_of(const int ends[2], size_t len)
{
    pid_t pid = fork();
    char got[4096];
    ssize_t n;

    if (pid != 0)
        return pid;
    close(ends[0]);
    while ((n = read(ends[1], got, sizeof(got))) > 0)
        len -= (size_t)n;
    _exit(len == 0 ? 0 : 1);
}

static void test_a_blocking_socket_takes_everything(void **state)
{
    struct ttrpc_writer *writer = ttrpc_writer_new();
    uint8_t *bytes = pattern(1 << 20, 0);
    int ends[2], status;
    pid_t pid;

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(ttrpc_writer_add(writer, i, TTRPC_DATA, 0, bytes, 1 << 20), 0);
    pid = reader_of(ends, ttrpc_writer_pending(writer));
    assert_true(pid > 0);
    assert_int_equal(ttrpc_writer_flush(writer, ends[0]), 0);
    assert_int_equal(ttrpc_writer_pending(writer), 0);
    unpair(ends);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    ttrpc_writer_free(writer);
    free(bytes);
}

/* Also: what is queued for somebody who never reads is freed with the writer. */
static void test_a_peer_that_is_gone_ends_the_writer(void **state)
{
    struct ttrpc_writer *writer = ttrpc_writer_new();
    size_t before = allocated();
    uint8_t *bytes = pattern(1 << 20, 0);
    int ends[2];

    (void)state;
    pair(ends);
    for (uint32_t i = 0; i < 10; i++)
        assert_int_equal(ttrpc_writer_add(writer, i, TTRPC_RESPONSE, 0, bytes, 1 << 20), 0);
    assert_int_equal(ttrpc_writer_flush(writer, ends[0]), -EAGAIN);
    fd_close(&ends[1]);
    assert_int_equal(ttrpc_writer_flush(writer, ends[0]), -EPIPE);
    assert_int_equal(ttrpc_writer_pending(writer), 0);
    free(bytes);
    assert_true(allocated() < before + 65536);
    assert_int_equal(ttrpc_writer_flush(writer, ends[0]), -EPIPE);
    assert_int_equal(ttrpc_writer_add(writer, 1, TTRPC_RESPONSE, 0, "x", 1), -EPIPE);
    assert_int_equal(ttrpc_writer_put(writer, ttrpc_piece_new(1), 1, TTRPC_RESPONSE, 0, 1), -EPIPE);
    assert_int_equal(ttrpc_writer_pending(writer), 0);
    ttrpc_writer_free(writer);
    unpair(ends);
}

static void test_what_is_too_long_is_not_queued(void **state)
{
    struct ttrpc_writer *writer = ttrpc_writer_new();
    size_t before = allocated();
    struct ttrpc_piece *piece = ttrpc_piece_new(TTRPC_MAX + 1);

    (void)state;
    assert_non_null(piece);
    assert_int_equal(ttrpc_writer_put(writer, piece, 1, TTRPC_DATA, 0, TTRPC_MAX + 1), -EMSGSIZE);
    assert_int_equal(ttrpc_writer_put(writer, ttrpc_piece_new(5), 1, TTRPC_DATA, 0, 6), -EMSGSIZE);
    assert_int_equal(ttrpc_writer_add(writer, 1, TTRPC_DATA, 0, "x", TTRPC_MAX + 1), -EMSGSIZE);
    assert_int_equal(ttrpc_writer_pending(writer), 0);
    assert_true(allocated() < before + 65536);
    for (size_t i = 0; i < 128; i++)
        assert_null(ttrpc_piece_new(SIZE_MAX - i));
    ttrpc_piece_free(ttrpc_piece_new(0));
    ttrpc_piece_free(NULL);
    ttrpc_writer_free(writer);
}

/* Room for much, used for little: the queue must not hold more memory than it says. */
static void test_room_that_is_not_filled_is_given_back(void **state)
{
    struct ttrpc_writer *writer = ttrpc_writer_new();
    struct ttrpc_reader *reader = ttrpc_reader_new();
    size_t before = allocated();
    struct ttrpc_frame frame;
    int ends[2];

    (void)state;
    pair(ends);
    for (uint32_t i = 0; i < 64; i++) {
        struct ttrpc_piece *piece = ttrpc_piece_new(100000);

        memcpy(piece->payload, "abc", 3);
        assert_int_equal(ttrpc_writer_put(writer, piece, i, TTRPC_DATA, 0, 3), 0);
    }
    assert_int_equal(ttrpc_writer_pending(writer), 64 * 13);
#ifndef __SANITIZE_ADDRESS__
    assert_true(allocated() < before + 64 * 1024);
#else
    (void)before;
#endif
    for (uint32_t i = 0; i < 64; i++) {
        assert_int_equal(pump(writer, reader, ends, &frame), 1);
        assert_memory_equal(frame.payload, "abc", 3);
    }
    ttrpc_writer_free(writer);
    ttrpc_reader_free(reader);
    unpair(ends);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_bytes_of_a_frame),
        cmocka_unit_test(test_frames_of_every_size_pass),
        cmocka_unit_test(test_thousands_of_frames_through_a_small_socket),
        cmocka_unit_test(test_a_full_socket_keeps_the_rest_queued),
        cmocka_unit_test(test_a_blocking_socket_takes_everything),
        cmocka_unit_test(test_a_peer_that_is_gone_ends_the_writer),
        cmocka_unit_test(test_what_is_too_long_is_not_queued),
        cmocka_unit_test(test_room_that_is_not_filled_is_given_back),
    };

    return test_run(tests);
}
