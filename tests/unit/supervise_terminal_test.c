/* SPDX-License-Identifier: Apache-2.0 */
/* A terminal's streams: there before the pty is, and on its master afterwards. */
#include "unit/fake_init.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <termios.h>

/* A pty of the host's, whose slave the test has for the task. To be opened after the process that
 * stands for init was forked, or that has both ends too. */
static int open_pty(int *ret_slave)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    struct termios raw;

    assert_true(master >= 0);
    assert_int_equal(unlockpt(master), 0);
    *ret_slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(*ret_slave >= 0);
    assert_int_equal(tcgetattr(*ret_slave, &raw), 0);
    cfmakeraw(&raw);
    assert_int_equal(tcsetattr(*ret_slave, TCSANOW, &raw), 0);
    return master;
}

/* What init does with it. Takes @master. */
static void hand_over(struct fixture *f, int master)
{
    Crib__Report message = CRIB__REPORT__INIT;
    uint8_t data[16];
    size_t len;

    message.has_terminal = message.terminal = true;
    len = crib__report__pack(&message, data);
    assert_int_equal(packet_send(f->init, data, len, &master, 1), 0);
    close(master);
}

static crib_stream *stream_of(struct fixture *f, int number)
{
    crib_stream *stream = crib_task_stream(f->task, number);

    assert_non_null(stream);
    return stream;
}

/* A task that waits for its master. */
static void start(struct fixture *f)
{
    set_up(f);
    assert_int_equal(task_add_terminal(f->task, 0, 1), 0);
    adopt(f);
    f->task->launch.terminal = true;
    assert_int_equal(task_terminal(f->task), -1);
}

static void finish(struct fixture *f)
{
    report_end(f, 0);
    leave(f);
}

static void read_slave(struct fixture *f, int slave, const char *text)
{
    char data[64];
    size_t len = strlen(text), got = 0;

    fcntl(slave, F_SETFL, fcntl(slave, F_GETFL) | O_NONBLOCK);
    for (int i = 0; i < 1000 && got < len; i++) {
        ssize_t n = read(slave, data + got, sizeof(data) - got);

        got += n > 0 ? (size_t)n : 0;
        uv_run(&f->loop, UV_RUN_NOWAIT);
    }
    assert_int_equal(got, len);
    assert_memory_equal(data, text, len);
}

static void what_is_asked_before_it_comes_is_done_then(void **state)
{
    struct winsize size;
    struct fixture f;
    int slave, master;

    (void)state;
    start(&f);
    master = open_pty(&slave);
    assert_int_equal(crib_stream_read_start(stream_of(&f, 1), on_data, &f), 0);
    assert_int_equal(crib_stream_write(stream_of(&f, 0), "typed", 5, NULL, NULL), 0);
    assert_int_equal(task_resize(f.task, 11, 22), 0);
    turn(&f, 3);
    hand_over(&f, master);
    turn(&f, 3);
    assert_true(task_terminal(f.task) > 2);
    assert_int_equal(task_take_master(f.task, slave), -EALREADY);
    assert_int_equal(ioctl(slave, TIOCGWINSZ, &size), 0);
    assert_int_equal(size.ws_row, 11);
    assert_int_equal(size.ws_col, 22);
    assert_int_equal(write(slave, "x", 1), 1);
    turn(&f, 3);
    assert_int_equal(f.log.len, 0); /* held until the program runs */
    report_started(&f);
    read_slave(&f, slave, "typed");
    close(slave);
    turn(&f, 5);
    finish(&f);
    tear_down(&f, "spawn data end exit close ");
}

static void it_can_be_resized(void **state)
{
    struct winsize size;
    struct fixture f;
    int slave, master;

    (void)state;
    start(&f);
    master = open_pty(&slave);
    hand_over(&f, master);
    report_started(&f);
    turn(&f, 3);
    assert_int_equal(task_resize(f.task, 65535, 1), 0);
    assert_int_equal(ioctl(slave, TIOCGWINSZ, &size), 0);
    assert_int_equal(size.ws_row, 65535);
    assert_int_equal(size.ws_col, 1);
    assert_int_equal(task_resize(f.task, 0, 1), -EINVAL);
    assert_int_equal(task_resize(f.task, 1, 65536), -EINVAL);
    crib_stream_close(stream_of(&f, 0));
    assert_int_equal(task_resize(f.task, 5, 5), 0);
    crib_stream_close(stream_of(&f, 1));
    assert_int_equal(task_resize(f.task, 6, 6), -ENOTTY);
    assert_int_equal(task_terminal(f.task), -1);
    /* the last of the master: the terminal has hung up */
    assert_int_equal(ioctl(slave, TIOCGWINSZ, &size), -1);
    assert_int_equal(errno, EIO);
    close(slave);
    finish(&f);
    tear_down(&f, "spawn exit close ");
}

static void there_is_none_to_resize(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f);
    adopt(&f);
    report_started(&f);
    turn(&f, 2);
    assert_int_equal(task_resize(f.task, 24, 80), -ENOTTY);
    finish(&f);
    tear_down(&f, "spawn exit close ");
}

/* What the program wrote last is read, also when it is dead before the loop turns. */
static void the_last_words_are_read(void **state)
{
    struct fixture f;
    int slave, master;

    (void)state;
    start(&f);
    master = open_pty(&slave);
    assert_int_equal(crib_stream_read_start(stream_of(&f, 1), on_data, &f), 0);
    hand_over(&f, master);
    report_started(&f);
    assert_int_equal(write(slave, "x", 1), 1);
    close(slave);
    kill(f.pid, SIGKILL);
    finish(&f);
    uv_run(&f.loop, UV_RUN_DEFAULT);
    buf_append(&f.log, "", 1);
    test_contains((char *)f.log.data, "data ");
    test_contains((char *)f.log.data, "end ");
    test_contains((char *)f.log.data, "exit ");
    f.log.len = 0;
    tear_down(&f, "");
}

/* A slave that went elsewhere does not hold up the end of a task that is gone. */
static void a_slave_that_got_away(void **state)
{
    struct fixture f;
    int slave, master;

    (void)state;
    start(&f);
    master = open_pty(&slave);
    assert_int_equal(crib_stream_read_start(stream_of(&f, 1), on_data, &f), 0);
    hand_over(&f, master);
    report_started(&f);
    turn(&f, 3);
    finish(&f);
    tear_down(&f, "spawn exit end close ");
    close(slave);
}

static void on_written(crib_stream *stream, int status, void *user)
{
    (void)stream;
    *(int *)user = status;
}

/* What is typed waits in the terminal, also while nobody has it open. */
static void nobody_to_write_to(void **state)
{
    struct fixture f;
    int slave, status = 1, master;

    (void)state;
    start(&f);
    master = open_pty(&slave);
    hand_over(&f, master);
    report_started(&f);
    turn(&f, 3);
    close(slave);
    assert_int_equal(crib_stream_write(stream_of(&f, 0), "x", 1, on_written, &status), 0);
    turn(&f, 5);
    assert_int_equal(status, 0);
    assert_non_null(crib_task_stream(f.task, 0));
    finish(&f);
    tear_down(&f, "spawn exit close ");
}

static void a_start_that_fails_before_it_comes(void **state)
{
    struct fixture f;
    int status = 1;

    (void)state;
    start(&f);
    assert_int_equal(crib_stream_read_start(stream_of(&f, 1), on_data, &f), 0);
    assert_int_equal(crib_stream_write(stream_of(&f, 0), "x", 1, on_written, &status), 0);
    leave(&f);
    tear_down(&f, "error end close ");
    assert_int_equal(status, -EPIPE);
}

static void a_start_that_is_given_up(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f);
    f.init = -1;
    assert_int_equal(task_add_terminal(f.task, -1, 2), 0);
    assert_null(crib_task_stream(f.task, 0));
    task_discard(f.task);
    tear_down(&f, "");
}

/* The program cannot run without its terminal: what came instead is told. */
static void started_without_it(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    report_started(&f);
    turn(&f, 3);
    tear_down(&f, "error close ");
    assert_int_equal(f.error.code, -EPROTO);
}

static void its_streams_are_not_for_joining(void **state)
{
    struct fixture f;
    int slave, master;

    (void)state;
    start(&f);
    master = open_pty(&slave);
    assert_int_equal(stream_take(stream_of(&f, 1)), -1);
    hand_over(&f, master);
    turn(&f, 3);
    assert_int_equal(stream_take(stream_of(&f, 1)), -1);
    close(slave);
    report_started(&f);
    turn(&f, 3);
    finish(&f);
    tear_down(&f, "spawn exit close ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_asked_before_it_comes_is_done_then),
        cmocka_unit_test(it_can_be_resized),
        cmocka_unit_test(there_is_none_to_resize),
        cmocka_unit_test(the_last_words_are_read),
        cmocka_unit_test(a_slave_that_got_away),
        cmocka_unit_test(nobody_to_write_to),
        cmocka_unit_test(a_start_that_fails_before_it_comes),
        cmocka_unit_test(a_start_that_is_given_up),
        cmocka_unit_test(started_without_it),
        cmocka_unit_test(its_streams_are_not_for_joining),
    };

    return fake_init_test_run(tests);
}
