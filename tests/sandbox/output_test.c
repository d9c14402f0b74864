/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limits on output: exactly so many bytes arrive, wherever they go to, and then the task is ended.
 */
#include "sandbox/live.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/fd.h"

static void ended_by(const struct crib_result *result, enum crib_verdict verdict, const char *limit)
{
    if (result->verdict != verdict || strcmp(result->limit, limit) != 0)
        fail_msg("verdict %d, limit '%s', status %d, signal %d", (int)result->verdict,
                 result->limit, result->status, result->signal);
}

static void test_as_much_as_it_may(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.rules = "extends: [default]\nlimits: {output: 100000, output_total: 200000}\n";
    sandbox_expect(&box, "spam 1 100000 , spam 2 100000", 0);
    assert_int_equal(box.out_len, 100000);
    assert_int_equal(box.err_len, 100000);
    test_contains(box.json,
                  "\"streams\":[{\"fd\":1,\"bytes\":100000},{\"fd\":2,\"bytes\":100000}]");
    test_contains(box.json, "100000 bytes, each of fds 1, 2");
    sandbox_done(&box);
}

static void test_not_a_byte_more(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.rules = "extends: [default]\nlimits: {output: 100000}\n";
    sandbox_probe(&box, "spam 1 100001 , sleep 60000");
    ended_by(&box.result, CRIB_OUTPUT, "output");
    assert_int_equal(box.out_len, 100000);
    test_contains(box.denied, "output of 100000 killed");
    sandbox_probe(&box, "spam 2 100000000");
    ended_by(&box.result, CRIB_OUTPUT, "output");
    assert_int_equal(box.err_len, 100000);
    assert_int_equal(box.out_len, 0);
    sandbox_done(&box);
}

static void test_all_streams_together(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.rules = "extends: [default]\nlimits: {output: 1000, output_total: 1500}\n";
    sandbox_probe(&box, "spam 1 1000 , spam 2 1000 , sleep 60000");
    ended_by(&box.result, CRIB_OUTPUT, "output_total");
    assert_int_equal(box.out_len + box.err_len, 1500);
    sandbox_done(&box);
}

/* A task whose fds 1 and 2 lead to @out and @err under a limit. */
static void start_timed(struct live *live, struct live_task *task, crib_policy *policy, int out,
                        int err, unsigned timeout_ms, const char *line)
{
    const struct crib_stdio stdio[] = {{CRIB_NULL}, {CRIB_FD, out}, {CRIB_FD, err}};
    const char *const args[] = {"-c", line, NULL};
    struct crib_error error;

    live_task(task);
    task->options.stdio = stdio;
    task->options.stdio_count = 3;
    task->options.policy_message = policy;
    task->options.timeout_ms = timeout_ms;
    live_started(task, crib_spawn(live->ex, "/bin/sh", args, &task->options, &task->task, &error),
                 &error);
}

static void start_to(struct live *live, struct live_task *task, crib_policy *policy, int out,
                     int err, const char *line)
{
    start_timed(live, task, policy, out, err, 0, line);
}

static crib_policy *limited(const char *limits)
{
    struct crib_error err;
    crib_policy *policy;
    char text[256], why[1024];

    snprintf(text, sizeof(text), "extends: [default]\nlimits: {%s}\n", limits);
    if (crib_policy_parse("output.yaml", text, strlen(text), &policy, &err) < 0)
        fail_msg("%s", crib_error_text(&err, why, sizeof(why)));
    return policy;
}

static int temporary(void)
{
    char path[] = "/tmp/crib-output-XXXXXX";
    int fd = mkostemp(path, O_CLOEXEC | O_APPEND);

    assert_true(fd >= 0);
    unlink(path);
    return fd;
}

static char *content(int fd)
{
    off_t size = lseek(fd, 0, SEEK_END);
    char *text = calloc(1, (size_t)size + 1);

    assert_int_equal(pread(fd, text, (size_t)size, 0), size);
    return text;
}

static void test_given_fds_are_counted(void **state)
{
    crib_policy *policy = limited("output: 1000");
    struct live_task task;
    struct live live;
    int fd = temporary(), other = temporary();
    char *text;

    (void)state;
    live_open(&live);
    start_to(&live, &task, policy, fd, other, "while echo 123456789; do :; done");
    live_run(&live);
    ended_by(&task.result, CRIB_OUTPUT, "output");
    live_says(&task, "spawn denied exit close ");
    text = content(fd);
    assert_int_equal(strlen(text), 1000);
    assert_int_equal(memcmp(text, "123456789\n123", 13), 0);
    free(text);
    close(fd);
    close(other);
    live_close(&live);
    crib_policy_free(policy);
}

/* What was written before the end is there at `close`, in the order in which it was written. */
static void test_the_order_stays(void **state)
{
    crib_policy *policy = limited("output_total: 1M");
    struct live_task task;
    struct live live;
    int fd = temporary();
    char *text;

    (void)state;
    live_open(&live);
    start_to(&live, &task, policy, fd, fd,
             "i=0; while [ $i -lt 200 ]; do echo o$i; echo e$i >&2; i=$((i + 1)); done");
    live_run(&live);
    ended_by(&task.result, CRIB_EXITED, "");
    assert_int_equal(task.result.status, 0);
    text = content(fd);
    for (int i = 0, at = 0; i < 200; i++) {
        char both[32];
        int len = snprintf(both, sizeof(both), "o%d\ne%d\n", i, i);

        if (strncmp(text + at, both, (size_t)len) != 0)
            fail_msg("line %d: %.40s", i, text + at);
        at += len;
    }
    free(text);
    close(fd);
    live_close(&live);
    crib_policy_free(policy);
}

/* As if the task itself had written there: it dies of the signal, and we do not. */
static void test_a_reader_that_goes(void **state)
{
    crib_policy *policy = limited("output: 100M");
    struct live_task task;
    struct live live;
    int ends[2];

    (void)state;
    live_open(&live);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    start_to(&live, &task, policy, ends[1], ends[1],
             "trap '' INT; while echo 123456789; do :; done; exit 7");
    close(ends[1]);
    close(ends[0]);
    live_run(&live);
    live_says(&task, "spawn exit close ");
    if (task.result.verdict == CRIB_EXITED)
        assert_int_equal(task.result.status, 7);
    else
        assert_int_equal(task.result.signal, SIGPIPE);
    live_close(&live);
    crib_policy_free(policy);
}

static void test_a_full_disk_is_told(void **state)
{
    crib_policy *policy = limited("output: 100M");
    struct live_task task;
    struct live live;
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

    (void)state;
    assert_true(full >= 0);
    live_open(&live);
    start_to(&live, &task, policy, full, full, "while echo 123456789; do :; done; exit 7");
    live_run(&live);
    live_says(&task, "spawn error exit close ");
    assert_int_equal(task.error.code, -ENOSPC);
    close(full);
    live_close(&live);
    crib_policy_free(policy);
}

#define FLOOD 3000000

static void *read_all(void *data)
{
    int fd = *(int *)data;
    char some[4096];
    size_t all = 0;
    ssize_t n;

    while ((n = read(fd, some, sizeof(some))) > 0)
        all += (size_t)n;
    return (void *)(uintptr_t)all; /* NOLINT */
}

/* Turns the loop until no more fits into the pipe of which @fd is the reading end. */
static void until_full(struct live *live, int fd)
{
    int waiting = 0;

    for (int i = 0; i < 20000 && waiting < 65536; i++) {
        uv_run(&live->loop, UV_RUN_NOWAIT);
        assert_int_equal(ioctl(fd, FIONREAD, &waiting), 0);
        if (waiting < 65536)
            usleep(1000);
    }
    assert_int_equal(waiting, 65536);
}

/* The task waits for a reader that is slow, and nothing is lost by it. */
static void test_a_slow_reader_is_waited_for(void **state)
{
    crib_policy *policy = limited("output: 100M");
    struct live_task task;
    struct live live;
    pthread_t reader;
    void *all;
    int ends[2];

    (void)state;
    live_open(&live);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    start_to(&live, &task, policy, ends[1], ends[1], "head -c 3000000 /dev/zero");
    close(ends[1]);
    live_until(&live, &task, "spawn");
    until_full(&live, ends[0]);
    assert_null(strstr(task.log, "exit"));
    assert_int_equal(pthread_create(&reader, NULL, read_all, &ends[0]), 0);
    live_run(&live);
    assert_int_equal(task.result.status, 0);
    pthread_join(reader, &all);
    assert_int_equal((uintptr_t)all, FLOOD);
    close(ends[0]);
    live_close(&live);
    crib_policy_free(policy);
}

/* Nor where the task was ended: what it could not write is not waited for long. */
static void ends_unread(const char *limits, unsigned timeout_ms, int signo,
                        enum crib_verdict verdict)
{
    crib_policy *policy = limited(limits);
    struct live_task task;
    struct live live;
    int ends[2], before = test_count_fds(getpid());

    live_open(&live);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    start_timed(&live, &task, policy, ends[1], ends[1], timeout_ms, "cat /dev/zero");
    close(ends[1]);
    live_until(&live, &task, "spawn");
    if (signo) {
        until_full(&live, ends[0]);
        assert_int_equal(crib_task_kill(task.task, signo), 0);
    }
    live_run(&live);
    test_contains(task.log, "exit close");
    assert_int_equal(task.result.verdict, verdict);
    live_close(&live);
    close(ends[0]); /* now the write returns */
    for (int i = 0; i < 20000 && test_count_fds(getpid()) > before; i++)
        usleep(1000);
    crib_policy_free(policy);
}

static void test_an_ended_task_waits_for_no_reader(void **state)
{
    (void)state;
    ends_unread("output: 100M", 500, 0, CRIB_WALL_TIMEOUT);
    ends_unread("output: 100M", 0, SIGTERM, CRIB_KILLED);
    ends_unread("output: 100M", 0, SIGKILL, CRIB_KILLED);
}

/* The program has ended, what it wrote has not arrived: SIGKILL gives that up, others change
 * nothing. */
static void test_sigkill_gives_up_what_nobody_reads(void **state)
{
    crib_policy *policy = limited("output: 100M");
    struct live_task task;
    struct live live;
    int ends[2], before = test_count_fds(getpid()), r;

    (void)state;
    live_open(&live);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    start_to(&live, &task, policy, ends[1], ends[1], "head -c 100000 /dev/zero");
    close(ends[1]);
    live_until(&live, &task, "exit");
    until_full(&live, ends[0]);
    crib_task_kill(task.task, SIGTERM);
    for (int i = 0; i < 100; i++) {
        uv_run(&live.loop, UV_RUN_NOWAIT);
        usleep(1000);
    }
    assert_null(strstr(task.log, "close"));
    r = crib_task_kill(task.task, SIGKILL);
    assert_true(r == 0 || r == -ESRCH);
    live_run(&live);
    test_contains(task.log, "exit close");
    assert_int_equal(task.result.verdict, CRIB_EXITED);
    assert_int_equal(task.result.status, 0);
    live_close(&live);
    close(ends[0]); /* now the write returns */
    for (int i = 0; i < 20000 && test_count_fds(getpid()) > before; i++)
        usleep(1000);
    crib_policy_free(policy);
}

/* Nobody waits for a write that does not return when the executor is closed. */
static void test_closing_waits_for_no_reader(void **state)
{
    crib_policy *policy;
    struct live_task task;
    struct live live;
    int ends[2], before = test_count_fds(getpid());

    (void)state;
    sandbox_only_here("a daemon's tasks end by their connection, some time later");
    policy = limited("output: 100M");
    live_open(&live);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    start_to(&live, &task, policy, ends[1], ends[1], "cat /dev/zero");
    close(ends[1]);
    live_until(&live, &task, "spawn");
    until_full(&live, ends[0]);
    live_close(&live);
    test_contains(task.log, "exit close");
    close(ends[0]); /* now the write returns */
    for (int i = 0; i < 20000 && test_count_fds(getpid()) > before; i++)
        usleep(1000);
    assert_true(test_count_fds(getpid()) <= before);
    crib_policy_free(policy);
}

static void test_a_terminal_is_counted(void **state)
{
    static const struct crib_stdio stdio[] = {{CRIB_PTY}, {CRIB_PTY}, {CRIB_PTY}};
    static const char *const args[] = {"-c", "stty -opost; while echo 123456789; do :; done", NULL};
    crib_policy *policy;
    struct crib_error error;
    struct live_task task;
    struct live live;

    (void)state;
    sandbox_only_here("a client has the terminal itself, and none with a limit");
    policy = limited("output: 1000");
    live_open(&live);
    live_task(&task);
    task.options.stdio = stdio;
    task.options.stdio_count = 3;
    task.options.policy_message = policy;
    live_started(&task, crib_spawn(live.ex, "/bin/sh", args, &task.options, &task.task, &error),
                 &error);
    assert_int_equal(crib_stream_read_start(crib_task_stream(task.task, 1), live_on_data, &task),
                     0);
    live_run(&live);
    ended_by(&task.result, CRIB_OUTPUT, "output");
    assert_int_equal(task.out.len, 1000);
    buf_done(&task.out);
    live_close(&live);
    crib_policy_free(policy);
}

static void keep_json(struct live_task *task, const char *word)
{
    if (strcmp(word, "exit") == 0)
        assert_int_equal(crib_task_result_json(task->task, task->user), 0);
}

/* Starts `true` with fd 3 open as @flags say. Return: as crib_spawn(). */
static int start_with(const char *limits, int flags, struct crib_error *error, char **ret_json)
{
    int fd = open("/dev/null", flags | O_CLOEXEC);
    const struct crib_stdio stdio[] = {{CRIB_NULL}, {CRIB_NULL}, {CRIB_NULL}, {CRIB_FD, fd}};
    static const char *const args[] = {"-c", "true", NULL};
    crib_policy *policy = limited(limits);
    struct live_task task;
    struct live live;
    int r;

    live_open(&live);
    live_task(&task);
    task.options.stdio = stdio;
    task.options.stdio_count = 4;
    task.options.policy_message = policy;
    task.then = keep_json;
    task.user = ret_json;
    r = crib_spawn(live.ex, "/bin/sh", args, &task.options, &task.task, error);
    if (r == 0) {
        live_run(&live);
        assert_int_equal(task.result.status, 0);
    }
    live_close(&live);
    crib_policy_free(policy);
    close(fd);
    return r;
}

static void test_what_cannot_be_counted(void **state)
{
    struct crib_error error;
    char text[1024], *json;

    (void)state;
    assert_int_equal(start_with("output: 1000", O_RDWR, &error, &json), -EOPNOTSUPP);
    test_contains(crib_error_text(&error, text, sizeof(text)), "fd 3 cannot be counted");
    assert_int_equal(start_with("output: 1000, preferred: [output]", O_RDWR, &error, &json), 0);
    test_contains(json, "not available for fds 3");
    free(json);
    assert_int_equal(start_with("output: 1000", O_RDONLY, &error, &json), 0);
    test_contains(json, "1000 bytes, and no fd leads out");
    free(json);
    assert_int_equal(start_with("output: 1000", O_WRONLY, &error, &json), 0);
    test_contains(json, "1000 bytes, each of fds 3");
    free(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_much_as_it_may),
        cmocka_unit_test(test_not_a_byte_more),
        cmocka_unit_test(test_all_streams_together),
        cmocka_unit_test(test_given_fds_are_counted),
        cmocka_unit_test(test_the_order_stays),
        cmocka_unit_test(test_a_reader_that_goes),
        cmocka_unit_test(test_a_full_disk_is_told),
        cmocka_unit_test(test_a_slow_reader_is_waited_for),
        cmocka_unit_test(test_an_ended_task_waits_for_no_reader),
        cmocka_unit_test(test_sigkill_gives_up_what_nobody_reads),
        cmocka_unit_test(test_closing_waits_for_no_reader),
        cmocka_unit_test(test_a_terminal_is_counted),
        cmocka_unit_test(test_what_cannot_be_counted),
    };

    return sandbox_test_run(tests);
}
