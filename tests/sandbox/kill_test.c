/* SPDX-License-Identifier: Apache-2.0 */
/* Signals, and everything that ends a task before its time. */
#include "sandbox/live.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A word of this test's own, to know its processes by on the host. */
static const char *marker(void)
{
    static char text[64];

    snprintf(text, sizeof(text), "kill-%d-%llu", (int)getpid(), (unsigned long long)clock_us());
    return text;
}

static void kill_at_spawn(struct live_task *task, const char *word)
{
    if (strcmp(word, "spawn") == 0)
        assert_int_equal(crib_task_kill(task->task, *(int *)task->user), 0);
}

static void kill_a_sleeper(int signo, struct live_task *ret)
{
    struct live live;

    live_open(&live);
    live_task(ret);
    ret->then = kill_at_spawn;
    ret->user = &signo;
    live_shell(&live, ret, "exec sleep 100");
    live_run(&live);
    live_says(ret, "spawn exit close ");
    live_close(&live);
}

static void a_signal_has_its_usual_meaning(void **state)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGKILL, SIGQUIT, 64};
    struct live_task task;

    (void)state;
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        kill_a_sleeper(signals[i], &task);
        assert_int_equal(task.result.verdict, CRIB_KILLED);
        assert_int_equal(task.result.signal, signals[i]);
        assert_int_equal(task.result.status, -1);
    }
}

static void term_when_ready(crib_stream *stream, const char *data, ssize_t len, void *user)
{
    struct live_task *task = user;

    (void)stream;
    (void)len;
    if (data && memcmp(data, "ready", 5) == 0)
        assert_int_equal(crib_task_kill(task->task, SIGTERM), 0);
}

static void a_program_may_handle_it(void **state)
{
    struct live live;
    struct live_task task;

    (void)state;
    live_open(&live);
    live_task(&task);
    live_shell(&live, &task, "trap 'exit 42' TERM; echo ready; while :; do sleep 0.05; done");
    assert_int_equal(crib_stream_read_start(crib_task_stream(task.task, 1), term_when_ready, &task),
                     0);
    live_run(&live);
    assert_int_equal(task.result.verdict, CRIB_EXITED);
    assert_int_equal(task.result.status, 42);
    live_close(&live);
}

static void before_it_runs(void **state)
{
    static const int signals[] = {SIGTERM, SIGKILL};

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct live live;
        struct live_task task;

        live_open(&live);
        live_task(&task);
        live_shell(&live, &task, "exec sleep 100");
        assert_int_equal(crib_task_kill(task.task, 0), 0);
        assert_int_equal(crib_task_kill(task.task, signals[i]), 0);
        live_run(&live);
        assert_non_null(strstr(task.log, "exit close "));
        assert_int_equal(task.result.verdict, CRIB_KILLED);
        assert_int_equal(task.result.signal, signals[i]);
        live_close(&live);
    }
}

static void too_late(struct live_task *task, const char *word)
{
    if (strcmp(word, "exit") == 0 || strcmp(word, "close") == 0) {
        assert_int_equal(crib_task_kill(task->task, SIGTERM), -ESRCH);
        assert_int_equal(crib_task_kill(task->task, SIGKILL), -ESRCH);
        assert_int_equal(crib_task_abort(task->task), -ESRCH);
    }
    if (strcmp(word, "spawn") == 0) {
        assert_int_equal(crib_task_kill(task->task, -1), -EINVAL);
        assert_int_equal(crib_task_kill(task->task, 65), -EINVAL);
    }
}

static void after_its_end(void **state)
{
    struct live live;
    struct live_task task;

    (void)state;
    live_open(&live);
    live_task(&task);
    task.then = too_late;
    live_shell(&live, &task, "exit 0");
    live_run(&live);
    live_says(&task, "spawn exit close ");
    assert_int_equal(task.result.verdict, CRIB_EXITED);
    live_close(&live);
}

static void kill_when_the_tree_stands(crib_stream *stream, const char *data, ssize_t len,
                                      void *user)
{
    struct live_task *task = user;

    (void)stream;
    if (data)
        buf_append(&task->out, data, (size_t)len);
    if (data && memmem(task->out.data, task->out.len, "tree", 4))
        assert_int_equal(crib_task_kill(task->task, SIGKILL), 0);
}

/* Sessions of their own, ignored signals, many generations: all of it is gone with `close`. */
static void the_whole_tree_goes(void **state)
{
    const char *word = marker();
    const char *const args[] = {"echo",   word,   ",", "ignore",   "1",      "2",
                                "3",      "15",   ",", "forkbomb", "30",     ",",
                                "orphan", "100",  ",", "orphan",   "100",    ",",
                                "echo",   "tree", ",", "sleep",    "100000", NULL};
    struct live live;
    struct live_task task;

    (void)state;
    live_open(&live);
    live_task(&task);
    assert_int_equal(
        crib_spawn(live.ex, sandbox_probe_path(), args, &task.options, &task.task, NULL), 0);
    assert_int_equal(
        crib_stream_read_start(crib_task_stream(task.task, 1), kill_when_the_tree_stands, &task),
        0);
    live_run(&live);
    live_says(&task, "spawn exit close ");
    assert_int_equal(task.result.verdict, CRIB_KILLED);
    assert_int_equal(sandbox_processes_with(word), 0);
    buf_done(&task.out);
    live_close(&live);
}

static void a_stopped_one_can_be_killed(void **state)
{
    struct live live;
    struct live_task task;
    int signo = SIGSTOP;

    (void)state;
    live_open(&live);
    live_task(&task);
    task.then = kill_at_spawn;
    task.user = &signo;
    live_shell(&live, &task, "exec sleep 100");
    live_until(&live, &task, "spawn");
    usleep(50000);
    assert_int_equal(crib_task_kill(task.task, SIGKILL), 0);
    live_run(&live);
    assert_int_equal(task.result.verdict, CRIB_KILLED);
    live_close(&live);
}

static void run_too_long(const char *line, uint64_t timeout_ms, int kill_signal,
                         struct live_task *ret, uint64_t *ret_ms)
{
    struct live live;
    uint64_t start;

    live_open(&live);
    live_task(ret);
    ret->options.timeout_ms = timeout_ms;
    ret->options.kill_signal = kill_signal;
    live_shell(&live, ret, line);
    start = clock_us();
    live_run(&live);
    *ret_ms = (clock_us() - start) / 1000;
    live_says(ret, "spawn exit close ");
    live_close(&live);
}

static void wall_time(void **state)
{
    struct live_task task;
    uint64_t ms;

    (void)state;
    run_too_long("exec sleep 100", 200, 0, &task, &ms);
    assert_int_equal(task.result.verdict, CRIB_WALL_TIMEOUT);
    assert_int_equal(task.result.signal, SIGTERM);
    assert_in_range(ms, 200, 20000); /* a slow machine; it would sleep for 100 s */
    run_too_long("exec sleep 100", 100, SIGINT, &task, &ms);
    assert_int_equal(task.result.signal, SIGINT);
    run_too_long("exit 4", 60000, 0, &task, &ms);
    assert_int_equal(task.result.verdict, CRIB_EXITED);
    assert_int_equal(task.result.status, 4);
}

static void wall_time_of_one_that_will_not_leave(void **state)
{
    struct live_task task;
    uint64_t ms;

    (void)state;
    /* Long enough for the shell to set its trap, also where programs start slowly. */
    run_too_long("trap '' TERM; while :; do sleep 1; done", 1500, 0, &task, &ms);
    assert_int_equal(task.result.verdict, CRIB_WALL_TIMEOUT);
    assert_int_equal(task.result.signal, SIGKILL);
    assert_in_range(ms, 2500, 20000);
    /* What it makes of the signal does not hide why it ended. */
    run_too_long("trap 'exit 0' TERM; while :; do sleep 0.05; done", 1500, 0, &task, &ms);
    assert_int_equal(task.result.verdict, CRIB_WALL_TIMEOUT);
    assert_int_equal(task.result.status, 0);
}

static void abort_at_spawn(struct live_task *task, const char *word)
{
    if (strcmp(word, "spawn") == 0)
        assert_int_equal(crib_task_abort(task->task), 0);
}

static void aborting(void **state)
{
    struct live live;
    struct live_task task;

    (void)state;
    live_open(&live);
    live_task(&task);
    task.then = abort_at_spawn;
    live_shell(&live, &task, "exec sleep 100");
    live_run(&live);
    live_says(&task, "spawn error exit close ");
    assert_int_equal(task.error.code, -ECANCELED);
    assert_int_equal(task.result.verdict, CRIB_KILLED);
    assert_int_equal(task.result.signal, SIGTERM);
    live_close(&live);
}

static void aborting_at_once(void **state)
{
    struct live live;
    struct live_task task;

    (void)state;
    live_open(&live);
    live_task(&task);
    live_shell(&live, &task, "exec sleep 100");
    assert_int_equal(crib_task_abort(task.task), 0);
    live_run(&live);
    assert_int_equal(task.error.code, -ECANCELED);
    assert_int_equal(task.result.verdict, CRIB_KILLED);
    assert_non_null(strstr(task.log, "exit close "));
    live_close(&live);
}

static void closing_the_executor_ends_all(void **state)
{
    enum { COUNT = 10 };
    struct live_task tasks[COUNT];
    struct live live;

    (void)state;
    live_open(&live);
    for (int i = 0; i < COUNT; i++) {
        live_task(&tasks[i]);
        live_shell(&live, &tasks[i], "trap '' TERM; echo x; while :; do sleep 1; done");
    }
    live_until(&live, &tasks[COUNT - 1], "spawn");
    live_close(&live);
    for (int i = 0; i < COUNT; i++) {
        assert_non_null(strstr(tasks[i].log, "exit close "));
        assert_int_equal(tasks[i].result.verdict, CRIB_KILLED);
    }
}

static void a_crash_is_its_own(void **state)
{
    struct live live;
    struct live_task task;
    const char *const args[] = {"crash", NULL};

    (void)state;
    live_open(&live);
    live_task(&task);
    assert_int_equal(
        crib_spawn(live.ex, sandbox_probe_path(), args, &task.options, &task.task, NULL), 0);
    live_run(&live);
    assert_int_equal(task.result.verdict, CRIB_SIGNALED);
    assert_int_equal(task.result.signal, SIGSEGV);
    live_close(&live);
}

static void somebody_else_kills_init(void **state)
{
    struct live live;
    struct live_task task;

    (void)state;
    live_open(&live);
    live_task(&task);
    live_shell(&live, &task, "exec sleep 100");
    live_until(&live, &task, "spawn");
    assert_int_equal(kill(crib_task_pid(task.task), SIGKILL), 0);
    live_run(&live);
    live_says(&task, "spawn exit close ");
    assert_int_equal(task.result.verdict, CRIB_SIGNALED);
    assert_int_equal(task.result.signal, SIGKILL);
    live_close(&live);
}

/* Who knows the pid may signal the task by it, as with any child. */
static void somebody_else_signals_init(void **state)
{
    struct live live;
    struct live_task task;

    (void)state;
    live_open(&live);
    live_task(&task);
    live_shell(&live, &task, "exec sleep 100");
    live_until(&live, &task, "spawn");
    assert_int_equal(kill(crib_task_pid(task.task), SIGTERM), 0);
    live_run(&live);
    live_says(&task, "spawn exit close ");
    assert_int_equal(task.result.verdict, CRIB_SIGNALED);
    assert_int_equal(task.result.signal, SIGTERM);
    live_close(&live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signal_has_its_usual_meaning),
        cmocka_unit_test(a_program_may_handle_it),
        cmocka_unit_test(before_it_runs),
        cmocka_unit_test(after_its_end),
        cmocka_unit_test(the_whole_tree_goes),
        cmocka_unit_test(a_stopped_one_can_be_killed),
        cmocka_unit_test(wall_time),
        cmocka_unit_test(wall_time_of_one_that_will_not_leave),
        cmocka_unit_test(aborting),
        cmocka_unit_test(aborting_at_once),
        cmocka_unit_test(closing_the_executor_ends_all),
        cmocka_unit_test(a_crash_is_its_own),
        cmocka_unit_test(somebody_else_kills_init),
        cmocka_unit_test(somebody_else_signals_init),
    };

    return sandbox_test_run(tests);
}
