/* SPDX-License-Identifier: Apache-2.0 */
/* A start in a process that has hardly any descriptors left: an error or a task, and no leak. */
#include "sandbox/live.h"

#include <errno.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/fd.h"

enum { MOST = 64 };

/* Return: the lowest number that is free. */
static int first_free(void)
{
    int fd = fd_copy(0, 0);

    assert_true(fd >= 0);
    close(fd);
    return fd;
}

/* Starts a forked child with pipes while only @room more fds can be had. Return: as crib_fork(). */
static int start(struct live *live, struct live_task *task, int room)
{
    struct crib_stdio stdio[] = {{CRIB_PIPE}, {CRIB_PIPE}, {CRIB_PIPE}};
    const char *const args[] = {"-c", "echo out", NULL};
    struct crib_error error = {0};
    struct rlimit before, few;
    int r;

    live_task(task);
    task->options.stdio = stdio;
    task->options.stdio_count = 3;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = before;
    few.rlim_cur = (rlim_t)(first_free() + room);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    r = crib_fork(live->ex, "/bin/sh", args, &task->options, &task->task, &error);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    if (r < 0 && (error.code != r || !error.step))
        fail_msg("with room for %d: %d, but the error says %d", room, r, error.code);
    return r;
}

static void run_one(struct live *live)
{
    struct live_task task;

    assert_int_equal(start(live, &task, MOST), 0);
    live_read(&task);
    live_run(live);
    live_wrote(&task, "out\n");
}

static void every_shortage(void **state)
{
    struct live live;
    int failed = 0, started = 0;

    (void)state;
    live_open(&live);
    run_one(&live); /* what the first start opens stays open */
    for (int room = 0; room < MOST; room++) {
        int before = test_count_fds(getpid());
        struct live_task task;
        int r = start(&live, &task, room);

        if (r == 0)
            live_read(&task);
        live_run(&live);
        if (test_count_fds(getpid()) != before)
            fail_msg("with room for %d: %d fds before, %d after", room, before, test_count_fds(getpid()));
        if (r < 0) {
            failed++;
            live_says(&task, "");
            continue;
        }
        started++;
        test_contains(task.log, " close ");
        live_wrote(&task, strstr(task.log, "spawn") ? "out\n" : "");
    }
    assert_true(failed > 5);  /* what it takes at least */
    assert_true(started > 5); /* and at most */
    live_close(&live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_shortage),
    };

    return sandbox_test_run(tests);
}
