/* SPDX-License-Identifier: Apache-2.0 */
/* Life on a terminal: job control, signals by keys, resizing, hanging up. */
#include "sandbox/terminal.h"

#include <errno.h>
#include <signal.h>

#define INTR "\003"
#define EOT  "\004"
#define SUSP "\032"

/* Says `started` when it runs, in a process group of its own under a shell with jobs. */
#define SLEEPER "sh -c 'echo sta''rted; exec sleep 1000'\n"

static void start_shell(struct terminal *t)
{
    static const char *const args[] = {"-i", NULL};
    static const char *const prompt[] = {"PS1=prompt> ", NULL};

    terminal_open(t);
    t->task.options.env_add = prompt;
    t->task.options.policy = "shell";
    terminal_start(t, "/bin/sh", args);
    terminal_shows(t, "prompt> ");
}

/* Leaves the shell by the end of its input. */
static void end_shell(struct terminal *t)
{
    terminal_type(t, "exit 7\n");
    terminal_end(t);
    assert_int_equal(t->task.result.verdict, CRIB_EXITED);
    assert_int_equal(t->task.result.status, 7);
    terminal_close(t);
}

static void test_interrupting_what_is_in_the_foreground(void **state)
{
    struct terminal t;

    (void)state;
    start_shell(&t);
    terminal_type(&t, SLEEPER);
    terminal_shows(&t, "started\r\n");
    terminal_type(&t, INTR);
    terminal_shows(&t, "prompt> ");
    terminal_type(&t, "echo 'code' $?\n");
    terminal_shows(&t, "code 130");
    end_shell(&t);
}

/* What it copies, it has read: it is in the foreground. */
static void test_stopping_and_going_on(void **state)
{
    struct terminal t;

    (void)state;
    start_shell(&t);
    terminal_type(&t, "cat\n");
    terminal_type(&t, "one\n");
    terminal_shows(&t, "one\r\n");
    terminal_shows(&t, "one\r\n");
    terminal_type(&t, SUSP);
    terminal_shows(&t, "prompt> ");
    terminal_type(&t, "jobs\n");
    terminal_shows(&t, "Stopped");
    terminal_shows(&t, "prompt> ");
    terminal_type(&t, "fg\n");
    terminal_type(&t, "two\n");
    terminal_shows(&t, "two\r\n");
    terminal_shows(&t, "two\r\n");
    terminal_type(&t, INTR);
    terminal_shows(&t, "prompt> ");
    terminal_type(&t, "jobs; echo 'none' left\n");
    terminal_shows(&t, "none left");
    end_shell(&t);
}

/* A job in the background is not the terminal's business, until it wants to read. */
static void test_a_job_in_the_background(void **state)
{
    struct terminal t;

    (void)state;
    start_shell(&t);
    terminal_type(&t, "cat & sleep 0; wait; echo 'code' $?\n");
    terminal_shows(&t, "code ");
    terminal_type(&t, "jobs\n");
    terminal_shows(&t, "Stopped");
    terminal_shows(&t, "prompt> ");
    terminal_type(&t, "fg\n");
    terminal_type(&t, "line\n");
    terminal_shows(&t, "line\r\n");
    terminal_shows(&t, "line\r\n");
    terminal_type(&t, EOT);
    terminal_shows(&t, "prompt> ");
    end_shell(&t);
}

static void test_the_end_of_input_is_a_key(void **state)
{
    struct terminal t;

    (void)state;
    terminal_open(&t);
    terminal_shell(&t, "cat; echo the end");
    terminal_type(&t, "line\n");
    terminal_shows(&t, "line\r\n"); /* echoed */
    terminal_shows(&t, "line\r\n"); /* and copied */
    terminal_type(&t, EOT);
    terminal_end(&t);
    test_contains(terminal_text(&t), "the end\n");
    terminal_close(&t);
}

static void test_closing_the_writing_stream_sends_nothing(void **state)
{
    struct terminal t;

    (void)state;
    terminal_open(&t);
    t.task.options.timeout_ms = 500;
    terminal_shell(&t, "trap 'echo hung up' HUP; echo ready; read line; echo got $?");
    terminal_shows(&t, "ready");
    crib_stream_close(crib_task_stream(t.task.task, 0));
    terminal_end(&t);
    assert_null(strstr(terminal_text(&t), "got"));
    assert_null(strstr(terminal_text(&t), "hung"));
    assert_int_equal(t.task.result.verdict, CRIB_WALL_TIMEOUT);
    terminal_close(&t);
}

static void test_closing_both_hangs_up(void **state)
{
    struct terminal t;

    (void)state;
    terminal_open(&t);
    terminal_shell(&t, "echo ready; exec sleep 1000");
    terminal_shows(&t, "ready");
    crib_stream_close(crib_task_stream(t.task.task, 0));
    crib_stream_close(crib_task_stream(t.task.task, 1));
    live_run(&t.live);
    live_says(&t.task, "spawn exit close ");
    assert_int_equal(t.task.result.verdict, CRIB_SIGNALED);
    assert_int_equal(t.task.result.signal, SIGHUP);
    terminal_close(&t);
}

static void test_resizing(void **state)
{
    struct terminal t;
    static const char *const args[] = {"winch", NULL};

    (void)state;
    terminal_open(&t);
    t.task.options.rows = 50;
    t.task.options.columns = 132;
    terminal_start(&t, sandbox_probe_path(), args);
    terminal_shows(&t, "before 50 132");
    assert_int_equal(crib_task_resize(t.task.task, 0, 80), -EINVAL);
    assert_int_equal(crib_task_resize(t.task.task, 24, 65536), -EINVAL);
    assert_int_equal(crib_task_resize(t.task.task, 25, 81), 0);
    terminal_shows(&t, "after 25 81");
    terminal_end(&t);
    terminal_close(&t);
}

static void resize_at_once(struct terminal *t, const char *policy)
{
    terminal_open(t);
    t->task.options.policy = policy;
    terminal_shell(t, "until test \"$(stty size)\" = '3 4'; do sleep 0.01; done; echo done");
    assert_int_equal(crib_task_resize(t->task.task, 3, 4), 0);
    terminal_shows(t, "done");
    terminal_end(t);
    terminal_close(t);
}

/* Right after the start, when there is no pty yet. */
static void test_resizing_before_it_runs(void **state)
{
    struct terminal t;

    (void)state;
    resize_at_once(&t, NULL);
    resize_at_once(&t, "open");
}

static void test_nothing_to_resize(void **state)
{
    struct live_task task;
    struct live live;

    (void)state;
    live_open(&live);
    live_task(&task);
    live_shell(&live, &task, "true");
    assert_int_equal(crib_task_resize(task.task, 24, 80), -ENOTTY);
    live_run(&live);
    live_close(&live);
}

static void on_spawn(crib_task *task, void *data)
{
    (void)task;
    live_note(data, "spawn");
    crib_task_kill(task, SIGTERM);
}

/* A signal from the caller is the program's, as without a terminal. */
static void test_signals_of_the_caller(void **state)
{
    struct terminal t;

    (void)state;
    terminal_open(&t);
    t.task.options.on.spawn = on_spawn;
    terminal_shell(&t, "sleep 1000");
    terminal_end(&t);
    assert_int_equal(t.task.result.verdict, CRIB_KILLED);
    assert_int_equal(t.task.result.signal, SIGTERM);
    terminal_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_interrupting_what_is_in_the_foreground),
        cmocka_unit_test(test_stopping_and_going_on),
        cmocka_unit_test(test_a_job_in_the_background),
        cmocka_unit_test(test_the_end_of_input_is_a_key),
        cmocka_unit_test(test_closing_the_writing_stream_sends_nothing),
        cmocka_unit_test(test_closing_both_hangs_up),
        cmocka_unit_test(test_resizing),
        cmocka_unit_test(test_resizing_before_it_runs),
        cmocka_unit_test(test_nothing_to_resize),
        cmocka_unit_test(test_signals_of_the_caller),
    };

    return sandbox_test_run(tests);
}
