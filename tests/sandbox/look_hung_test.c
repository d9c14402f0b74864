/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file system that does not answer, in the view of a task whose calls on files are looked at:
 * init looks there and waits. The call that it looked for waits as well, as it would without;
 * all others are answered, the end is told, and what ends a task ends it. Where FUSE cannot be had,
 * only the last is left to be shown.
 */
#include "sandbox/live.h"

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <unistd.h>

#include "daemon/fuse.h"

static struct fuse fuse;

static void let_go(struct live_task *task, const char *word)
{
    (void)task;
    if (strcmp(word, "exit") == 0 && fuse.pid)
        fuse_stop(&fuse);
}

static void run(const char *line, struct live_task *task, uint64_t timeout_ms)
{
    char *dir = test_dir();
    struct crib_bind bind = {.source = dir, .target = "/tmp/hangs"};
    struct live live;

    memset(&fuse, 0, sizeof(fuse));
    if (fuse_possible())
        fuse_start(&fuse, dir);
    live_open(&live);
    live_task(task);
    task->then = let_go;
    task->options.trace = CRIB_TRACE_FILES;
    task->options.timeout_ms = timeout_ms;
    task->options.binds = &bind;
    task->options.bind_count = 1;
    live_shell(&live, task, line);
    live_until(&live, task, "spawn");
    if (fuse.pid)
        fuse_hang(&fuse);
    assert_int_equal(crib_stream_write(crib_task_stream(task->task, 0), "go\n", 3, NULL, NULL), 0);
    live_run(&live);
    live_close(&live);
    free(dir);
}

static void others_are_answered_and_the_end_is_told(void **state)
{
    struct live_task task;

    (void)state;
    run("read go; cat /tmp/hangs/file & "
        "for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.3; unshare -n true; done; exit 7",
        &task, 0);
    assert_int_equal(task.result.verdict, CRIB_EXITED);
    assert_int_equal(task.result.status, 7);
    assert_int_equal(task.result.denials, 10);
    assert_non_null(strstr(task.log, "denied exit close "));
}

static void a_timeout_ends_it(void **state)
{
    struct live_task task;

    (void)state;
    run("read go; cat /tmp/hangs/file & sleep 1000", &task, 2000);
    assert_int_equal(task.result.verdict, CRIB_WALL_TIMEOUT);
    assert_int_equal(task.result.signal, SIGTERM);
}

int main(void)
{
    const struct CMUnitTest without[] = {cmocka_unit_test(a_timeout_ends_it)};
    const struct CMUnitTest with[] = {
        cmocka_unit_test(others_are_answered_and_the_end_is_told),
        cmocka_unit_test(a_timeout_ends_it),
    };

    if (!fuse_possible())
        return sandbox_test_run(without);
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return 1;
    return sandbox_test_run(with);
}
