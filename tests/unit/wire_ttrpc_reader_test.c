/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of ttrpc, from peers that send whatever they like. */
#include "support/support.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "wire/rights.h"
#include "wire/ttrpc.h"

static size_t allocated(void)
{
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
}

static void put(struct buf *buf, uint32_t len, uint32_t stream, uint8_t type, uint8_t flags,
                const void *payload)
{
    const uint8_t head[TTRPC_HEADER] = {(uint8_t)(len >> 24),
                                        (uint8_t)(len >> 16),
                                        (uint8_t)(len >> 8),
                                        (uint8_t)len,
                                        (uint8_t)(stream >> 24),
                                        (uint8_t)(stream >> 16),
                                        (uint8_t)(stream >> 8),
                                        (uint8_t)stream,
                                        type,
                                        flags};

    assert_int_equal(buf_append(buf, head, sizeof(head)), 0);
    if (payload)
        assert_int_equal(buf_append(buf, payload, len), 0);
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

static void test_a_header_says_what_it_says(void **state)
{
    static const uint8_t bytes[] = {0, 0, 0, 3, 0xfe, 0xdc, 0xba, 0x98, 3, 5, 'a', 'b', 'c'};
    struct ttrpc_reader *reader = ttrpc_reader_new();
    struct ttrpc_frame frame;

    (void)state;
    assert_int_equal(ttrpc_reader_feed(reader, bytes, sizeof(bytes), NULL), 0);
    assert_int_equal(ttrpc_reader_next(reader, &frame), 1);
    assert_int_equal(frame.stream, 0xfedcba98);
    assert_int_equal(frame.type, TTRPC_DATA);
    assert_int_equal(frame.flags, TTRPC_REMOTE_CLOSED | TTRPC_NO_DATA);
    assert_int_equal(frame.len, 3);
    assert_memory_equal(frame.payload, "abc", 3);
    assert_int_equal(ttrpc_reader_next(reader, &frame), 0);
    ttrpc_reader_free(reader);
    ttrpc_reader_free(NULL);
}

static void test_half_a_header_is_no_frame(void **state)
{
    struct buf buf = {0};

    (void)state;
    put(&buf, 5, 7, TTRPC_REQUEST, 0, "hello");
    for (size_t cut = 0; cut < buf.len; cut++) {
        struct ttrpc_reader *reader = ttrpc_reader_new();
        struct ttrpc_frame frame = {.stream = 99};

        assert_int_equal(ttrpc_reader_feed(reader, buf.data, cut, NULL), 0);
        assert_int_equal(ttrpc_reader_next(reader, &frame), 0);
        assert_int_equal(frame.stream, 99);
        assert_int_equal(ttrpc_reader_feed(reader, buf.data + cut, buf.len - cut, NULL), 0);
        assert_int_equal(ttrpc_reader_next(reader, &frame), 1);
        assert_int_equal(frame.stream, 7);
        assert_memory_equal(frame.payload, "hello", 5);
        ttrpc_reader_free(reader);
    }
    buf_done(&buf);
}

static void test_byte_by_byte(void **state)
{
    struct ttrpc_reader *reader = ttrpc_reader_new();
    struct buf buf = {0};
    uint32_t next = 1;

    (void)state;
    for (uint32_t i = 1; i <= 9; i += 2)
        put(&buf, i, i, TTRPC_REQUEST, 0, "123456789");
    for (size_t i = 0; i < buf.len; i++) {
        struct ttrpc_frame frame;

        assert_int_equal(ttrpc_reader_feed(reader, buf.data + i, 1, NULL), 0);
        while (ttrpc_reader_next(reader, &frame) == 1) {
            assert_int_equal(frame.stream, next);
            assert_int_equal(frame.len, next);
            next += 2;
        }
    }
    assert_int_equal(next, 11);
    assert_int_equal(ttrpc_reader_held(reader), 0);
    ttrpc_reader_free(reader);
    buf_done(&buf);
}

static void test_many_frames_in_one_feed(void **state)
{
    struct ttrpc_reader *reader = ttrpc_reader_new();
    struct ttrpc_frame frame;
    struct buf buf = {0};

    (void)state;
    for (uint32_t i = 0; i < 10000; i++)
        put(&buf, i % 3, i, (uint8_t)i, (uint8_t)(i >> 8), "ab");
    assert_int_equal(ttrpc_reader_feed(reader, buf.data, buf.len, NULL), 0);
    for (uint32_t i = 0; i < 10000; i++) {
        assert_int_equal(ttrpc_reader_next(reader, &frame), 1);
        assert_int_equal(frame.stream, i);
        assert_int_equal(frame.type, (uint8_t)i);
        assert_int_equal(frame.flags, (uint8_t)(i >> 8));
        assert_int_equal(frame.len, i % 3);
        assert_memory_equal(frame.payload, "ab", i % 3);
    }
    assert_int_equal(ttrpc_reader_next(reader, &frame), 0);
    ttrpc_reader_free(reader);
    buf_done(&buf);
}

/* The length is enough: nobody waits for the rest of such a header. */
static void test_a_length_over_the_cap_is_refused_at_once(void **state)
{
    static const struct {
        uint8_t bytes[4];
        int end;
    } rows[] = {{{0x00, 0x40, 0x00, 0x00}, 0},
                {{0x00, 0x40, 0x00, 0x01}, -EMSGSIZE},
                {{0x80, 0x00, 0x00, 0x00}, -EMSGSIZE},
                {{0xff, 0xff, 0xff, 0xff}, -EMSGSIZE}, /* with the header it would wrap */
                {{0xff, 0xff, 0xff, 0xf6}, -EMSGSIZE}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ttrpc_reader *reader = ttrpc_reader_new();
        size_t before = allocated();
        struct crib_error err = {0};
        struct ttrpc_frame frame;

        assert_int_equal(ttrpc_reader_feed(reader, rows[i].bytes, 3, &err), 0);
        assert_int_equal(ttrpc_reader_feed(reader, rows[i].bytes + 3, 1, &err), rows[i].end);
        assert_true(allocated() < before + 4096);
        assert_int_equal(err.code, rows[i].end);
        if (rows[i].end < 0) {
            test_contains(err.detail, "over the cap of 4194304");
            assert_int_equal(ttrpc_reader_next(reader, &frame), -EPIPE);
            assert_int_equal(ttrpc_reader_feed(reader, "x", 1, &err), -EPIPE);
            assert_int_equal(ttrpc_reader_held(reader), 0);
        }
        ttrpc_reader_free(reader);
    }
}

static void test_frames_before_a_bad_length_are_delivered(void **state)
{
    struct ttrpc_reader *reader = ttrpc_reader_new();
    struct ttrpc_frame frame;
    struct buf buf = {0};

    (void)state;
    put(&buf, 1, 1, TTRPC_REQUEST, 0, "a");
    put(&buf, 1, 3, TTRPC_REQUEST, 0, "b");
    put(&buf, TTRPC_MAX + 1, 5, TTRPC_REQUEST, 0, NULL);
    assert_int_equal(ttrpc_reader_feed(reader, buf.data, buf.len, NULL), 0);
    assert_int_equal(ttrpc_reader_next(reader, &frame), 1);
    assert_int_equal(frame.stream, 1);
    assert_int_equal(ttrpc_reader_next(reader, &frame), 1);
    assert_int_equal(frame.stream, 3);
    assert_int_equal(ttrpc_reader_next(reader, &frame), -EMSGSIZE);
    assert_int_equal(ttrpc_reader_next(reader, &frame), -EPIPE);
    assert_int_equal(ttrpc_reader_feed(reader, "x", 1, NULL), -EPIPE);
    assert_int_equal(ttrpc_reader_fill(reader, -1, NULL), -EPIPE);
    ttrpc_reader_free(reader);
    buf_done(&buf);
}

static void test_memory_follows_what_came_not_what_was_claimed(void **state)
{
    struct ttrpc_reader *reader = ttrpc_reader_new();
    size_t before = allocated(), came = TTRPC_HEADER;
    struct buf buf = {0};
    uint8_t *bytes = pattern(100000, 0);
    struct ttrpc_frame frame;

    (void)state;
    put(&buf, TTRPC_MAX, 1, TTRPC_REQUEST, 0, NULL);
    before = allocated();
    assert_int_equal(ttrpc_reader_feed(reader, buf.data, buf.len, NULL), 0);
    assert_true(allocated() < before + 4096);
    while (came < TTRPC_HEADER + TTRPC_MAX) {
        size_t n = TTRPC_HEADER + TTRPC_MAX - came;

        n = n < 100000 ? n : 100000;
        assert_int_equal(ttrpc_reader_next(reader, &frame), 0);
        assert_int_equal(ttrpc_reader_feed(reader, bytes, n, NULL), 0);
        came += n;
        assert_in_range(ttrpc_reader_held(reader), came, 2 * came + 4096);
        assert_true(allocated() < before + 2 * came + 65536);
    }
    assert_int_equal(ttrpc_reader_next(reader, &frame), 1);
    assert_int_equal(frame.len, TTRPC_MAX);
    assert_memory_equal(frame.payload + TTRPC_MAX - 4, bytes + (TTRPC_MAX - 4) % 100000, 4);
    assert_int_equal(ttrpc_reader_next(reader, &frame), 0);
    assert_int_equal(ttrpc_reader_held(reader), 0);
    assert_true(allocated() < before + 65536);
    ttrpc_reader_free(reader);
    buf_done(&buf);
    free(bytes);
}

/* As above, from a socket; a peer that sends little costs little. */
static void test_a_receive_asks_for_as_much_as_the_peer_sends(void **state)
{
    struct ttrpc_reader *reader = ttrpc_reader_new();
    uint8_t *bytes = pattern(150000, 0);
    struct ttrpc_frame frame;
    struct buf buf = {0};
    int ends[2];

    (void)state;
    pair(ends);
    put(&buf, TTRPC_MAX, 1, TTRPC_REQUEST, 0, NULL);
    assert_int_equal(write(ends[0], buf.data, buf.len), buf.len);
    assert_int_equal(ttrpc_reader_fill(reader, ends[1], NULL), buf.len);
    assert_int_equal(ttrpc_reader_next(reader, &frame), 0);
    for (size_t came = buf.len; came < 3000; came++) {
        assert_int_equal(write(ends[0], "x", 1), 1);
        assert_int_equal(ttrpc_reader_fill(reader, ends[1], NULL), 1);
        assert_in_range(ttrpc_reader_held(reader), came, 2 * came + 16384);
    }
    assert_int_equal(ttrpc_reader_fill(reader, ends[1], NULL), -EAGAIN);
    for (size_t came = 3000; came < 1 << 20;) { /* now as fast as it can be received */
        long n = write(ends[0], bytes, 150000);

        assert_true(n > 0 || errno == EAGAIN);
        n = ttrpc_reader_fill(reader, ends[1], NULL);
        assert_true(n > 0);
        came += (size_t)n;
        assert_in_range(ttrpc_reader_held(reader), came, 3 * came + 16384);
    }
    ttrpc_reader_free(reader);
    buf_done(&buf);
    unpair(ends);
    free(bytes);
}

static void test_who_says_nothing_holds_nothing(void **state)
{
    struct ttrpc_reader *reader = ttrpc_reader_new();
    struct ttrpc_frame frame;
    struct buf buf = {0};
    int ends[2];

    (void)state;
    pair(ends);
    put(&buf, 3, 1, TTRPC_REQUEST, 0, "abc");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(ttrpc_reader_fill(reader, ends[1], NULL), -EAGAIN);
        assert_int_equal(ttrpc_reader_held(reader), 0);
        assert_int_equal(write(ends[0], buf.data, buf.len), buf.len);
        assert_int_equal(ttrpc_reader_fill(reader, ends[1], NULL), buf.len);
        assert_int_equal(ttrpc_reader_fill(reader, ends[1], NULL), -ENOBUFS);
        assert_int_equal(ttrpc_reader_next(reader, &frame), 1);
        assert_memory_equal(frame.payload, "abc", 3);
        assert_int_equal(ttrpc_reader_next(reader, &frame), 0);
        assert_int_equal(ttrpc_reader_held(reader), 0);
    }
    ttrpc_reader_free(reader);
    buf_done(&buf);
    unpair(ends);
}

static void test_a_blocking_socket_is_not_waited_for(void **state)
{
    struct ttrpc_reader *reader = ttrpc_reader_new();
    int ends[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    assert_int_equal(ttrpc_reader_fill(reader, ends[1], NULL), -EAGAIN);
    ttrpc_reader_free(reader);
    unpair(ends);
}

static void test_the_end_is_told_from_an_end_within_a_frame(void **state)
{
    struct buf buf = {0};

    (void)state;
    put(&buf, 3, 1, TTRPC_REQUEST, 0, "abc");
    for (size_t cut = 0; cut <= buf.len; cut++) {
        struct ttrpc_reader *reader = ttrpc_reader_new();
        struct crib_error err = {0};
        struct ttrpc_frame frame;
        long whole = cut == 0 || cut == buf.len ? 0 : -EPROTO;
        int ends[2];

        pair(ends);
        assert_int_equal(write(ends[0], buf.data, cut), cut);
        fd_close(&ends[0]);
        if (cut > 0)
            assert_int_equal(ttrpc_reader_fill(reader, ends[1], NULL), cut);
        assert_int_equal(ttrpc_reader_next(reader, &frame), cut == buf.len);
        assert_int_equal(ttrpc_reader_fill(reader, ends[1], &err), whole);
        if (whole < 0) {
            test_contains(err.detail, "in the middle of a frame");
            assert_int_equal(ttrpc_reader_fill(reader, ends[1], &err), -EPIPE);
        }
        ttrpc_reader_free(reader);
        unpair(ends);
    }
    buf_done(&buf);
}

static void test_a_peer_that_left_without_reading_has_ended_too(void **state)
{
    struct ttrpc_reader *reader = ttrpc_reader_new();
    int ends[2];

    (void)state;
    pair(ends);
    assert_int_equal(write(ends[1], "unread", 6), 6);
    fd_close(&ends[0]); /* the kernel now says ECONNRESET once */
    assert_int_equal(ttrpc_reader_fill(reader, ends[1], NULL), 0);
    ttrpc_reader_free(reader);
    unpair(ends);
}

static void test_a_socket_that_is_none(void **state)
{
    struct ttrpc_reader *reader = ttrpc_reader_new();
    struct crib_error err = {0};

    (void)state;
    assert_int_equal(ttrpc_reader_fill(reader, -1, &err), -EBADF);
    assert_int_equal(err.code, -EBADF);
    assert_int_equal(err.sys, EBADF);
    assert_int_equal(ttrpc_reader_fill(reader, -1, &err), -EPIPE);
    ttrpc_reader_free(reader);
}

/* The write end of a pipe is sent along: when all its copies are closed, the read end says so. */
static void test_fds_sent_along_are_closed(void **state)
{
    struct ttrpc_reader *reader = ttrpc_reader_new();
    struct rlimit old, none;
    struct ttrpc_frame frame;
    struct buf buf = {0};
    int ends[2], pipes[2], fds[RIGHTS_MAX];
    char byte;

    (void)state;
    pair(ends);
    assert_int_equal(pipe2(pipes, O_CLOEXEC | O_NONBLOCK), 0);
    for (size_t i = 0; i < RIGHTS_MAX; i++)
        fds[i] = pipes[1];
    put(&buf, 3, 1, TTRPC_REQUEST, 0, "abc");
    getrlimit(RLIMIT_NOFILE, &old);
    none = old;
    none.rlim_cur = 0;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(rights_send(ends[0], buf.data, buf.len, fds, RIGHTS_MAX), buf.len);
        /* Not even for a moment are they ours: there need be no room for them. */
        setrlimit(RLIMIT_NOFILE, i == 0 ? &old : &none);
        assert_int_equal(ttrpc_reader_fill(reader, ends[1], NULL), buf.len);
        setrlimit(RLIMIT_NOFILE, &old);
        assert_int_equal(ttrpc_reader_next(reader, &frame), 1);
        assert_memory_equal(frame.payload, "abc", 3);
        assert_int_equal(ttrpc_reader_next(reader, &frame), 0);
    }
    assert_int_equal(read(pipes[0], &byte, 1), -1);
    assert_int_equal(errno, EAGAIN);
    fd_close(&pipes[1]);
    assert_int_equal(read(pipes[0], &byte, 1), 0);
    fd_close(&pipes[0]);
    ttrpc_reader_free(reader);
    buf_done(&buf);
    unpair(ends);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_header_says_what_it_says),
        cmocka_unit_test(test_half_a_header_is_no_frame),
        cmocka_unit_test(test_byte_by_byte),
        cmocka_unit_test(test_many_frames_in_one_feed),
        cmocka_unit_test(test_a_length_over_the_cap_is_refused_at_once),
        cmocka_unit_test(test_frames_before_a_bad_length_are_delivered),
        cmocka_unit_test(test_memory_follows_what_came_not_what_was_claimed),
        cmocka_unit_test(test_a_receive_asks_for_as_much_as_the_peer_sends),
        cmocka_unit_test(test_who_says_nothing_holds_nothing),
        cmocka_unit_test(test_a_blocking_socket_is_not_waited_for),
        cmocka_unit_test(test_the_end_is_told_from_an_end_within_a_frame),
        cmocka_unit_test(test_a_peer_that_left_without_reading_has_ended_too),
        cmocka_unit_test(test_a_socket_that_is_none),
        cmocka_unit_test(test_fds_sent_along_are_closed),
    };

    return test_run(tests);
}
