/* SPDX-License-Identifier: Apache-2.0 */
/* How a task is ended before its time, and how it is let go of. */
#include "unit/fake_init.h"

static void killed_before_it_ran(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f);
    adopt(&f);
    assert_int_equal(task_signal(f.task, SIGKILL), 0);
    tear_down(&f, "exit close ");
    assert_int_equal(f.result.verdict, CRIB_KILLED);
    assert_int_equal(f.result.signal, SIGKILL);
}

static void a_signal_waits_for_the_program(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f);
    adopt(&f);
    assert_int_equal(task_signal(f.task, 0), 0);
    assert_int_equal(task_signal(f.task, -1), -EINVAL);
    assert_int_equal(task_signal(f.task, 65), -EINVAL);
    assert_int_equal(task_signal(f.task, SIGTERM), 0);
    report_started(&f);
    turn(&f, 2);
    assert_int_equal(order(&f), SIGTERM);
    report_end(&f, SIGTERM);
    leave(&f);
    tear_down(&f, "spawn exit close ");
    assert_int_equal(f.result.verdict, CRIB_KILLED);
}

static void killed_out_of_its_first_event(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f);
    f.kill_at_spawn = SIGKILL;
    adopt(&f);
    report_started(&f);
    tear_down(&f, "spawn exit close ");
    assert_int_equal(f.result.verdict, CRIB_KILLED);
}

static void set_up_takes_too_long(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f);
    f.task->plan->life->setup_deadline = 30;
    adopt(&f);
    tear_down(&f, "error close ");
    assert_int_equal(f.error.code, -ETIMEDOUT);
    assert_int_equal(f.result.verdict, CRIB_SETUP_FAILED);
}

static void runs_too_long_and_will_not_leave(void **state)
{
    struct fixture f;
    uint64_t start;

    (void)state;
    set_up(&f);
    f.task->plan->life->timeout = 30;
    f.task->plan->life->kill_signal = SIGINT;
    adopt(&f);
    report_started(&f);
    start = uv_hrtime();
    uv_run(&f.loop, UV_RUN_DEFAULT);
    assert_in_range((uv_hrtime() - start) / 1000000, TASK_GRACE_MS, TASK_GRACE_MS + 2000);
    assert_int_equal(order(&f), SIGINT);
    tear_down(&f, "spawn exit close ");
    assert_int_equal(f.result.verdict, CRIB_WALL_TIMEOUT);
    assert_int_equal(f.result.signal, SIGKILL);
}

static void aborted(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f);
    adopt(&f);
    report_started(&f);
    turn(&f, 2);
    assert_int_equal(task_abort(f.task), 0);
    assert_int_equal(f.error.code, -ECANCELED);
    assert_int_equal(task_abort(f.task), 0); /* and no second error */
    assert_int_equal(order(&f), SIGTERM);
    report_end(&f, SIGTERM);
    turn(&f, 2);
    assert_int_equal(task_abort(f.task), -ESRCH);
    leave(&f);
    tear_down(&f, "spawn error exit close ");
    assert_int_equal(f.result.verdict, CRIB_KILLED);
}

static void the_first_cause_stays(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f);
    adopt(&f);
    report_started(&f);
    turn(&f, 2);
    task_end(f.task, CRIB_OUTPUT);
    task_end(f.task, CRIB_WALL_TIMEOUT);
    assert_int_equal(task_signal(f.task, SIGKILL), 0);
    tear_down(&f, "spawn exit close ");
    assert_int_equal(f.result.verdict, CRIB_OUTPUT);
}

static void its_executor_closes(void **state)
{
    struct fixture f;
    int fds[2];

    (void)state;
    set_up(&f);
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(task_add_stream(f.task, 1, fds[0], false), 0);
    adopt(&f);
    assert_int_equal(crib_stream_read_start(f.task->streams, on_data, &f), 0);
    assert_int_equal(crib_stream_read_stop(f.task->streams), 0);
    report_started(&f);
    turn(&f, 2);
    task_stop(f.task); /* a paused reader does not hold it up */
    tear_down(&f, "spawn exit close ");
    assert_int_equal(f.result.verdict, CRIB_KILLED);
    close(fds[1]);
}

static void a_detached_one_is_left_alone(void **state)
{
    struct fixture f;
    int status;

    (void)state;
    set_up(&f);
    f.task->plan->life->detached = true;
    adopt(&f);
    task_stop(f.task); /* still being set up: it is left when it runs */
    turn(&f, 2);
    report_started(&f);
    tear_down(&f, "spawn close ");
    assert_int_equal(f.result.verdict, 0);
    assert_int_equal(waitpid(f.pid, &status, WNOHANG), 0); /* alive */
    kill(f.pid, SIGKILL);
    waitpid(f.pid, &status, 0);
}

static void given_up_after_the_start(void **state)
{
    struct fixture f;
    int fds[2];

    (void)state;
    set_up(&f);
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(task_add_stream(f.task, 1, fds[0], false), 0);
    adopt(&f);
    assert_int_equal(stream_collect(f.task->streams, on_data, &f), 0);
    assert_int_equal(write(fds[1], "x", 1), 1);
    report_started(&f);
    task_discard(f.task);
    tear_down(&f, "");
    close(fds[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_before_it_ran),
        cmocka_unit_test(a_signal_waits_for_the_program),
        cmocka_unit_test(killed_out_of_its_first_event),
        cmocka_unit_test(set_up_takes_too_long),
        cmocka_unit_test(runs_too_long_and_will_not_leave),
        cmocka_unit_test(aborted),
        cmocka_unit_test(the_first_cause_stays),
        cmocka_unit_test(its_executor_closes),
        cmocka_unit_test(a_detached_one_is_left_alone),
        cmocka_unit_test(given_up_after_the_start),
    };

    return fake_init_test_run(tests);
}
