/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes as a hostile task may send them, fed to the reader. */
#include "support/support.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "channel.pb-c.h"
#include "wire/frame.h"
#include "wire/rights.h"

#ifdef __has_feature
#if __has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
#define __SANITIZE_ADDRESS__ 1 /* as gcc says it: memory cannot be measured */
#endif
#endif

static int some_fd(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* Appends a frame with these @len bytes in it. */
static void put_raw(struct buf *buf, const void *data, size_t len)
{
    const uint8_t head[4] = {(uint8_t)(len >> 24), (uint8_t)(len >> 16), (uint8_t)(len >> 8),
                             (uint8_t)len};

    assert_int_equal(buf_append(buf, head, 4), 0);
    assert_int_equal(buf_append(buf, data, len), 0);
}

static void put(struct buf *buf, const Crib__Frame *frame)
{
    size_t len = crib__frame__get_packed_size(frame);
    uint8_t *data = malloc(len + 1);

    assert_non_null(data);
    crib__frame__pack(frame, data);
    put_raw(buf, data, len);
    free(data);
}

static void put_message(struct buf *buf, const char *type, const char *payload, unsigned fds)
{
    Crib__Frame frame = CRIB__FRAME__INIT;

    frame.type = (char *)type;
    frame.has_payload = payload != NULL;
    frame.payload.data = (uint8_t *)payload;
    frame.payload.len = payload ? strlen(payload) : 0;
    frame.has_fds = fds > 0;
    frame.fds = fds;
    put(buf, &frame);
}

/* Feeds @data with @nfds fresh fds. */
static int feed(struct frame_reader *reader, const void *data, size_t len, size_t nfds)
{
    int fds[RIGHTS_MAX];

    for (size_t i = 0; i < nfds; i++)
        fds[i] = some_fd();
    return frame_reader_feed(reader, data, len, fds, nfds, NULL);
}

/* Feeds a reader of its own and takes frames until there are no more. Return: what the end was. */
static int outcome(size_t max, const struct buf *buf, size_t nfds)
{
    struct frame_reader *reader = frame_reader_new(max);
    struct crib_error err = {0};
    struct frame *frame;
    int r = feed(reader, buf->data, buf->len, nfds);

    while (r >= 0 && (r = frame_reader_next(reader, &frame, &err)) == 1)
        ;
    if (r < 0) {
        assert_int_equal(frame_reader_next(reader, &frame, &err), r);
        assert_int_equal(err.code, r);
        assert_string_equal(err.step, "channel");
        assert_int_not_equal(err.detail[0], 0);
        assert_int_equal(feed(reader, "x", 1, 1), r);
    }
    frame_reader_free(reader);
    return r;
}

static int outcome_raw(const void *data, size_t len)
{
    struct buf buf = {0};
    int r;

    put_raw(&buf, data, len);
    r = outcome(0, &buf, 0);
    buf_done(&buf);
    return r;
}

static int outcome_frame(const Crib__Frame *frame, size_t nfds)
{
    struct buf buf = {0};
    int r;

    put(&buf, frame);
    r = outcome(0, &buf, nfds);
    buf_done(&buf);
    return r;
}

static size_t allocated(void)
{
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
}

static void test_a_length_over_the_cap_is_refused_at_the_header(void **state)
{
    static const uint8_t lengths[][4] = {
        {0xff, 0xff, 0xff, 0xff}, {0x80, 0, 0, 0}, {0x04, 0, 0x02, 0x01}}; /* 64 MiB + 513 */

    (void)state;
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        struct frame_reader *reader = frame_reader_new(0);
        size_t before = allocated();

        assert_int_equal(feed(reader, lengths[i], 3, 0), 0);
        assert_int_equal(feed(reader, lengths[i] + 3, 1, 0), -EMSGSIZE);
        assert_true(allocated() < before + 4096);
        frame_reader_free(reader);
    }
}

static void test_memory_follows_what_came_not_what_was_claimed(void **state)
{
    struct frame_reader *reader = frame_reader_new(0);
    struct frame *frame;
    size_t before = allocated();

    (void)state;
    assert_int_equal(feed(reader, "\x04\0\0\0hello", 9, 0), 0);
    assert_int_equal(frame_reader_next(reader, &frame, NULL), 0);
    assert_true(allocated() < before + 4096);
    frame_reader_free(reader);
}

static void test_a_payload_over_the_cap_is_refused(void **state)
{
    struct buf buf = {0};

    (void)state;
    put_message(&buf, "t", "0123456789", 0);
    assert_int_equal(outcome(10, &buf, 0), 0);
    assert_int_equal(outcome(9, &buf, 0), -EMSGSIZE);
    buf_done(&buf);
}

static void test_refuses_what_is_no_frame_of_ours(void **state)
{
    static const struct {
        const char *what, *bytes;
        size_t len;
    } rows[] = {
        {"nothing", "", 0},
        {"no type", "\x1a\x01x", 3},
        {"a field number 5", "\x12\x01t\x28\x01", 5},
        {"a group", "\x12\x01t\x2b\x2c", 5},
        {"a kind 3", "\x08\x03\x12\x01t", 5},
        {"a kind 0", "\x08\x00\x12\x01t", 5},
        {"a negative kind", "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x12\x01t", 14},
        {"a NUL in the type", "\x12\x03t\0t", 5},
        {"a NUL as the type", "\x12\x01\0", 3},
        {"no UTF-8", "\x12\x02t\x80", 4},
        {"the type twice", "\x12\x01t\x12\x01u", 6},
        {"a long number", "\x08\x81\x00\x12\x01t", 6},
        {"a type past the end", "\x12\x05t", 3},
        {"a type of 2^64-1", "\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01t", 12},
        {"a payload of 2^32-1", "\x12\x01t\x1a\xff\xff\xff\xff\x0fx", 10},
        {"a number without end", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12},
        {"type as a number", "\x10\x01", 2},
        {"text", "GET / HTTP/1.1\r\n\r\n", 18},
        {"a disconnect with a type", "\x08\x02\x12\x01t", 5},
        {"a disconnect with a payload", "\x08\x02\x1a\x01t", 5},
        {"a disconnect with fds", "\x08\x02\x20\x00", 4},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (outcome_raw(rows[i].bytes, rows[i].len) != -EPROTO)
            fail_msg("not refused: %s", rows[i].what);
}

static void test_takes_the_same_frames_when_they_are_right(void **state)
{
    struct frame_reader *reader = frame_reader_new(0);
    struct buf buf = {0};
    struct frame *frame;

    (void)state;
    put_raw(&buf, "\x12\x01t", 3);
    put_raw(&buf, "\x08\x01\x12\x00\x1a\x01x\x20\x00", 9);
    put_raw(&buf, "\x08\x02", 2);
    assert_int_equal(feed(reader, buf.data, buf.len, 0), 0);
    assert_int_equal(frame_reader_next(reader, &frame, NULL), 1);
    assert_string_equal(frame->type, "t");
    assert_int_equal(frame->len, 0);
    assert_int_equal(frame_reader_next(reader, &frame, NULL), 1);
    assert_string_equal(frame->type, "");
    assert_int_equal(frame->len, 1);
    assert_int_equal(frame->payload[0], 'x');
    assert_int_equal(frame->nfds, 0);
    assert_int_equal(frame_reader_next(reader, &frame, NULL), 1);
    assert_true(frame->disconnect);
    assert_int_equal(frame_reader_next(reader, &frame, NULL), 0);
    frame_reader_free(reader);
    buf_done(&buf);
}

static void test_a_type_may_have_255_bytes(void **state)
{
    char type[FRAME_MAX_TYPE + 2];
    Crib__Frame frame = CRIB__FRAME__INIT;

    (void)state;
    memset(type, 'a', sizeof(type));
    type[FRAME_MAX_TYPE + 1] = '\0';
    frame.type = type;
    assert_int_equal(outcome_frame(&frame, 0), -EPROTO);
    type[FRAME_MAX_TYPE] = '\0';
    assert_int_equal(outcome_frame(&frame, 0), 0);
}

static void test_nothing_may_follow_a_disconnect(void **state)
{
    struct buf buf = {0};

    (void)state;
    put_raw(&buf, "\x08\x02", 2);
    assert_int_equal(outcome(0, &buf, 0), 0);
    assert_int_equal(buf_append(&buf, "\0", 1), 0);
    assert_int_equal(outcome(0, &buf, 0), -EPROTO);
    buf_done(&buf);
}

/* Peak memory of this process in KiB, from now on when @again. */
static long peak(int again)
{
    long kib = -1;
    char line[128];
    FILE *file;

    if (again) {
        int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);

        assert_int_equal(fd_write_all(fd, "5", 1), 0);
        fd_close(&fd);
    }
    file = fopen("/proc/self/status", "re");
    while (file && fgets(line, sizeof(line), file))
        if (sscanf(line, "VmHWM: %ld", &kib) == 1)
            break;
    fclose(file);
    return kib;
}

/* A frame of 4 MiB that takes 80 when each of its fields is noted. */
static void test_a_frame_of_a_million_fields_is_bounded(void **state)
{
    size_t len = 4 << 20;
    char *fields = malloc(len);
    long before = peak(1);

    (void)state;
    assert_non_null(fields);
    for (size_t i = 0; i < len; i += 2)
        memcpy(fields + i, "\x28\x01", 2);
    assert_int_equal(outcome_raw(fields, len), -EPROTO);
    for (size_t i = 0; i + 4 <= len; i += 4)
        memcpy(fields + i, "\x12\x02tt", 4);
    assert_int_equal(outcome_raw(fields, len), -EPROTO);
#ifndef __SANITIZE_ADDRESS__
    assert_in_range(peak(0) - before, 4 << 10, 40 << 10);
#else
    (void)before;
#endif
    free(fields);
}

static void test_a_large_frame_leaves_no_memory_behind(void **state)
{
    struct frame_reader *reader = frame_reader_new(0);
    size_t len = 1 << 20, before = allocated();
    char *payload = malloc(len + 1);
    struct buf buf = {0};
    struct frame *frame;

    (void)state;
    memset(payload, 'x', len);
    payload[len] = '\0';
    put_message(&buf, "t", payload, 0);
    free(payload);
    assert_int_equal(feed(reader, buf.data, buf.len, 0), 0);
    buf_done(&buf);
    assert_int_equal(frame_reader_next(reader, &frame, NULL), 1);
    assert_int_equal(frame->len, len);
    assert_int_equal(frame_reader_next(reader, &frame, NULL), 0);
    assert_true(allocated() < before + 65536);
    frame_reader_free(reader);
}

static void test_the_number_of_fds_has_to_be_the_declared_one(void **state)
{
    static const struct {
        unsigned declared;
        size_t sent;
        int end;
    } rows[] = {
        {0, 0, 0},         {1, 1, 0},         {64, 64, 0},       {0, 1, -EPROTO},
        {1, 0, -EPROTO},   {2, 1, -EPROTO},   {1, 2, -EPROTO},   {64, 63, -EPROTO},
        {65, 64, -EMFILE}, {64, 65, -EMFILE}, {0, 253, -EMFILE}, {UINT32_MAX, 1, -EMFILE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        Crib__Frame frame = CRIB__FRAME__INIT;
        int r;

        frame.type = (char *)"t";
        frame.has_fds = 1;
        frame.fds = rows[i].declared;
        r = outcome_frame(&frame, rows[i].sent);
        if (r != rows[i].end)
            fail_msg("declared %u, sent %zu: %d", rows[i].declared, rows[i].sent, r);
    }
}

static void test_fds_on_any_other_byte_are_refused(void **state)
{
    struct buf buf = {0};

    (void)state;
    put_message(&buf, "type", "payload", 1);
    for (size_t at = 0; at < buf.len; at++) {
        struct frame_reader *reader = frame_reader_new(0);
        struct frame *frame;
        int r = 0;

        for (size_t i = 0; i < buf.len && r == 0; i++) {
            r = feed(reader, buf.data + i, 1, i == at);
            if (r == 0)
                r = frame_reader_next(reader, &frame, NULL);
        }
        assert_int_equal(r, at == 0 ? 1 : -EPROTO);
        frame_reader_free(reader);
    }
    buf_done(&buf);
}

static void test_a_thousand_fds_are_refused_and_closed(void **state)
{
    struct frame_reader *reader = frame_reader_new(0);
    uint8_t byte = 0;
    int r = 0;

    (void)state;
    /* Never asked for a frame, it still does not hoard. */
    for (int i = 0; i < 1000 && r == 0; i++)
        r = feed(reader, &byte, i == 0 ? 1 : 0, 1);
    assert_int_equal(r, -EPROTO);
    frame_reader_free(reader);
}

static void test_fds_find_their_frame_however_the_stream_is_cut(void **state)
{
    struct buf buf = {0};
    size_t second;

    (void)state;
    put_message(&buf, "a", "without", 0);
    second = buf.len;
    put_message(&buf, "b", "with", 3);
    /* The kernel may put earlier bytes before those the fds came with, never later ones. */
    for (size_t cut = 0; cut <= second; cut++) {
        struct frame_reader *reader = frame_reader_new(0);
        struct frame *frame;
        int first;

        assert_int_equal(feed(reader, buf.data, cut, 0), 0);
        first = frame_reader_next(reader, &frame, NULL);
        assert_int_equal(first, cut == second);
        assert_int_equal(feed(reader, buf.data + cut, buf.len - cut, 3), 0);
        if (!first) {
            assert_int_equal(frame_reader_next(reader, &frame, NULL), 1);
            assert_int_equal(frame->nfds, 0);
        }
        assert_int_equal(frame_reader_next(reader, &frame, NULL), 1);
        assert_string_equal(frame->type, "b");
        assert_int_equal(frame->nfds, 3);
        frame_reader_free(reader);
    }
    buf_done(&buf);
}

static void test_a_frame_arrives_whole_however_it_is_cut(void **state)
{
    struct buf buf = {0};

    (void)state;
    put_message(&buf, "first", "some payload", 1);
    for (size_t cut = 1; cut < buf.len; cut++) {
        struct frame_reader *reader = frame_reader_new(0);
        struct frame *frame;

        assert_int_equal(feed(reader, buf.data, cut, 1), 0);
        assert_int_equal(frame_reader_next(reader, &frame, NULL), 0);
        assert_int_equal(feed(reader, buf.data + cut, buf.len - cut, 0), 0);
        assert_int_equal(frame_reader_next(reader, &frame, NULL), 1);
        assert_string_equal(frame->type, "first");
        assert_int_equal(frame->len, 12);
        assert_memory_equal(frame->payload, "some payload", 12);
        assert_int_equal(frame->nfds, 1);
        assert_int_equal(frame_reader_next(reader, &frame, NULL), 0);
        frame_reader_free(reader);
    }
    buf_done(&buf);
}

static void test_frames_are_taken_before_more_is_received(void **state)
{
    struct frame_reader *reader = frame_reader_new(0);
    struct buf buf = {0};
    struct frame *frame;

    (void)state;
    put_message(&buf, "t", "x", 0);
    assert_int_equal(feed(reader, buf.data, buf.len, 0), 0);
    assert_int_equal(feed(reader, buf.data, buf.len, 1), -ENOBUFS);
    assert_int_equal(frame_reader_next(reader, &frame, NULL), 1);
    assert_int_equal(feed(reader, buf.data, buf.len, 0), 0);
    assert_int_equal(frame_reader_next(reader, &frame, NULL), 1);
    frame_reader_free(reader);
    buf_done(&buf);
}

static void test_fds_are_taken_by_storing_minus_one(void **state)
{
    struct frame_reader *reader = frame_reader_new(0);
    struct buf buf = {0};
    struct frame *frame;
    int mine;

    (void)state;
    put_message(&buf, "t", "x", 3);
    assert_int_equal(feed(reader, buf.data, buf.len, 3), 0);
    assert_int_equal(frame_reader_next(reader, &frame, NULL), 1);
    mine = fd_take(&frame->fds[1]);
    assert_int_equal(frame_reader_next(reader, &frame, NULL), 0);
    assert_true(fcntl(mine, F_GETFD) >= 0);
    fd_close(&mine);
    frame_reader_free(reader);
    buf_done(&buf);
}

static void test_undelivered_fds_are_closed_with_the_reader(void **state)
{
    struct frame_reader *reader = frame_reader_new(0);
    struct buf buf = {0};
    struct frame *frame;

    (void)state;
    put_message(&buf, "t", "x", 2);
    assert_int_equal(feed(reader, buf.data, buf.len, 2), 0);
    frame_reader_free(reader);
    reader = frame_reader_new(0);
    assert_int_equal(feed(reader, buf.data, buf.len - 1, 2), 0);
    frame_reader_free(reader);
    reader = frame_reader_new(0);
    assert_int_equal(feed(reader, buf.data, buf.len, 2), 0);
    assert_int_equal(frame_reader_next(reader, &frame, NULL), 1);
    frame_reader_free(reader);
    frame_reader_free(NULL);
    buf_done(&buf);
}

static void test_the_end_of_the_stream(void **state)
{
    static const uint8_t whole[] = {0, 0, 0, 3, 0x12, 1, 't'};

    (void)state;
    for (size_t len = 0; len <= sizeof(whole); len++) {
        struct frame_reader *reader = frame_reader_new(0);
        struct frame *frame;
        int ends[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
        assert_int_equal(fd_write_all(ends[0], whole, len), 0);
        fd_close(&ends[0]);
        if (len > 0)
            assert_int_equal(frame_reader_fill(reader, ends[1], NULL), len);
        assert_int_equal(frame_reader_next(reader, &frame, NULL), len == sizeof(whole));
        assert_int_equal(frame_reader_fill(reader, ends[1], NULL),
                         len == 0 || len == sizeof(whole) ? 0 : -EPROTO);
        fd_close(&ends[1]);
        frame_reader_free(reader);
    }
}

static void test_a_peer_that_left_without_reading_is_gone_too(void **state)
{
    struct frame_reader *reader = frame_reader_new(0);
    int ends[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    assert_int_equal(fd_write_all(ends[1], "unread", 6), 0);
    fd_close(&ends[0]);
    assert_int_equal(frame_reader_fill(reader, ends[1], NULL), 0);
    fd_close(&ends[1]);
    frame_reader_free(reader);
}

static void test_what_is_no_socket_is_an_error(void **state)
{
    struct frame_reader *reader = frame_reader_new(0);
    struct crib_error err;
    int fd = some_fd();

    (void)state;
    assert_int_equal(frame_reader_fill(reader, fd, &err), -ENOTSOCK);
    assert_int_equal(err.sys, ENOTSOCK);
    fd_close(&fd);
    frame_reader_free(reader);
}

static void test_fds_lost_for_want_of_room_are_an_error(void **state)
{
    struct frame_reader *reader = frame_reader_new(0);
    struct rlimit old, tight;
    struct buf buf = {0};
    int ends[2], lowest;
    long n;

    (void)state;
    put_message(&buf, "t", "x", 2);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    assert_int_equal(rights_send(ends[0], buf.data, buf.len, ends, 2), buf.len);
    getrlimit(RLIMIT_NOFILE, &old);
    tight = old;
    lowest = fd_copy(ends[0], 0);
    tight.rlim_cur = (rlim_t)lowest + 1; /* room for one more only */
    fd_close(&lowest);
    setrlimit(RLIMIT_NOFILE, &tight);
    n = frame_reader_fill(reader, ends[1], NULL);
    setrlimit(RLIMIT_NOFILE, &old);
    assert_int_equal(n, -EMFILE);
    frame_reader_free(reader);
    fd_close(&ends[0]);
    fd_close(&ends[1]);
    buf_done(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_length_over_the_cap_is_refused_at_the_header),
        cmocka_unit_test(test_memory_follows_what_came_not_what_was_claimed),
        cmocka_unit_test(test_a_payload_over_the_cap_is_refused),
        cmocka_unit_test(test_refuses_what_is_no_frame_of_ours),
        cmocka_unit_test(test_takes_the_same_frames_when_they_are_right),
        cmocka_unit_test(test_a_type_may_have_255_bytes),
        cmocka_unit_test(test_nothing_may_follow_a_disconnect),
        cmocka_unit_test(test_a_frame_of_a_million_fields_is_bounded),
        cmocka_unit_test(test_a_large_frame_leaves_no_memory_behind),
        cmocka_unit_test(test_the_number_of_fds_has_to_be_the_declared_one),
        cmocka_unit_test(test_fds_on_any_other_byte_are_refused),
        cmocka_unit_test(test_a_thousand_fds_are_refused_and_closed),
        cmocka_unit_test(test_fds_find_their_frame_however_the_stream_is_cut),
        cmocka_unit_test(test_a_frame_arrives_whole_however_it_is_cut),
        cmocka_unit_test(test_frames_are_taken_before_more_is_received),
        cmocka_unit_test(test_fds_are_taken_by_storing_minus_one),
        cmocka_unit_test(test_undelivered_fds_are_closed_with_the_reader),
        cmocka_unit_test(test_the_end_of_the_stream),
        cmocka_unit_test(test_a_peer_that_left_without_reading_is_gone_too),
        cmocka_unit_test(test_what_is_no_socket_is_an_error),
        cmocka_unit_test(test_fds_lost_for_want_of_room_are_an_error),
    };

    return test_run(tests);
}
