/* SPDX-License-Identifier: Apache-2.0 */
/* A task's descriptors: pipes with back-pressure, and everything else that can be put there. */
#include "sandbox/live.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"

static void outputs_apart_and_whole(void **state)
{
    struct live live;
    struct live_task task;

    (void)state;
    live_open(&live);
    live_task(&task);
    live_shell(&live, &task,
               "head -c 5000000 /dev/zero | tr '\\0' o; head -c 300000 /dev/zero >&2");
    live_read(&task);
    live_run(&live);
    assert_int_equal(task.out.len, 5000000);
    assert_int_equal(task.err.len, 300000);
    assert_int_equal(task.ends, 2);
    buf_done(&task.out);
    buf_done(&task.err);
    live_close(&live);
}

/* Pauses after each piece; a timer goes on reading. */
struct slow {
    struct live_task *task;
    crib_stream *stream;
    uv_timer_t timer;
    size_t got, largest;
};

static void read_slowly(crib_stream *stream, const char *data, ssize_t len, void *user);

static void go_on(uv_timer_t *timer)
{
    struct slow *slow = timer->data;

    assert_int_equal(crib_stream_read_start(slow->stream, read_slowly, slow), 0);
}

static void read_slowly(crib_stream *stream, const char *data, ssize_t len, void *user)
{
    struct slow *slow = user;

    if (!data) {
        uv_close((uv_handle_t *)&slow->timer, NULL);
        return;
    }
    slow->got += (size_t)len;
    if ((size_t)len > slow->largest)
        slow->largest = (size_t)len;
    assert_int_equal(crib_stream_read_stop(stream), 0);
    uv_timer_start(&slow->timer, go_on, 2, 0);
}

static void a_slow_reader_makes_its_task_wait(void **state)
{
    struct live live;
    struct live_task task;
    struct slow slow = {.task = &task};

    (void)state;
    live_open(&live);
    live_task(&task);
    live_shell(&live, &task, "head -c 2000000 /dev/zero; cat /proc/uptime >/dev/null");
    slow.stream = crib_task_stream(task.task, 1);
    uv_timer_init(&live.loop, &slow.timer);
    slow.timer.data = &slow;
    assert_int_equal(crib_stream_read_start(slow.stream, read_slowly, &slow), 0);
    live_run(&live);
    assert_int_equal(slow.got, 2000000);
    assert_true(slow.largest <= 65536);
    assert_true(task.result.wall_us > 30000); /* 30 pieces at least, 2 ms apart */
    live_says(&task, "spawn exit close ");
    live_close(&live);
}

static void unread_output_holds_up_the_task_and_not_its_end(void **state)
{
    struct live live;
    struct live_task task;

    (void)state;
    live_open(&live);
    live_task(&task);
    task.options.timeout_ms = 500;
    live_shell(&live, &task, "head -c 1000000 /dev/zero");
    live_run(&live);
    live_says(&task, "spawn exit close ");
    assert_int_equal(task.result.verdict, CRIB_WALL_TIMEOUT);
    live_close(&live);
}

static void on_written(crib_stream *stream, int status, void *user)
{
    (void)stream;
    assert_int_equal(status, 0);
    ++*(int *)user;
}

static void stdin_to_stdout(void **state)
{
    enum { SIZE = 4 << 20 };
    char *data = malloc(SIZE);
    struct live live;
    struct live_task task;
    crib_stream *in;
    int written = 0, passed = 0;

    (void)state;
    for (int i = 0; i < SIZE; i++)
        data[i] = (char)(i * 7 + i / 251);
    live_open(&live);
    live_task(&task);
    live_shell(&live, &task, "cat");
    in = crib_task_stream(task.task, 0);
    for (int at = 0; at < SIZE; at += 1 << 16)
        passed += crib_stream_write(in, data + at, 1 << 16, on_written, &written);
    assert_in_range(passed, 1, SIZE >> 16); /* told to wait, and nothing is lost if one does not */
    live_read(&task);
    live_run(&live);
    assert_int_equal(written, SIZE >> 16);
    assert_int_equal(task.out.len, SIZE);
    assert_memory_equal(task.out.data, data, SIZE);
    buf_done(&task.out);
    free(data);
    live_close(&live);
}

static void on_refused(crib_stream *stream, int status, void *user)
{
    (void)stream;
    assert_int_equal(status, -EPIPE);
    ++*(int *)user;
}

/* SIGPIPE would end this test program. */
static void a_task_that_closes_its_stdin(void **state)
{
    static char big[1 << 20];
    struct live live;
    struct live_task task;
    int refused = 0;

    (void)state;
    signal(SIGPIPE, SIG_DFL);
    live_open(&live);
    live_task(&task);
    live_shell(&live, &task, "exec <&-; sleep 0.3");
    crib_stream_write(crib_task_stream(task.task, 0), big, sizeof(big), on_refused, &refused);
    live_run(&live);
    assert_int_equal(refused, 1);
    live_says(&task, "spawn exit close ");
    live_close(&live);
}

static void stdin_of_a_task_that_has_ended(void **state)
{
    static char big[1 << 20];
    struct live live;
    struct live_task task;
    int refused = 0;

    (void)state;
    live_open(&live);
    live_task(&task);
    live_shell(&live, &task, "exit 0");
    crib_stream_write(crib_task_stream(task.task, 0), big, sizeof(big), on_refused, &refused);
    live_run(&live);
    assert_int_equal(refused, 1);
    live_says(&task, "spawn exit close ");
    live_close(&live);
}

/* A stream, by its name: only a pipe can be opened again like that. */
static void stdin_can_be_opened_again(void **state)
{
    struct live live;
    struct live_task task;

    (void)state;
    live_open(&live);
    live_task(&task);
    live_shell(&live, &task, "cat /dev/stdin");
    crib_stream_write(crib_task_stream(task.task, 0), "again", 5, NULL, NULL);
    live_read(&task);
    live_run(&live);
    live_wrote(&task, "again");
    live_close(&live);
}

static void closing_the_reader_ends_the_writer(void **state)
{
    struct live live;
    struct live_task task;

    (void)state;
    live_open(&live);
    live_task(&task);
    live_shell(&live, &task, "exec cat /dev/zero");
    crib_stream_close(crib_task_stream(task.task, 1));
    assert_null(crib_task_stream(task.task, 1));
    live_run(&live);
    assert_int_equal(task.result.verdict, CRIB_SIGNALED);
    assert_int_equal(task.result.signal, SIGPIPE);
    live_close(&live);
}

static void pipes_at_any_number(void **state)
{
    struct crib_stdio stdio[41] = {[7] = {CRIB_PIPE}, [40] = {CRIB_PIPE}};
    const char *const args[] = {"spam", "7", "100", ",", "spam", "40", "100", ",", "fds", NULL};
    struct live live;
    struct live_task task;

    (void)state;
    stdio[1].kind = CRIB_PIPE;
    live_open(&live);
    live_task(&task);
    task.options.stdio = stdio;
    task.options.stdio_count = 41;
    assert_int_equal(
        crib_spawn(live.ex, sandbox_probe_path(), args, &task.options, &task.task, NULL), 0);
    assert_null(crib_task_stream(task.task, 0));
    assert_null(crib_task_stream(task.task, 39));
    assert_int_equal(crib_stream_read_start(crib_task_stream(task.task, 7), live_on_data, &task),
                     0);
    assert_int_equal(crib_stream_read_start(crib_task_stream(task.task, 40), live_on_data, &task),
                     0);
    live_run(&live);
    assert_int_equal(task.out.len, 200);
    assert_int_equal(task.result.status, 0);
    buf_done(&task.out);
    live_close(&live);
}

/* Two files of the parent's, given the wrong way round. */
static void swapped(void **state)
{
    struct crib_stdio stdio[3] = {{CRIB_NULL}, {CRIB_FD}, {CRIB_FD}};
    char *dir = test_dir(), path[2][300], *text;
    struct live live;
    struct live_task task;
    int fds[2];

    (void)state;
    for (int i = 0; i < 2; i++) {
        snprintf(path[i], sizeof(path[i]), "%s/%d", dir, i + 1);
        fds[i] = open(path[i], O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        assert_true(fds[i] >= 0);
    }
    stdio[1].from = fds[1];
    stdio[2].from = fds[0];
    live_open(&live);
    live_task(&task);
    task.options.stdio = stdio;
    task.options.stdio_count = 3;
    live_shell(&live, &task, "echo out; echo err >&2");
    close(fds[0]); /* borrowed for the call only */
    close(fds[1]);
    live_run(&live);
    text = test_read(path[0], NULL);
    assert_string_equal(text, "err\n");
    free(text);
    text = test_read(path[1], NULL);
    assert_string_equal(text, "out\n");
    free(text);
    free(dir);
    live_close(&live);
}

static void a_directory_is_refused(void **state)
{
    struct crib_stdio stdio[1] = {{CRIB_FD}};
    int dir = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct crib_error error;
    struct live live;
    struct live_task task;

    (void)state;
    live_open(&live);
    live_task(&task);
    stdio[0].from = dir;
    task.options.stdio = stdio;
    task.options.stdio_count = 1;
    assert_int_equal(crib_spawn(live.ex, "true", NULL, &task.options, NULL, &error), -EISDIR);
    assert_string_equal(error.step, "stdio");
    assert_int_equal(error.index, 0);
    live_says(&task, "");
    close(dir);
    live_close(&live);
}

/* In a process of its own without 0 to 2. Return: exit status, 0 is good. */
static int without_standard_fds(int report)
{
    struct crib_stdio stdio[] = {{CRIB_INHERIT}, {CRIB_INHERIT}, {CRIB_INHERIT}, {CRIB_PIPE}};
    const char *const args[] = {"-c",
                                "read x; echo lost; echo lost >&2; "
                                "all=$(readlink /proc/$$/fd/0 /proc/$$/fd/1 /proc/$$/fd/2); "
                                "echo \"$all\" >&3",
                                NULL};
    struct live live;
    struct live_task task;

    live_open(&live); /* before: the fds of a loop must not be mistaken for stdio */
    for (int fd = 0; fd < 3; fd++)
        close(fd);
    live_task(&task);
    task.options.stdio = stdio;
    task.options.stdio_count = 4;
    if (crib_spawn(live.ex, "/bin/sh", args, &task.options, &task.task, &task.error) < 0)
        return 2;
    crib_stream_read_start(crib_task_stream(task.task, 3), live_on_data, &task);
    live_run(&live);
    if (fd_write_all(report, task.out.data, task.out.len) < 0)
        return 3;
    return task.result.verdict == CRIB_EXITED ? task.result.status : 4;
}

static void fds_0_to_2_closed_in_the_parent(void **state)
{
    int fds[2], status;
    char text[256];
    ssize_t n;
    pid_t pid;

    (void)state;
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    fflush(NULL);
    pid = fork();
    if (pid == 0)
        _exit(without_standard_fds(fds[1]));
    close(fds[1]);
    n = read(fds[0], text, sizeof(text) - 1);
    text[n < 0 ? 0 : n] = '\0';
    close(fds[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_string_equal(text, "/dev/null\n/dev/null\n/dev/null\n");
}

static void inherited_ones_are_the_parents(void **state)
{
    struct crib_stdio stdio[] = {{CRIB_NULL}, {CRIB_INHERIT}, {CRIB_INHERIT}};
    char *dir = test_dir(), path[300], *text;
    struct live live;
    struct live_task task;
    int file, kept;

    (void)state;
    snprintf(path, sizeof(path), "%s/out", dir);
    file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    fflush(NULL);
    kept = fd_copy(1, 10);
    live_open(&live);
    live_task(&task);
    task.options.stdio = stdio;
    task.options.stdio_count = 3;
    dup2(file, 1);
    live_shell(&live, &task, "echo inherited");
    dup2(kept, 1);
    close(kept);
    close(file);
    live_run(&live);
    text = test_read(path, NULL);
    assert_string_equal(text, "inherited\n");
    free(text);
    free(dir);
    live_close(&live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outputs_apart_and_whole),
        cmocka_unit_test(a_slow_reader_makes_its_task_wait),
        cmocka_unit_test(unread_output_holds_up_the_task_and_not_its_end),
        cmocka_unit_test(stdin_to_stdout),
        cmocka_unit_test(a_task_that_closes_its_stdin),
        cmocka_unit_test(stdin_of_a_task_that_has_ended),
        cmocka_unit_test(stdin_can_be_opened_again),
        cmocka_unit_test(closing_the_reader_ends_the_writer),
        cmocka_unit_test(pipes_at_any_number),
        cmocka_unit_test(swapped),
        cmocka_unit_test(a_directory_is_refused),
        cmocka_unit_test(fds_0_to_2_closed_in_the_parent),
        cmocka_unit_test(inherited_ones_are_the_parents),
    };

    return sandbox_test_run(tests);
}
