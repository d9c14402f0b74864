/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Channels on a real socket pair, with the test as the child.
 */
#include "support/support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "supervise/channel.h"

#define MOST (1024 * 1024)

struct fixture {
    uv_loop_t loop;
    struct channel *channel;
    int child;                   /* its end; -1 */
    struct frame_reader *reader; /* of the child */
    struct frame_writer *writer;
    char got[256]; /* the payloads that came, one after the other */
    int messages, drained, failed, ended, kept;
    int code;                 /* of the failure */
    bool disconnect_at_first; /* message */
};

static void on_message(struct channel *channel, struct frame *frame, void *owner)
{
    struct fixture *f = owner;

    assert_int_equal(f->ended, 0);
    f->messages++;
    if (frame->len < sizeof(f->got) - strlen(f->got))
        strncat(f->got, (const char *)frame->payload, frame->len);
    if (frame->nfds) {
        f->kept = frame->fds[0];
        frame->fds[0] = -1;
    }
    if (f->disconnect_at_first && f->messages == 1)
        assert_int_equal(channel_disconnect(channel), 0);
}

static void on_drain(struct channel *channel, void *owner)
{
    (void)channel;
    ((struct fixture *)owner)->drained++;
}

static void on_failed(struct channel *channel, const struct crib_error *error, void *owner)
{
    struct fixture *f = owner;

    (void)channel;
    f->failed++;
    f->code = error->code;
    assert_true(error->detail[0] || error->sys);
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
    f->kept = -1;
    assert_int_equal(uv_loop_init(&f->loop), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    f->child = pair[1];
    assert_int_equal(channel_new(&f->loop, pair[0], (struct dialect_want){.max = MOST}, &events, f, &f->channel), 0);
    f->reader = frame_reader_new(MOST);
    f->writer = frame_writer_new(MOST);
    assert_non_null(f->reader);
    assert_non_null(f->writer);
}

static void tear_down(struct fixture *f)
{
    if (!f->channel->ended)
        channel_drop(f->channel);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(f->ended, 1);
    channel_free(f->channel);
    frame_reader_free(f->reader);
    frame_writer_free(f->writer);
    if (f->child >= 0)
        close(f->child);
    assert_int_equal(uv_loop_close(&f->loop), 0);
}

static void turn(struct fixture *f, int times)
{
    while (times-- > 0)
        uv_run(&f->loop, UV_RUN_NOWAIT);
}

static void say(struct fixture *f, const char *text)
{
    assert_int_equal(frame_writer_add(f->writer, "t", text, strlen(text), NULL, 0), 0);
    assert_int_equal(frame_writer_flush(f->writer, f->child), 0);
}

/* Return: the next frame that the child gets; NULL at the end. */
static struct frame *hear(struct fixture *f)
{
    struct frame *frame;
    int r;

    while ((r = frame_reader_next(f->reader, &frame, NULL)) == 0)
        if (frame_reader_fill(f->reader, f->child, NULL) <= 0)
            return NULL;
    assert_int_equal(r, 1);
    return frame;
}

static void close_child(struct fixture *f)
{
    close(f->child);
    f->child = -1;
}

static void messages_both_ways(void **state)
{
    struct fixture f;
    struct frame *frame;

    (void)state;
    set_up(&f);
    say(&f, "early ");
    turn(&f, 3);
    assert_int_equal(f.messages, 0); /* held: the task does not run yet */
    assert_int_equal(channel_send(f.channel, "type", "before", 6, NULL, 0), 0);
    channel_release(f.channel);
    turn(&f, 3);
    say(&f, "late");
    turn(&f, 3);
    assert_string_equal(f.got, "early late");
    frame = hear(&f);
    assert_string_equal(frame->type, "type");
    assert_memory_equal(frame->payload, "before", 6);
    tear_down(&f);
}

static void fds_come_along(void **state)
{
    struct fixture f;
    int pipe_fds[2];
    char byte;

    (void)state;
    set_up(&f);
    channel_release(f.channel);
    assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
    assert_int_equal(frame_writer_add(f.writer, "t", "x", 1, &pipe_fds[0], 1), 0);
    assert_int_equal(frame_writer_flush(f.writer, f.child), 0);
    close(pipe_fds[0]);
    turn(&f, 3);
    assert_true(f.kept >= 0);
    assert_int_equal(write(pipe_fds[1], "!", 1), 1);
    assert_int_equal(read(f.kept, &byte, 1), 1);
    close(pipe_fds[1]);
    close(f.kept);
    tear_down(&f);
}

static void the_child_parts(void **state)
{
    struct fixture f;
    struct frame *frame;

    (void)state;
    set_up(&f);
    channel_release(f.channel);
    assert_int_equal(channel_send(f.channel, "t", "queued", 6, NULL, 0), 0);
    say(&f, "bye");
    assert_int_equal(frame_writer_add_disconnect(f.writer), 0);
    assert_int_equal(frame_writer_flush(f.writer, f.child), 0);
    uv_run(&f.loop, UV_RUN_DEFAULT);
    assert_string_equal(f.got, "bye");
    assert_int_equal(f.ended, 1);
    assert_int_equal(f.failed, 0);
    assert_false(channel_open(f.channel));
    assert_int_equal(channel_send(f.channel, "t", "x", 1, NULL, 0), -ENOTCONN);
    frame = hear(&f);
    assert_memory_equal(frame->payload, "queued", 6);
    assert_true(hear(&f)->disconnect);
    assert_null(hear(&f));
    tear_down(&f);
}

static void we_part_and_still_hear_what_the_child_says(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f);
    channel_release(f.channel);
    assert_int_equal(channel_disconnect(f.channel), 0);
    assert_int_equal(channel_disconnect(f.channel), -ENOTCONN);
    turn(&f, 3);
    assert_true(hear(&f)->disconnect);
    assert_null(hear(&f)); /* our half is shut */
    say(&f, "answer");
    turn(&f, 3);
    assert_string_equal(f.got, "answer");
    assert_int_equal(f.ended, 0);
    close_child(&f);
    uv_run(&f.loop, UV_RUN_DEFAULT);
    assert_int_equal(f.ended, 1);
    assert_int_equal(f.failed, 0);
    tear_down(&f);
}

static void parting_within_a_message(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f);
    f.disconnect_at_first = true;
    channel_release(f.channel);
    say(&f, "one ");
    say(&f, "two");
    close_child(&f);
    uv_run(&f.loop, UV_RUN_DEFAULT);
    assert_string_equal(f.got, "one two");
    assert_int_equal(f.ended, 1);
    tear_down(&f);
}

static void the_child_closes(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f);
    channel_release(f.channel);
    say(&f, "last");
    close_child(&f);
    uv_run(&f.loop, UV_RUN_DEFAULT);
    assert_string_equal(f.got, "last");
    assert_int_equal(f.failed, 0);
    assert_int_equal(f.ended, 1);
    tear_down(&f);
}

static void the_child_closes_with_our_words_unread(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f);
    channel_release(f.channel);
    assert_int_equal(channel_send(f.channel, "t", "unread", 6, NULL, 0), 0);
    say(&f, "last");
    close_child(&f);
    uv_run(&f.loop, UV_RUN_DEFAULT);
    assert_string_equal(f.got, "last");
    assert_int_equal(f.failed, 0);
    assert_int_equal(f.ended, 1);
    tear_down(&f);
}

static void sending_to_a_child_that_is_gone(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f);
    channel_release(f.channel);
    close_child(&f);
    assert_int_equal(channel_send(f.channel, "t", "x", 1, NULL, 0), -ENOTCONN);
    assert_int_equal(f.ended, 0);
    uv_run(&f.loop, UV_RUN_DEFAULT);
    assert_int_equal(f.ended, 1);
    tear_down(&f);
}

static void back_pressure_then_drain(void **state)
{
    static char big[MOST];
    struct fixture f;
    int sent = 0;

    (void)state;
    set_up(&f);
    channel_release(f.channel);
    assert_int_equal(channel_send(f.channel, "t", big, sizeof(big), NULL, 0), 1);
    assert_int_equal(channel_send(f.channel, "t", big, sizeof(big), NULL, 0), 1);
    turn(&f, 10);
    assert_int_equal(f.drained, 0); /* nobody reads */
    fcntl(f.child, F_SETFL, O_NONBLOCK);
    for (int i = 0; i < 10000 && sent < 2; i++) {
        struct frame *frame = hear(&f);

        sent += frame && frame->len == sizeof(big);
        turn(&f, 1);
    }
    assert_int_equal(sent, 2);
    turn(&f, 2);
    assert_int_equal(f.drained, 1);
    tear_down(&f);
}

/* What a hostile child may write, and what comes of it. */
static void broken(const void *bytes, size_t len, int code)
{
    struct fixture f;

    set_up(&f);
    channel_release(f.channel);
    assert_int_equal(write(f.child, bytes, len), (ssize_t)len);
    close_child(&f);
    uv_run(&f.loop, UV_RUN_DEFAULT);
    assert_int_equal(f.messages, 0);
    assert_int_equal(f.failed, 1);
    assert_int_equal(f.code, code);
    assert_int_equal(f.ended, 1);
    tear_down(&f);
}

static void broken_frames_end_it_with_one_error(void **state)
{
    (void)state;
    broken("\xff\xff\xff\xff", 4, -EMSGSIZE);
    broken("\x7f\xff\xff\xff"
           "data",
           8, -EMSGSIZE);
    broken("\0\0\0\x10"
           "half",
           8, -EPROTO);
    broken("\0\0", 2, -EPROTO);
    broken("\0\0\0\x04\xff\xff\xff\xff", 8, -EPROTO);
}

static void a_dead_child_leaves_its_last_words(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f);
    channel_release(f.channel);
    say(&f, "last");
    channel_dead(f.channel); /* though its end is still open somewhere */
    assert_string_equal(f.got, "last");
    uv_run(&f.loop, UV_RUN_DEFAULT);
    assert_int_equal(f.ended, 1);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_both_ways),
        cmocka_unit_test(fds_come_along),
        cmocka_unit_test(the_child_parts),
        cmocka_unit_test(we_part_and_still_hear_what_the_child_says),
        cmocka_unit_test(parting_within_a_message),
        cmocka_unit_test(the_child_closes),
        cmocka_unit_test(the_child_closes_with_our_words_unread),
        cmocka_unit_test(sending_to_a_child_that_is_gone),
        cmocka_unit_test(back_pressure_then_drain),
        cmocka_unit_test(broken_frames_end_it_with_one_error),
        cmocka_unit_test(a_dead_child_leaves_its_last_words),
    };
    uv_loop_t loop;

    /* The first loop of a process opens a pipe that stays. */
    uv_loop_init(&loop);
    uv_loop_close(&loop);
    return test_run(tests);
}
