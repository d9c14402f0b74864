/* SPDX-License-Identifier: Apache-2.0 */
/* The writer, and both ends together over real sockets. */
#include "support/support.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "wire/frame.h"

#ifdef __has_feature
#if __has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
#define __SANITIZE_ADDRESS__ 1 /* as gcc says it: memory cannot be measured */
#endif
#endif

/* A channel with both ends in this process. */
struct channel {
    int ends[2];
    struct frame_writer *writer; /* sends at ends[0] */
    struct frame_reader *reader; /* receives at ends[1] */
};

static void channel_open(struct channel *channel)
{
    assert_int_equal(
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, channel->ends), 0);
    channel->writer = frame_writer_new(0);
    channel->reader = frame_reader_new(0);
}

static void channel_close(struct channel *channel)
{
    frame_writer_free(channel->writer);
    frame_reader_free(channel->reader);
    fd_close(&channel->ends[0]);
    fd_close(&channel->ends[1]);
}

/* Moves bytes until a frame is there. Return: as frame_reader_next(), or what failed before it. */
static int pump(struct channel *channel, struct frame **ret)
{
    for (;;) {
        int r = frame_reader_next(channel->reader, ret, NULL);
        long n;

        if (r != 0)
            return r;
        r = frame_writer_flush(channel->writer, channel->ends[0]);
        if (r < 0 && r != -EAGAIN)
            return r;
        n = frame_reader_fill(channel->reader, channel->ends[1], NULL);
        if (n <= 0)
            return (int)n;
    }
}

static ino_t inode_of(int fd)
{
    struct stat st;

    assert_int_equal(fstat(fd, &st), 0);
    return st.st_ino;
}

static void test_a_message_of_one_byte(void **state)
{
    struct channel channel;
    struct frame *frame;

    (void)state;
    channel_open(&channel);
    assert_int_equal(frame_writer_add(channel.writer, "json", "1", 1, NULL, 0), 0);
    assert_int_equal(pump(&channel, &frame), 1);
    assert_false(frame->disconnect);
    assert_string_equal(frame->type, "json");
    assert_int_equal(frame->len, 1);
    assert_memory_equal(frame->payload, "1", 1);
    assert_int_equal(pump(&channel, &frame), -EAGAIN);
    channel_close(&channel);
}

/* Peak memory of this process in KiB; from now on, when @again. */
static long peak(int again)
{
    long kib = -1;
    char line[128];
    FILE *file;

    if (again) {
        int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);

        assert_int_equal(write(fd, "5", 1), 1);
        fd_close(&fd);
    }
    file = fopen("/proc/self/status", "re");
    while (file && fgets(line, sizeof(line), file))
        if (sscanf(line, "VmHWM: %ld", &kib) == 1)
            break;
    fclose(file);
    return kib;
}

static void test_a_message_of_64_mib(void **state)
{
    size_t len = FRAME_MAX_PAYLOAD;
    uint8_t *data = malloc(len + 1);
    struct channel channel;
    struct frame *frame;
    long before;

    (void)state;
    assert_non_null(data);
    for (size_t i = 0; i < len; i++)
        data[i] = (uint8_t)(i * 2654435761u >> 24);
    channel_open(&channel);
    assert_int_equal(frame_writer_add(channel.writer, "big", data, len + 1, NULL, 0), -EMSGSIZE);
    before = peak(1);
    assert_int_equal(frame_writer_add(channel.writer, "big", data, len, NULL, 0), 0);
    assert_int_equal(pump(&channel, &frame), 1);
    assert_int_equal(frame->len, len);
    assert_memory_equal(frame->payload, data, len);
#ifndef __SANITIZE_ADDRESS__
    /* One copy queued, and at most two while it is taken in. */
    assert_in_range((peak(0) - before) / 1024, 64, 3 * 64 + 8);
#else
    (void)before;
#endif
    channel_close(&channel);
    free(data);
}

static void test_64_fds_arrive_as_they_were_sent_and_65_are_refused(void **state)
{
    char *dir = test_dir();
    int fds[FRAME_MAX_FDS + 1];
    struct channel channel;
    struct frame *frame;

    (void)state;
    channel_open(&channel);
    for (size_t i = 0; i <= FRAME_MAX_FDS; i++) {
        char path[512];

        snprintf(path, sizeof(path), "%s/%zu", dir, i);
        fds[i] = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    }
    assert_int_equal(frame_writer_add(channel.writer, "t", "", 0, fds, FRAME_MAX_FDS + 1), -EMFILE);
    assert_int_equal(frame_writer_pending(channel.writer), 0);
    assert_int_equal(frame_writer_add(channel.writer, "t", "", 0, fds, FRAME_MAX_FDS), 0);
    assert_int_equal(pump(&channel, &frame), 1);
    assert_int_equal(frame->nfds, FRAME_MAX_FDS);
    for (size_t i = 0; i < frame->nfds; i++) {
        assert_int_equal(inode_of(frame->fds[i]), inode_of(fds[i]));
        assert_true(fcntl(frame->fds[i], F_GETFD) & FD_CLOEXEC);
    }
    for (size_t i = 0; i <= FRAME_MAX_FDS; i++)
        fd_close(&fds[i]);
    channel_close(&channel);
    free(dir);
}

/* Frame @i of the next test: how many fds it has, and how long it is. */
static size_t fds_of(int i)
{
    return i % 3 == 0 ? 0 : (size_t)(i % 5);
}

static size_t length_of(int i)
{
    return i % 7 == 0 ? 100000 : (size_t)(i % 11);
}

static void check_frame(const struct frame *frame, int i, const ino_t inodes[5])
{
    char type[16];

    snprintf(type, sizeof(type), "%d", i);
    assert_string_equal(frame->type, type);
    assert_int_equal(frame->len, length_of(i));
    assert_int_equal(frame->nfds, fds_of(i));
    for (size_t f = 0; f < frame->nfds; f++)
        assert_int_equal(inode_of(frame->fds[f]), inodes[(f + (size_t)i) % 5]);
}

static void test_fds_stay_with_their_frames_among_many(void **state)
{
    static uint8_t payload[100000];
    struct channel channel;
    ino_t inodes[5];
    int files[5], next = 0;

    (void)state;
    channel_open(&channel);
    for (int f = 0; f < 5; f++) {
        files[f] = (int)memfd_create("file", MFD_CLOEXEC);
        inodes[f] = inode_of(files[f]);
    }
    for (int i = 0; i < 400; i++) {
        char type[16];
        int fds[5];
        struct frame *frame;

        for (int f = 0; f < 5; f++)
            fds[f] = files[(f + i) % 5];
        snprintf(type, sizeof(type), "%d", i);
        assert_int_equal(
            frame_writer_add(channel.writer, type, payload, length_of(i), fds, fds_of(i)), 0);
        /* Let them pile up to a different height each time. */
        while (i % 13 == 0 && pump(&channel, &frame) == 1)
            check_frame(frame, next++, inodes);
    }
    for (struct frame *frame; pump(&channel, &frame) == 1;)
        check_frame(frame, next++, inodes);
    assert_int_equal(next, 400);
    for (int f = 0; f < 5; f++)
        fd_close(&files[f]);
    channel_close(&channel);
}

static void test_a_full_socket_keeps_the_rest_queued(void **state)
{
    static uint8_t payload[1 << 20];
    struct channel channel;
    struct frame *frame;
    size_t all;

    (void)state;
    channel_open(&channel);
    assert_int_equal(frame_writer_add(channel.writer, "t", payload, sizeof(payload), NULL, 0), 0);
    all = frame_writer_pending(channel.writer);
    assert_true(all > sizeof(payload));
    assert_int_equal(frame_writer_flush(channel.writer, channel.ends[0]), -EAGAIN);
    assert_in_range(frame_writer_pending(channel.writer), 1, all - 1);
    assert_int_equal(frame_writer_sent(channel.writer), all - frame_writer_pending(channel.writer));
    assert_int_equal(frame_writer_flush(channel.writer, channel.ends[0]), -EAGAIN);
    assert_int_equal(pump(&channel, &frame), 1);
    assert_int_equal(frame->len, sizeof(payload));
    assert_int_equal(frame_writer_pending(channel.writer), 0);
    assert_int_equal(frame_writer_flush(channel.writer, channel.ends[0]), 0);
    channel_close(&channel);
}

static void test_what_cannot_be_sent_is_not_queued(void **state)
{
    struct channel channel;
    char type[FRAME_MAX_TYPE + 2];
    int fds[3];

    (void)state;
    channel_open(&channel);
    memset(type, 'a', sizeof(type));
    type[FRAME_MAX_TYPE + 1] = '\0';
    fds[0] = fds[1] = channel.ends[0];
    fds[2] = -1;
    assert_int_equal(frame_writer_add(channel.writer, NULL, "x", 1, NULL, 0), -EINVAL);
    assert_int_equal(frame_writer_add(channel.writer, type, "x", 1, NULL, 0), -EINVAL);
    assert_int_equal(frame_writer_add(channel.writer, "t\x80", "x", 1, NULL, 0), -EINVAL);
    assert_int_equal(frame_writer_add(channel.writer, "t", NULL, 1, NULL, 0), -EINVAL);
    assert_int_equal(frame_writer_add(channel.writer, "t", "x", 1, NULL, 1), -EINVAL);
    assert_int_equal(frame_writer_add(channel.writer, "t", "x", 1, fds, 3), -EBADF);
    assert_int_equal(frame_writer_add(channel.writer, "t", "x", SIZE_MAX, NULL, 0), -EMSGSIZE);
    assert_int_equal(frame_writer_pending(channel.writer), 0);
    type[FRAME_MAX_TYPE] = '\0';
    assert_int_equal(frame_writer_add(channel.writer, type, NULL, 0, NULL, 0), 0);
    channel_close(&channel);
}

static void test_no_room_for_a_copy_of_an_fd(void **state)
{
    struct channel channel;
    struct rlimit old, tight;
    int fds[2], lowest, r;

    (void)state;
    channel_open(&channel);
    fds[0] = fds[1] = channel.ends[0];
    getrlimit(RLIMIT_NOFILE, &old);
    tight = old;
    lowest = fd_copy(fds[0], 0);
    tight.rlim_cur = (rlim_t)lowest + 1; /* room for one more only */
    fd_close(&lowest);
    setrlimit(RLIMIT_NOFILE, &tight);
    r = frame_writer_add(channel.writer, "t", "x", 1, fds, 2);
    setrlimit(RLIMIT_NOFILE, &old);
    assert_int_equal(r, -EMFILE);
    assert_int_equal(frame_writer_pending(channel.writer), 0);
    channel_close(&channel);
}

#ifndef __SANITIZE_ADDRESS__
/* Leaves this process room for so many bytes more; 0 lifts that. */
static void limit_memory(size_t room)
{
    static struct rlimit old;
    struct rlimit tight;
    unsigned long pages = 0;
    char *text;

    if (room == 0) {
        setrlimit(RLIMIT_AS, &old);
        return;
    }
    text = test_read("/proc/self/statm", NULL);
    assert_int_equal(sscanf(text, "%lu", &pages), 1);
    free(text);
    getrlimit(RLIMIT_AS, &old);
    tight = old;
    tight.rlim_cur = pages * (size_t)sysconf(_SC_PAGESIZE) + room;
    setrlimit(RLIMIT_AS, &tight);
}

static void test_no_memory_for_a_message(void **state)
{
    struct channel channel;
    size_t len = 32 << 20;
    char *payload = calloc(1, len);
    int r;

    (void)state;
    channel_open(&channel);
    limit_memory(16 << 20);
    r = frame_writer_add(channel.writer, "t", payload, len, channel.ends, 2);
    limit_memory(0);
    assert_int_equal(r, -ENOMEM);
    assert_int_equal(frame_writer_pending(channel.writer), 0);
    assert_int_equal(frame_writer_add(channel.writer, "t", payload, len, channel.ends, 2), 0);
    channel_close(&channel);
    free(payload);
}
#endif

static void test_the_sender_may_close_its_fds_at_once(void **state)
{
    struct channel channel;
    struct frame *frame;
    int fd = (int)memfd_create("file", MFD_CLOEXEC);
    ino_t inode = inode_of(fd);

    (void)state;
    channel_open(&channel);
    assert_int_equal(frame_writer_add(channel.writer, "t", "x", 1, &fd, 1), 0);
    fd_close(&fd);
    assert_int_equal(pump(&channel, &frame), 1);
    assert_int_equal(inode_of(frame->fds[0]), inode);
    channel_close(&channel);
}

static void test_queued_fds_are_closed_with_the_writer(void **state)
{
    struct channel channel;

    (void)state;
    channel_open(&channel);
    for (int i = 0; i < 10; i++)
        assert_int_equal(frame_writer_add(channel.writer, "t", "x", 1, channel.ends, 2), 0);
    channel_close(&channel);
    frame_writer_free(NULL);
}

static void test_a_peer_that_is_gone_ends_the_writer(void **state)
{
    static uint8_t payload[1 << 20];
    struct channel channel;

    (void)state;
    channel_open(&channel);
    assert_int_equal(frame_writer_add(channel.writer, "t", payload, sizeof(payload), NULL, 0), 0);
    assert_int_equal(frame_writer_flush(channel.writer, channel.ends[0]), -EAGAIN);
    assert_int_equal(frame_writer_add(channel.writer, "t", "x", 1, channel.ends, 1), 0);
    fd_close(&channel.ends[1]);
    assert_int_equal(frame_writer_flush(channel.writer, channel.ends[0]), -EPIPE);
    assert_int_equal(frame_writer_pending(channel.writer), 0);
    assert_int_equal(frame_writer_flush(channel.writer, channel.ends[0]), -EPIPE);
    assert_int_equal(frame_writer_add(channel.writer, "t", "x", 1, channel.ends, 1), -EPIPE);
    assert_int_equal(frame_writer_add_disconnect(channel.writer), -EPIPE);
    channel_close(&channel);
}

static void test_a_disconnect_is_the_last_frame(void **state)
{
    struct channel channel;
    struct frame *frame;

    (void)state;
    channel_open(&channel);
    assert_int_equal(frame_writer_add(channel.writer, "t", "x", 1, NULL, 0), 0);
    assert_int_equal(frame_writer_add_disconnect(channel.writer), 0);
    assert_int_equal(frame_writer_add_disconnect(channel.writer), 0);
    assert_int_equal(frame_writer_add(channel.writer, "t", "x", 1, NULL, 0), -EPIPE);
    assert_int_equal(pump(&channel, &frame), 1);
    assert_int_equal(pump(&channel, &frame), 1);
    assert_true(frame->disconnect);
    assert_int_equal(pump(&channel, &frame), -EAGAIN);
    fd_close(&channel.ends[0]);
    assert_int_equal(frame_reader_fill(channel.reader, channel.ends[1], NULL), 0);
    channel_close(&channel);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_message_of_one_byte),
        cmocka_unit_test(test_a_message_of_64_mib),
        cmocka_unit_test(test_64_fds_arrive_as_they_were_sent_and_65_are_refused),
        cmocka_unit_test(test_fds_stay_with_their_frames_among_many),
        cmocka_unit_test(test_a_full_socket_keeps_the_rest_queued),
        cmocka_unit_test(test_what_cannot_be_sent_is_not_queued),
        cmocka_unit_test(test_no_room_for_a_copy_of_an_fd),
#ifndef __SANITIZE_ADDRESS__
        cmocka_unit_test(test_no_memory_for_a_message),
#endif
        cmocka_unit_test(test_the_sender_may_close_its_fds_at_once),
        cmocka_unit_test(test_queued_fds_are_closed_with_the_writer),
        cmocka_unit_test(test_a_peer_that_is_gone_ends_the_writer),
        cmocka_unit_test(test_a_disconnect_is_the_last_frame),
    };

    return test_run(tests);
}
