/* SPDX-License-Identifier: Apache-2.0 */
/* What is told of a task, and in which order. */
#include "sandbox/live.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void a_task_that_runs(void **state)
{
    struct live live;
    struct live_task task;

    (void)state;
    live_open(&live);
    live_task(&task);
    live_shell(&live, &task, "echo out; echo err >&2; exit 3");
    assert_true(crib_task_pid(task.task) > 0);
    assert_ptr_equal(crib_task_data(task.task), &task);
    assert_int_equal(crib_task_result(task.task)->verdict, 0);
    live_read(&task);
    assert_string_equal(task.log, ""); /* nothing comes out of a call */
    live_run(&live);
    live_says(&task, "spawn exit close ");
    assert_int_equal(task.result.verdict, CRIB_EXITED);
    assert_int_equal(task.result.status, 3);
    assert_int_equal(task.result.signal, 0);
    assert_true(task.result.wall_us > 0 && task.result.peak_memory > 0);
    assert_int_equal(task.ends, 2);
    live_wrote(&task, "out\n");
    live_close(&live);
}

static void a_denial_comes_before_the_end(void **state)
{
    const char *const args[] = {"socket", "2", "1", NULL};
    struct live live;
    struct live_task task;

    (void)state;
    live_open(&live);
    live_task(&task);
    assert_int_equal(
        crib_spawn(live.ex, sandbox_probe_path(), args, &task.options, &task.task, NULL), 0);
    live_run(&live);
    live_says(&task, "spawn denied exit close ");
    assert_int_equal(task.result.denials, 1);
    live_close(&live);
}

static void a_set_up_that_fails(void **state)
{
    struct live live;
    struct live_task task;

    (void)state;
    live_open(&live);
    live_task(&task);
    assert_int_equal(crib_spawn(live.ex, "no-such-program", NULL, &task.options, &task.task, NULL),
                     0);
    live_read(&task);
    live_run(&live);
    live_says(&task, "error close ");
    assert_int_equal(task.error.code, -ENOENT);
    test_contains(task.error.subject, "no-such-program");
    assert_int_equal(task.result.verdict, CRIB_SETUP_FAILED);
    assert_int_equal(task.result.status, -1);
    assert_int_equal(task.ends, 2); /* readers are not left waiting */
    live_wrote(&task, "");
    live_close(&live);
}

static void a_call_that_fails_tells_nothing(void **state)
{
    struct crib_error error;
    struct live live;
    struct live_task task;

    (void)state;
    live_open(&live);
    live_task(&task);
    assert_int_equal(
        crib_spawn(live.ex, "/no/such/program", NULL, &task.options, &task.task, &error), -ENOENT);
    assert_string_equal(error.step, "program");
    test_contains(error.subject, "/no/such/program");
    task.options.policy = "no-such-policy";
    assert_int_equal(crib_spawn(live.ex, "true", NULL, &task.options, &task.task, &error), -ENOENT);
    task.options.policy = NULL;
    task.options.stdio_count = 65;
    assert_int_equal(crib_spawn(live.ex, "true", NULL, &task.options, NULL, &error), -E2BIG);
    task.options.stdio_count = 0;
    assert_int_equal(crib_spawn(live.ex, NULL, NULL, &task.options, NULL, NULL), -EINVAL);
    live_run(&live);
    live_says(&task, "");
    assert_null(task.task);
    live_close(&live);
}

static void a_missing_cwd_is_not_a_missing_program(void **state)
{
    struct live live;
    struct live_task task;

    (void)state;
    live_open(&live);
    live_task(&task);
    task.options.cwd = "/no/such/place";
    live_shell(&live, &task, "true");
    live_run(&live);
    live_says(&task, "error close ");
    assert_int_equal(task.error.code, -ENOENT);
    assert_string_equal(task.error.step, "cwd");
    test_contains(task.error.subject, "/no/such/place");
    live_close(&live);
}

static void others_go_on(void **state)
{
    struct live live;
    struct live_task good, bad;

    (void)state;
    live_open(&live);
    live_task(&good);
    live_task(&bad);
    live_shell(&live, &good, "sleep 0.2; echo fine");
    live_read(&good);
    bad.options.cwd = "/none";
    live_shell(&live, &bad, "true");
    live_run(&live);
    live_says(&bad, "error close ");
    live_says(&good, "spawn exit close ");
    live_wrote(&good, "fine\n");
    live_close(&live);
}

static void the_channel_ends_once(void **state)
{
    const char *const args[] = {"-c", "exec 3>&-; exec sleep 1000", NULL};
    struct live live;
    struct live_task task;

    (void)state;
    live_open(&live);
    live_task(&task);
    assert_int_equal(crib_fork(live.ex, "/bin/sh", args, &task.options, &task.task, NULL), 0);
    assert_true(crib_task_connected(task.task));
    live_until(&live, &task, "disconnect");
    assert_false(crib_task_connected(task.task));
    assert_int_equal(crib_task_send(task.task, "t", "x", 1, NULL, 0), -ENOTCONN);
    assert_int_equal(crib_task_disconnect(task.task), -ENOTCONN);
    crib_task_kill(task.task, SIGKILL);
    live_run(&live);
    live_says(&task, "spawn disconnect exit close ");
    live_close(&live);
}

static void its_end_ends_the_channel(void **state)
{
    const char *const args[] = {"-c", "exit 0", NULL};
    struct live live;
    struct live_task task;

    (void)state;
    live_open(&live);
    live_task(&task);
    assert_int_equal(crib_fork(live.ex, "/bin/sh", args, &task.options, &task.task, NULL), 0);
    live_run(&live);
    if (strcmp(task.log, "spawn disconnect exit close ") != 0)
        live_says(&task, "spawn exit disconnect close ");
    live_close(&live);
}

static void close_all(struct live_task *task, const char *word)
{
    if (strcmp(word, "spawn") == 0)
        crib_close(((struct live *)task->user)->ex, live_on_closed, task->user);
}

static void everything_may_be_called_from_an_event(void **state)
{
    struct live live;
    struct live_task one, two;

    (void)state;
    live_open(&live);
    live_task(&one);
    live_task(&two);
    one.then = close_all;
    one.user = &live;
    live_shell(&live, &one, "sleep 100");
    live_shell(&live, &two, "sleep 100");
    live_run(&live);
    assert_true(live.closed);
    live_says(&one, "spawn exit close ");
    assert_non_null(strstr(two.log, "exit close "));
    assert_int_equal(one.result.verdict, CRIB_KILLED);
    assert_int_equal(two.result.verdict, CRIB_KILLED);
    uv_close((uv_handle_t *)&live.patience, NULL);
    uv_run(&live.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&live.loop), 0);
}

static void look_at_json(struct live_task *task, const char *word)
{
    char *text = NULL;

    if (strcmp(word, "spawn") == 0)
        assert_int_equal(crib_task_result_json(task->task, &text), -EBUSY);
    if (strcmp(word, "exit") != 0)
        return;
    assert_int_equal(crib_task_result_json(task->task, &text), 0);
    test_contains(text, "\"verdict\":\"exited\"");
    test_contains(text, "\"status\":7");
    test_contains(text, "\"receipt\":[{");
    assert_null(strchr(text, '\n'));
    free(text);
}

static void the_result_as_json(void **state)
{
    struct live live;
    struct live_task task;

    (void)state;
    live_open(&live);
    live_task(&task);
    task.then = look_at_json;
    live_shell(&live, &task, "exit 7");
    live_run(&live);
    live_says(&task, "spawn exit close ");
    live_close(&live);
}

static void steal(struct live_task *task, const char *word)
{
    int status;

    if (strcmp(word, "spawn") == 0)
        assert_int_equal(waitpid(-1, &status, 0), crib_task_pid(task->task));
}

/* A host program that waits for any child takes init's status; init's own report stays the truth.
 */
static void a_stolen_status_does_not_matter(void **state)
{
    struct live live;
    struct live_task task;

    (void)state;
    sandbox_only_here("its init is no child of this process");
    live_open(&live);
    live_task(&task);
    task.then = steal;
    live_shell(&live, &task, "exit 9");
    live_run(&live);
    live_says(&task, "spawn exit close ");
    assert_int_equal(task.result.status, 9);
    live_close(&live);
}

static void many_at_once(void **state)
{
    enum { COUNT = 500 };
    struct live_task *tasks = calloc(COUNT, sizeof(*tasks));
    struct crib_stdio nothing = {CRIB_NULL};
    const char *const args[] = {"sleep", "300", ",", "exit", "5", NULL};
    struct live live;

    (void)state;
    live_open(&live);
    for (int i = 0; i < COUNT; i++) {
        struct crib_error error;

        live_task(&tasks[i]);
        tasks[i].options.stdio = &nothing;
        tasks[i].options.stdio_count = 1;
        live_started(&tasks[i],
                     crib_spawn(live.ex, sandbox_probe_path(), args, &tasks[i].options,
                                &tasks[i].task, &error),
                     &error);
    }
    live_run(&live);
    for (int i = 0; i < COUNT; i++) {
        live_says(&tasks[i], "spawn exit close ");
        assert_int_equal(tasks[i].result.status, 5);
    }
    free(tasks);
    live_close(&live);
}

/* The loop stands still while the task floods: denials may be lost, and are counted; its end is
 * not. */
static void a_busy_parent_loses_denials_and_not_the_end(void **state)
{
    const char *const args[] = {"-c",
                                "i=0; while [ $i -lt 300 ]; do i=$((i+1)); "
                                "\"$0\" syscall 41 2 $i 0; \"$0\" syscall 101 -1 -1 -1 -1; "
                                "done > /dev/null; exit 5",
                                sandbox_probe_path(), NULL};
    struct crib_bind bind = {sandbox_probe_path(), NULL, false};
    struct live live;
    struct live_task task;

    (void)state;
    live_open(&live);
    live_task(&task);
    task.options.on.denied = NULL;
    task.options.binds = &bind;
    task.options.bind_count = 1;
    assert_int_equal(crib_spawn(live.ex, "/bin/sh", args, &task.options, &task.task, NULL), 0);
    live_until(&live, &task, "spawn");
    sleep(3);
    live_run(&live);
    live_says(&task, "spawn exit close ");
    assert_int_equal(task.result.verdict, CRIB_EXITED);
    assert_int_equal(task.result.status, 5);
    assert_int_equal(task.result.denials, 600);
    live_close(&live);
}

static void an_address_is_looked_at(void **state)
{
    struct crib_error error;
    uv_loop_t loop;
    crib *ex;

    (void)state;
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(crib_open(&ex, &loop, "/run/crib.sock", &error), -EINVAL);
    assert_int_equal(crib_open(&ex, &loop, "unix:/nowhere/at/all", &error), -ENOENT);
    assert_int_equal(crib_open(&ex, NULL, NULL, &error), -EINVAL);
    crib_close(NULL, NULL, NULL);
    assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_task_that_runs),
        cmocka_unit_test(a_denial_comes_before_the_end),
        cmocka_unit_test(a_set_up_that_fails),
        cmocka_unit_test(a_call_that_fails_tells_nothing),
        cmocka_unit_test(a_missing_cwd_is_not_a_missing_program),
        cmocka_unit_test(others_go_on),
        cmocka_unit_test(the_channel_ends_once),
        cmocka_unit_test(its_end_ends_the_channel),
        cmocka_unit_test(everything_may_be_called_from_an_event),
        cmocka_unit_test(the_result_as_json),
        cmocka_unit_test(a_stolen_status_does_not_matter),
        cmocka_unit_test(many_at_once),
        cmocka_unit_test(a_busy_parent_loses_denials_and_not_the_end),
        cmocka_unit_test(an_address_is_looked_at),
    };

    return sandbox_test_run(tests);
}
