/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams on real pipes, with the test as the task.
 */
#include "support/support.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "supervise/stream.h"

struct fixture {
    uv_loop_t loop;
    crib_stream *stream;
    int task_end; /* what the task would have; -1 */
    struct buf got;
    ssize_t end; /* what the end was told with; 1: not told */
    int ended;   /* times */
    int written, failed;
    size_t stop_at; /* pause when so much was read; 0: never */
};

static void on_ended(crib_stream *stream, void *owner)
{
    struct fixture *f = owner;

    assert_ptr_equal(stream, f->stream);
    f->ended++;
}

static void set_up(struct fixture *f, bool writes)
{
    int fds[2];

    memset(f, 0, sizeof(*f));
    f->end = 1;
    assert_int_equal(uv_loop_init(&f->loop), 0);
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    f->task_end = writes ? fds[0] : fds[1];
    f->stream = stream_new(&f->loop, writes ? 0 : 1, writes ? fds[1] : fds[0], writes, on_ended, f);
    assert_non_null(f->stream);
}

static void tear_down(struct fixture *f)
{
    if (!f->stream->ended && f->stream->has_poll)
        stream_drop(f->stream);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    stream_free(f->stream);
    if (f->task_end >= 0)
        close(f->task_end);
    buf_done(&f->got);
    assert_int_equal(uv_loop_close(&f->loop), 0);
}

static void on_data(crib_stream *stream, const char *data, ssize_t len, void *user)
{
    struct fixture *f = user;

    if (!data) {
        assert_int_equal(f->end, 1); /* once */
        f->end = len;
        return;
    }
    buf_append(&f->got, data, (size_t)len);
    if (f->stop_at && f->got.len >= f->stop_at)
        assert_int_equal(crib_stream_read_stop(stream), 0);
}

static void on_written(crib_stream *stream, int status, void *user)
{
    struct fixture *f = user;

    (void)stream;
    f->written += status == 0;
    f->failed += status == -EPIPE;
}

static void turn(struct fixture *f, int times)
{
    while (times-- > 0)
        uv_run(&f->loop, UV_RUN_NOWAIT);
}

static void close_task_end(struct fixture *f)
{
    close(f->task_end);
    f->task_end = -1;
}

static void reads_to_the_end(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, false);
    assert_int_equal(crib_stream_read_start(f.stream, on_data, &f), 0);
    assert_int_equal(write(f.task_end, "hello", 5), 5);
    turn(&f, 3);
    assert_int_equal(f.got.len, 0); /* held: the task does not run yet */
    stream_release(f.stream);
    turn(&f, 3);
    assert_int_equal(f.got.len, 5);
    close_task_end(&f);
    uv_run(&f.loop, UV_RUN_DEFAULT);
    assert_int_equal(f.end, 0);
    assert_int_equal(f.ended, 1);
    assert_int_equal(crib_stream_read_start(f.stream, on_data, &f), -EBADF);
    tear_down(&f);
}

static void a_paused_stream_makes_its_task_wait(void **state)
{
    char piece[4096] = {0};
    struct fixture f;
    size_t written = 0;

    (void)state;
    set_up(&f, false);
    fcntl(f.task_end, F_SETFL, O_NONBLOCK);
    f.stop_at = 1;
    stream_release(f.stream);
    assert_int_equal(crib_stream_read_start(f.stream, on_data, &f), 0);
    for (int i = 0; i < 1000; i++) {
        ssize_t n = write(f.task_end, piece, sizeof(piece));

        written += n > 0 ? (size_t)n : 0;
        turn(&f, 1);
    }
    assert_in_range(written, 65536, 3 * 65536); /* not the 4 MB that were offered */
    assert_int_equal(f.got.len, 4096);
    f.stop_at = 0;
    assert_int_equal(crib_stream_read_start(f.stream, on_data, &f), 0);
    close_task_end(&f);
    uv_run(&f.loop, UV_RUN_DEFAULT);
    assert_int_equal(f.got.len, written);
    assert_int_equal(f.end, 0);
    tear_down(&f);
}

static void a_dead_task_ends_it_though_another_holds_the_pipe(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, false);
    stream_release(f.stream);
    assert_int_equal(crib_stream_read_start(f.stream, on_data, &f), 0);
    assert_int_equal(write(f.task_end, "last", 4), 4);
    stream_dead(f.stream, false);
    uv_run(&f.loop, UV_RUN_DEFAULT); /* would wait for ever for the end of the pipe */
    assert_int_equal(f.got.len, 4);
    assert_int_equal(f.end, 0);
    tear_down(&f);
}

static void a_paused_one_waits_for_its_reader(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, false);
    stream_release(f.stream);
    f.stop_at = 4;
    assert_int_equal(crib_stream_read_start(f.stream, on_data, &f), 0);
    assert_int_equal(write(f.task_end, "last", 4), 4);
    turn(&f, 2);
    stream_dead(f.stream, false);
    turn(&f, 3);
    assert_int_equal(f.ended, 0);
    assert_int_equal(crib_stream_read_start(f.stream, on_data, &f), 0);
    assert_int_equal(f.end, 1); /* told by the loop, not out of the call */
    uv_run(&f.loop, UV_RUN_DEFAULT);
    assert_int_equal(f.end, 0);
    assert_int_equal(f.ended, 1);
    tear_down(&f);
}

static void nobody_reads_so_it_is_dropped(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, false);
    stream_release(f.stream);
    assert_int_equal(write(f.task_end, "unread", 6), 6);
    stream_dead(f.stream, false);
    assert_int_equal(f.ended, 1);
    tear_down(&f);
}

static void a_paused_one_can_be_dropped(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, false);
    assert_int_equal(crib_stream_read_start(f.stream, on_data, &f), 0);
    assert_int_equal(crib_stream_read_stop(f.stream), 0);
    stream_dead(f.stream, true);
    uv_run(&f.loop, UV_RUN_DEFAULT);
    assert_int_equal(f.ended, 1);
    assert_int_equal(f.end, 1); /* nobody asked */
    tear_down(&f);
}

static void writes_in_order_then_closes(void **state)
{
    struct fixture f;
    char data[16];

    (void)state;
    set_up(&f, true);
    stream_release(f.stream);
    assert_int_equal(crib_stream_write(f.stream, "one ", 4, on_written, &f), 0);
    assert_int_equal(crib_stream_write(f.stream, "", 0, on_written, &f), 0);
    assert_int_equal(crib_stream_write(f.stream, "two", 3, on_written, &f), 0);
    crib_stream_close(f.stream);
    assert_int_equal(crib_stream_write(f.stream, "x", 1, NULL, NULL), -EPIPE);
    assert_int_equal(f.written, 0);
    uv_run(&f.loop, UV_RUN_DEFAULT);
    assert_int_equal(f.written, 3);
    assert_int_equal(read(f.task_end, data, sizeof(data)), 7);
    assert_memory_equal(data, "one two", 7);
    assert_int_equal(read(f.task_end, data, sizeof(data)), 0);
    assert_int_equal(f.ended, 1);
    tear_down(&f);
}

static void tells_of_the_high_water_mark(void **state)
{
    static char piece[STREAM_HIGH_WATER];
    struct fixture f;
    size_t got = 0;
    ssize_t n;

    (void)state;
    set_up(&f, true);
    fcntl(f.task_end, F_SETFL, O_NONBLOCK);
    stream_release(f.stream);
    assert_int_equal(crib_stream_write(f.stream, piece, sizeof(piece), on_written, &f), 0);
    assert_int_equal(crib_stream_write(f.stream, "x", 1, on_written, &f), 1);
    for (int i = 0; i < 100; i++) {
        turn(&f, 1);
        while ((n = read(f.task_end, piece, sizeof(piece))) > 0)
            got += (size_t)n;
    }
    assert_int_equal(got, STREAM_HIGH_WATER + 1);
    assert_int_equal(f.written, 2);
    tear_down(&f);
}

static void a_reader_that_is_gone_fails_what_is_queued(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, true);
    signal(SIGPIPE, SIG_DFL); /* this program dies if one comes */
    stream_release(f.stream);
    close_task_end(&f);
    assert_int_equal(crib_stream_write(f.stream, "one", 3, on_written, &f), 0);
    assert_int_equal(crib_stream_write(f.stream, "two", 3, on_written, &f), 0);
    uv_run(&f.loop, UV_RUN_DEFAULT);
    assert_int_equal(f.failed, 2);
    assert_int_equal(f.ended, 1);
    assert_int_equal(crib_stream_write(f.stream, "x", 1, NULL, NULL), -EPIPE);
    tear_down(&f);
}

static void closing_an_unused_one_ends_it(void **state)
{
    struct fixture f;
    char byte;

    (void)state;
    set_up(&f, true);
    crib_stream_close(f.stream);
    crib_stream_close(f.stream);
    crib_stream_close(NULL);
    assert_int_equal(f.ended, 1);
    assert_int_equal(read(f.task_end, &byte, 1), 0);
    tear_down(&f);
}

static void only_an_unused_one_can_be_taken(void **state)
{
    struct fixture f;
    int fd;

    (void)state;
    set_up(&f, false);
    fd = stream_take(f.stream);
    assert_true(fd >= 0);
    assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
    assert_int_equal(f.ended, 1);
    assert_int_equal(stream_take(f.stream), -1);
    close(fd);
    tear_down(&f);
    set_up(&f, false);
    assert_int_equal(crib_stream_read_start(f.stream, on_data, &f), 0);
    assert_int_equal(stream_take(f.stream), -1);
    tear_down(&f);
}

static void each_end_has_its_direction(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, false);
    assert_int_equal(crib_stream_write(f.stream, "x", 1, NULL, NULL), -EINVAL);
    assert_int_equal(crib_stream_read_start(f.stream, NULL, NULL), -EINVAL);
    assert_int_equal(stream_collect(f.stream, on_data, &f), 0);
    assert_int_equal(crib_stream_read_start(f.stream, on_data, &f), -EBUSY);
    assert_int_equal(crib_stream_read_stop(f.stream), -EBUSY);
    tear_down(&f);
    set_up(&f, true);
    assert_int_equal(crib_stream_read_start(f.stream, on_data, &f), -EINVAL);
    assert_int_equal(crib_stream_read_stop(f.stream), -EINVAL);
    assert_int_equal(crib_stream_write(f.stream, NULL, 1, NULL, NULL), -EINVAL);
    tear_down(&f);
}

static void close_from_within(crib_stream *stream, const char *data, ssize_t len, void *user)
{
    struct fixture *f = user;

    assert_non_null(data); /* no end is told after a close */
    f->end = len;
    crib_stream_close(stream);
}

static void closing_from_its_own_callback(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, false);
    stream_release(f.stream);
    assert_int_equal(crib_stream_read_start(f.stream, close_from_within, &f), 0);
    assert_int_equal(write(f.task_end, "abc", 3), 3);
    uv_run(&f.loop, UV_RUN_DEFAULT);
    assert_int_equal(f.end, 3);
    assert_int_equal(f.ended, 1);
    tear_down(&f);
}

static void fill(struct fixture *f, size_t len)
{
    static const char data[STREAM_PIPE_SIZE];

    assert_int_equal(write(f->task_end, data, len), (ssize_t)len);
}

static void a_pipe_that_is_always_full_gets_more_room(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, false);
    stream_release(f.stream);
    assert_int_equal(crib_stream_read_start(f.stream, on_data, &f), 0);
    for (int i = 0; i < 40; i++) { /* a little at a time: no need of it */
        fill(&f, 1000);
        turn(&f, 1);
    }
    assert_int_equal(fcntl(f.task_end, F_GETPIPE_SZ), STREAM_READ_SIZE);
    for (int i = 0; i < 40; i++) {
        fill(&f, STREAM_READ_SIZE);
        turn(&f, 2);
    }
    assert_int_equal(f.got.len, 40 * 1000 + 40 * STREAM_READ_SIZE);
    assert_int_equal(fcntl(f.task_end, F_GETPIPE_SZ), STREAM_PIPE_SIZE);

    fill(&f, STREAM_PIPE_SIZE);
    turn(&f, 1); /* all in one turn */
    assert_int_equal(f.got.len, 40 * 1000 + 44 * STREAM_READ_SIZE);
    fill(&f, STREAM_PIPE_SIZE);
    f.stop_at = 1; /* not one more after the reader has paused */
    turn(&f, 3);
    assert_int_equal(f.got.len, 40 * 1000 + 45 * STREAM_READ_SIZE);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pipe_that_is_always_full_gets_more_room),
        cmocka_unit_test(reads_to_the_end),
        cmocka_unit_test(a_paused_stream_makes_its_task_wait),
        cmocka_unit_test(a_dead_task_ends_it_though_another_holds_the_pipe),
        cmocka_unit_test(a_paused_one_waits_for_its_reader),
        cmocka_unit_test(nobody_reads_so_it_is_dropped),
        cmocka_unit_test(a_paused_one_can_be_dropped),
        cmocka_unit_test(writes_in_order_then_closes),
        cmocka_unit_test(tells_of_the_high_water_mark),
        cmocka_unit_test(a_reader_that_is_gone_fails_what_is_queued),
        cmocka_unit_test(closing_an_unused_one_ends_it),
        cmocka_unit_test(only_an_unused_one_can_be_taken),
        cmocka_unit_test(each_end_has_its_direction),
        cmocka_unit_test(closing_from_its_own_callback),
    };
    uv_loop_t loop;

    /* The first loop of a process opens a pipe that stays. */
    uv_loop_init(&loop);
    uv_loop_close(&loop);
    return test_run(tests);
}
