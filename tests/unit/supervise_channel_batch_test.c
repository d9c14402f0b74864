/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many messages at once on a channel: what goes out when, who else gets a turn, and how much memory
 * it takes. The test is the child.
 */
#include "support/support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "supervise/channel.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define SANITIZED
#endif

#define MOST    (1024 * 1024)
#define ONE_WAY 200  /* small messages that a socket holds in any case */
#define A_TURN  2048 /* messages that may come in one turn of the loop, and then some */

#ifndef SANITIZED
static unsigned long allocations;

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);

void *malloc(size_t size)
{
    allocations++;
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    allocations++;
    return __libc_calloc(count, size);
}
#endif

struct fixture {
    uv_loop_t loop;
    struct channel *channel;
    int child;                   /* its end; non-blocking */
    struct frame_reader *reader; /* of the child */
    struct frame_writer *writer;
    int messages, turns, most, last_turn; /* most: in one turn */
    int failed, ended;
    int answers;   /* to be sent for each message */
    int out_first; /* message, before which something had gone out */
    int more;      /* to be sent by on_drain */
    bool out_within_drain;
    int pause_at; /* message; 0: none */
    int fds[8], nfds;
    bool wrong; /* an fd came with another message than it was sent with */
};

/* Return: bytes that the child could receive. */
static int waiting(const struct fixture *f)
{
    int bytes = 0;

    assert_int_equal(ioctl(f->child, FIONREAD, &bytes), 0);
    return bytes;
}

static void on_message(struct channel *channel, struct frame *frame, void *owner)
{
    struct fixture *f = owner;
    bool with = frame->len == 2; /* "fd" */

    f->messages++;
    if (!f->out_first && waiting(f) > 0)
        f->out_first = f->messages;
    f->wrong |= with != (frame->nfds > 0);
    for (size_t i = 0; i < frame->nfds && f->nfds < 8; i++) {
        f->fds[f->nfds++] = frame->fds[i];
        frame->fds[i] = -1;
    }
    for (int i = 0; i < f->answers; i++)
        assert_int_equal(channel_send(channel, "t", "answer", 6, NULL, 0), 0);
    if (f->messages == f->pause_at)
        channel_pause(channel, true);
}

static void on_drain(struct channel *channel, void *owner)
{
    struct fixture *f = owner;
    int before = waiting(f);

    for (; f->more; f->more--)
        assert_int_equal(channel_send(channel, "t", "more", 4, NULL, 0), 0);
    f->out_within_drain |= waiting(f) != before;
}

static void on_failed(struct channel *channel, const struct crib_error *error, void *owner)
{
    (void)channel;
    (void)error;
    ((struct fixture *)owner)->failed++;
}

static void on_ended(struct channel *channel, void *owner)
{
    (void)channel;
    ((struct fixture *)owner)->ended++;
}

static const struct channel_events events = {on_message, on_drain, on_failed, on_ended};

static void set_up(struct fixture *f)
{
    int pair[2];

    memset(f, 0, sizeof(*f));
    assert_int_equal(uv_loop_init(&f->loop), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
    f->child = pair[1];
    assert_int_equal(
        channel_new(&f->loop, pair[0], (struct dialect_want){.max = MOST}, &events, f, &f->channel),
        0);
    f->reader = frame_reader_new(MOST);
    f->writer = frame_writer_new(MOST);
    assert_non_null(f->reader);
    assert_non_null(f->writer);
    channel_release(f->channel);
}

static void tear_down(struct fixture *f)
{
    while (f->nfds)
        close(f->fds[--f->nfds]);
    if (!f->channel->ended)
        channel_drop(f->channel);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(f->ended, 1);
    channel_free(f->channel);
    frame_reader_free(f->reader);
    frame_writer_free(f->writer);
    close(f->child);
    assert_int_equal(uv_loop_close(&f->loop), 0);
}

static void turn(struct fixture *f, int times)
{
    while (times-- > 0)
        uv_run(&f->loop, UV_RUN_NOWAIT);
}

static void say(struct fixture *f, const char *text, const int *fds, size_t nfds)
{
    assert_int_equal(frame_writer_add(f->writer, "t", text, strlen(text), fds, nfds), 0);
}

/* Return: how many messages the child has by now. */
static int heard(struct fixture *f)
{
    struct frame *frame;
    int count = 0, r;

    do {
        while ((r = frame_reader_next(f->reader, &frame, NULL)) == 1)
            count++;
        assert_int_equal(r, 0);
    } while (frame_reader_fill(f->reader, f->child, NULL) > 0);
    return count;
}

/* Whatever the caller does next: it may never come back to its loop. */
static void a_send_outside_a_callback_goes_at_once(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(channel_send(f.channel, "t", "1", 1, NULL, 0), 0);
        assert_int_equal(heard(&f), 1);
    }
    turn(&f, 1);
    assert_false(uv_is_active((uv_handle_t *)&f.channel->idle)); /* the loop may sleep */
    tear_down(&f);
}

static void much_does_not_wait_for_the_last_callback(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f);
    f.answers = 20;
    for (int i = 0; i < ONE_WAY; i++)
        say(&f, "x", NULL, 0);
    assert_int_equal(frame_writer_flush(f.writer, f.child), 0);
    turn(&f, 1);
    assert_int_equal(f.messages, ONE_WAY);
    assert_true(f.out_first > 10 && f.out_first < ONE_WAY);
    assert_int_equal(heard(&f), 20 * ONE_WAY);
    tear_down(&f);
}

/* One who sends until it is told to wait, and again when it may. */
static void what_drain_sends_goes_out_together(void **state)
{
    static char big[MOST];
    struct fixture f;
    int count = 0;

    (void)state;
    set_up(&f);
    f.more = 500;
    assert_int_equal(channel_send(f.channel, "t", big, sizeof(big), NULL, 0), 1);
    for (int i = 0; i < 1000 && count < 1 + 500; i++) {
        turn(&f, 1);
        count += heard(&f);
    }
    assert_int_equal(count, 1 + 500);
    assert_int_equal(f.more, 0);
    assert_false(f.out_within_drain);
    tear_down(&f);
}

static void what_a_callback_sends_goes_out_after_it(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f);
    f.answers = 3;
    for (int i = 0; i < ONE_WAY; i++)
        say(&f, "x", NULL, 0);
    assert_int_equal(frame_writer_flush(f.writer, f.child), 0);
    turn(&f, 1);
    assert_int_equal(f.messages, ONE_WAY);
    assert_int_equal(heard(&f), 3 * ONE_WAY); /* without another turn */
    tear_down(&f);
}

static void fds_keep_to_their_messages(void **state)
{
    struct fixture f;
    struct stat sent, got;
    int pipes[4][2], parents = 0;
    struct frame *frame;

    (void)state;
    set_up(&f);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pipe2(pipes[i], O_CLOEXEC), 0);
        for (int k = 0; k < 30; k++)
            say(&f, "x", NULL, 0);
        say(&f, "fd", &pipes[i][0], 1);
    }
    say(&f, "x", NULL, 0);
    assert_int_equal(frame_writer_flush(f.writer, f.child), 0);
    turn(&f, 20);
    assert_int_equal(f.messages, 4 * 31 + 1);
    assert_false(f.wrong);
    assert_int_equal(f.nfds, 4);
    for (int i = 0; i < 4; i++) {
        fstat(pipes[i][0], &sent);
        fstat(f.fds[i], &got);
        assert_int_equal(sent.st_ino, got.st_ino);
    }
    /* The other way, all in one turn. */
    for (int i = 0; i < 4; i++) {
        assert_int_equal(channel_send(f.channel, "t", "x", 1, NULL, 0), 0);
        assert_int_equal(channel_send(f.channel, "t", "fd", 2, &pipes[i][0], 1), 0);
    }
    turn(&f, 1);
    for (int i = 0; i < 8; i++) {
        while (frame_reader_next(f.reader, &frame, NULL) == 0)
            assert_true(frame_reader_fill(f.reader, f.child, NULL) > 0);
        assert_int_equal(frame->nfds, i % 2);
        assert_int_equal(frame->len, 1 + i % 2);
        if (frame->nfds == 0)
            continue;
        fstat(pipes[parents++][0], &sent);
        fstat(frame->fds[0], &got);
        assert_int_equal(sent.st_ino, got.st_ino);
    }
    for (int i = 0; i < 4; i++) {
        close(pipes[i][0]);
        close(pipes[i][1]);
    }
    tear_down(&f);
}

static void on_turn(uv_check_t *check)
{
    struct fixture *f = check->data;
    int came = f->messages - f->last_turn;

    f->turns++;
    f->most = came > f->most ? came : f->most;
    f->last_turn = f->messages;
}

/* The smallest frames that there are, as many as the socket holds at a time. */
static void a_flood_leaves_turns_to_others(void **state)
{
    static uint8_t flood[60000]; /* of 6 bytes each */
    struct fixture f;
    uv_check_t check;
    size_t said = 0;
    ssize_t n;

    (void)state;
    for (size_t i = 0; i < sizeof(flood); i += 6)
        memcpy(flood + i, "\0\0\0\2\x12\0", 6);
    set_up(&f);
    uv_check_init(&f.loop, &check);
    check.data = &f;
    uv_check_start(&check, on_turn);
    while (said < 20 * sizeof(flood)) {
        size_t at = said % sizeof(flood);

        n = send(f.child, flood + at, sizeof(flood) - at, MSG_NOSIGNAL);
        said += n > 0 ? (size_t)n : 0;
        if (n < 0)
            turn(&f, 1);
    }
    for (int i = 0; i < 1000 && f.messages < 200000; i++)
        turn(&f, 1);
    assert_int_equal(f.messages, 200000);
    assert_true(f.most <= A_TURN);
    assert_true(f.turns >= 200000 / A_TURN);
    uv_close((uv_handle_t *)&check, NULL);
    tear_down(&f);
}

static void pausing_within_a_batch(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f);
    f.pause_at = 50;
    for (int i = 0; i < ONE_WAY; i++)
        say(&f, "x", NULL, 0);
    assert_int_equal(frame_writer_flush(f.writer, f.child), 0);
    turn(&f, 5);
    assert_int_equal(f.messages, 50);
    assert_false(uv_is_active((uv_handle_t *)&f.channel->idle)); /* the loop may sleep */
    channel_pause(f.channel, false);
    channel_pause(f.channel, false); /* says nothing new */
    turn(&f, 5);
    assert_int_equal(f.messages, ONE_WAY);
    assert_int_equal(f.failed, 0);
    tear_down(&f);
}

static void half_a_frame_behind_many(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f);
    for (int i = 0; i < ONE_WAY; i++)
        say(&f, "x", NULL, 0);
    assert_int_equal(frame_writer_flush(f.writer, f.child), 0);
    assert_int_equal(write(f.child, "\0\0\0\x20half", 8), 8);
    shutdown(f.child, SHUT_WR);
    turn(&f, 5);
    assert_int_equal(f.messages, ONE_WAY);
    assert_int_equal(f.failed, 1);
    tear_down(&f);
}

#ifndef SANITIZED
static void messages_allocate_nothing(void **state)
{
    struct fixture f;
    unsigned long before = 0;

    (void)state;
    set_up(&f);
    f.answers = 1;
    for (int round = 0; round < 60; round++) {
        if (round == 10)
            before = allocations;
        for (int i = 0; i < ONE_WAY; i++)
            say(&f, "x", NULL, 0);
        assert_int_equal(frame_writer_flush(f.writer, f.child), 0);
        for (int i = 0; i < 20; i++)
            assert_int_equal(channel_send(f.channel, "t", "more", 4, NULL, 0), 0);
        turn(&f, 3);
        assert_int_equal(heard(&f), ONE_WAY + 20);
    }
    assert_int_equal(f.messages, 60 * ONE_WAY);
    assert_true(before > 0);
    assert_true(allocations - before < 10); /* of 22,000 messages, written and read */
    tear_down(&f);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_send_outside_a_callback_goes_at_once),
        cmocka_unit_test(much_does_not_wait_for_the_last_callback),
        cmocka_unit_test(what_drain_sends_goes_out_together),
        cmocka_unit_test(what_a_callback_sends_goes_out_after_it),
        cmocka_unit_test(fds_keep_to_their_messages),
        cmocka_unit_test(a_flood_leaves_turns_to_others),
        cmocka_unit_test(pausing_within_a_batch),
        cmocka_unit_test(half_a_frame_behind_many),
#ifndef SANITIZED
        cmocka_unit_test(messages_allocate_nothing),
#endif
    };
    uv_loop_t loop;

    /* The first loop of a process opens a pipe that stays. */
    uv_loop_init(&loop);
    uv_loop_close(&loop);
    return test_run(tests);
}
