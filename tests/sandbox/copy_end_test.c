/* SPDX-License-Identifier: Apache-2.0 */
/* Files copied out, however the task ends, and whatever still runs in it then. */
#include "sandbox/copying.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

/* What runs on beside the program has ended before a file is looked at. */
static void test_nothing_changes_them_meanwhile(void **state)
{
    struct copying c;

    (void)state;
    copying_start(&c);
    copying_out(&c, "/tmp/grown");
    copying_out(&c, "/tmp/sure");
    copying_probe(&c,
                  "write /tmp/sure there , grow /tmp/grown , sleep 50 , grow /tmp/grown , exit 3");
    assert_int_equal(c.task.result.status, 3);
    if (!c.copied[0].there) /* not made yet, at the worst */
        assert_int_equal(c.copied[0].error.code, -ENOENT);
    copying_got(&c, 1, "there");
    copying_done(&c);
}

/* A tree of processes that do not want to end. */
static void test_a_tree_that_stays(void **state)
{
    struct copying c;

    (void)state;
    copying_start(&c);
    copying_out(&c, "/tmp/x");
    copying_run(&c, "echo mine >/tmp/x; for i in 1 2 3 4 5 6 7 8; do"
                    " setsid sh -c 'trap \"\" TERM HUP; while :; do sleep 1000; done' &"
                    "done; exit 0");
    assert_int_equal(c.task.result.status, 0);
    copying_got(&c, 0, "mine\n");
    copying_done(&c);
}

static void test_a_task_that_runs_out_of_time(void **state)
{
    struct copying c;

    (void)state;
    copying_start(&c);
    c.task.options.timeout_ms = 300;
    copying_out(&c, "/tmp/x");
    copying_run(&c, "trap '' TERM; echo partial >/tmp/x; while :; do sleep 1; done");
    assert_int_equal(c.task.result.verdict, CRIB_WALL_TIMEOUT);
    copying_got(&c, 0, "partial\n");
    copying_done(&c);
}

static void kill_all(struct copying *c)
{
    assert_int_equal(crib_task_kill(c->task.task, SIGKILL), 0);
}

static void term(struct copying *c)
{
    assert_int_equal(crib_task_kill(c->task.task, SIGTERM), 0);
}

static void test_a_task_that_is_killed_leaves_nothing(void **state)
{
    char *dir = test_dir(), target[300];
    struct crib_copy_out *out;
    struct copying c;

    (void)state;
    snprintf(target, sizeof(target), "%s/target", dir);
    copying_start(&c);
    c.spawned = kill_all;
    copying_in(&c, "/tmp/x", "x");
    copying_out(&c, "/tmp/x");
    out = copying_out(&c, "/tmp/y");
    out->kind = CRIB_COPY_PATH;
    out->target = target;
    out->optional = true; /* that it is not known is an error all the same */
    copying_run(&c, "sleep 1000");
    assert_int_equal(c.task.result.verdict, CRIB_KILLED);
    copying_missed(&c, 0, -ECHILD,
                   "copy_out[0] /tmp/x: the sandbox was killed before the file could be taken");
    copying_missed(&c, 1, -ECHILD,
                   "copy_out[1] /tmp/y: the sandbox was killed before the file could be taken");
    assert_int_equal(access(target, F_OK), -1);
    copying_done(&c);
    free(dir);
}

static void test_a_task_that_ends_by_a_signal(void **state)
{
    struct copying c;

    (void)state;
    copying_start(&c);
    c.spawned = term;
    copying_in(&c, "/tmp/x", "x");
    copying_out(&c, "/tmp/x");
    copying_run(&c, "exec sleep 1000");
    assert_int_equal(c.task.result.signal, SIGTERM);
    copying_got(&c, 0, "x");
    copying_done(&c);
}

/* From outside, by init's pid, as an OOM killer would. */
static void kill_init(struct copying *c)
{
    assert_int_equal(kill(crib_task_pid(c->task.task), SIGKILL), 0);
}

static void test_an_init_that_is_killed(void **state)
{
    struct copying c;

    (void)state;
    sandbox_only_here("under root's daemon init is somebody else's");
    copying_start(&c);
    c.spawned = kill_init;
    copying_in(&c, "/tmp/x", "x");
    copying_out(&c, "/tmp/x");
    copying_run(&c, "sleep 1000");
    copying_missed(&c, 0, -ECHILD,
                   "copy_out[0] /tmp/x: the sandbox was killed before the file could be taken");
    copying_done(&c);
}

static void test_a_detached_task_has_nobody_to_take_them(void **state)
{
    struct crib_stdio none[] = {{CRIB_NULL}, {CRIB_NULL}, {CRIB_NULL}};
    struct copying c;

    (void)state;
    sandbox_only_here("a daemon is there to take them");
    copying_start(&c);
    c.task.options.detached = true;
    c.task.options.stdio = none;
    c.task.options.stdio_count = 3;
    copying_out(&c, "/tmp/x");
    copying_run(&c, "echo ran");
    copying_refused(&c, -EINVAL, "detached: a detached task has no parent to take its files");
    copying_done(&c);
}

/* The blocking form hands them over with the rest. */
static void test_the_blocking_form(void **state)
{
    const char *const args[] = {"-c", "cat /tmp/in /tmp/in >/tmp/out", NULL};
    const struct crib_copy_in in = {.path = "/tmp/in", .data = "12", .len = 2};
    const struct crib_copy_out out[] = {{.path = "/tmp/out"}, {.path = "/tmp/none"}};
    struct crib_options options;
    struct crib_sync sync;
    struct live live;

    (void)state;
    live_open(&live);
    crib_options_init(&options);
    options.copy_in = &in;
    options.copy_in_count = 1;
    options.copy_out = out;
    options.copy_out_count = 2;
    assert_int_equal(crib_spawn_sync(live.ex, "/bin/sh", args, NULL, 0, &options, &sync, NULL), 0);
    assert_int_equal(sync.copied_count, 2);
    assert_true(sync.copied[0].there);
    assert_int_equal(sync.copied[0].size, 4);
    assert_memory_equal(sync.copied[0].data, "1212", 4);
    assert_int_equal(sync.copied[1].error.code, -ENOENT);
    crib_sync_done(&sync);
    live_close(&live);
}

/* So many at once, with a target that is a disk's: none holds up the other. */
static void test_many_tasks_at_once(void **state)
{
    enum { TASKS = 12 };
    const char *const args[] = {"-c", "head -c 8000000 /dev/zero >/tmp/x", NULL};
    struct live_task tasks[TASKS];
    struct crib_copy_out out[TASKS];
    struct live live;
    struct stat st;

    (void)state;
    live_open(&live);
    for (int i = 0; i < TASKS; i++) {
        live_task(&tasks[i]);
        out[i] = (struct crib_copy_out){
            .path = "/tmp/x", .kind = CRIB_COPY_FD, .fd = memfd_create("x", MFD_CLOEXEC)};
        tasks[i].options.copy_out = &out[i];
        tasks[i].options.copy_out_count = 1;
        assert_int_equal(
            crib_spawn(live.ex, "/bin/sh", args, &tasks[i].options, &tasks[i].task, NULL), 0);
        live_read(&tasks[i]);
    }
    live_run(&live);
    for (int i = 0; i < TASKS; i++) {
        live_says(&tasks[i], "spawn exit close ");
        assert_int_equal(fstat(out[i].fd, &st), 0);
        assert_int_equal(st.st_size, 8000000);
        fd_close(&out[i].fd);
        buf_done(&tasks[i].err);
    }
    live_close(&live);
}

/* The caller closes its executor while files are on their way. */
static void close_executor(struct live_task *task, const char *word)
{
    struct live *live = task->user;

    if (strcmp(word, "exit") == 0)
        crib_close(live->ex, live_on_closed, live);
}

static void test_an_executor_that_is_closed_meanwhile(void **state)
{
    const char *const args[] = {"-c", "head -c 30000000 /dev/zero >/tmp/x", NULL};
    char *dir = test_dir(), target[300];
    struct crib_copy_out out = {.path = "/tmp/x", .kind = CRIB_COPY_PATH, .target = target};
    struct live_task task;
    struct live live;
    struct stat st;

    (void)state;
    snprintf(target, sizeof(target), "%s/target", dir);
    live_open(&live);
    live_task(&task);
    task.then = close_executor;
    task.user = &live;
    task.options.copy_out = &out;
    task.options.copy_out_count = 1;
    assert_int_equal(crib_spawn(live.ex, "/bin/sh", args, &task.options, &task.task, NULL), 0);
    live_run(&live);
    live_says(&task, "spawn exit close ");
    assert_true(live.closed);
    if (stat(target, &st) == 0) /* whole, or not there */
        assert_int_equal(st.st_size, 30000000);
    uv_close((uv_handle_t *)&live.patience, NULL);
    uv_run(&live.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&live.loop), 0);
    free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_changes_them_meanwhile),
        cmocka_unit_test(test_a_tree_that_stays),
        cmocka_unit_test(test_a_task_that_runs_out_of_time),
        cmocka_unit_test(test_a_task_that_is_killed_leaves_nothing),
        cmocka_unit_test(test_a_task_that_ends_by_a_signal),
        cmocka_unit_test(test_an_init_that_is_killed),
        cmocka_unit_test(test_a_detached_task_has_nobody_to_take_them),
        cmocka_unit_test(test_the_blocking_form),
        cmocka_unit_test(test_many_tasks_at_once),
        cmocka_unit_test(test_an_executor_that_is_closed_meanwhile),
    };

    return sandbox_test_run(tests);
}
