/* SPDX-License-Identifier: Apache-2.0 */
/* Sandboxes that wait: how many there are, for how long, and that none outlives its use. */
#include "sandbox/prepared.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/fd.h"

/* Until no process has this one as its parent, dead ones included. */
static void await_no_children(void)
{
    const uint64_t until = clock_us() + PREPARED_PATIENCE_US;
    pid_t list[64];
    size_t count;

    while ((count = prepared_children(getpid(), list))) {
        if (clock_us() > until)
            fail_msg("%zu children, %d the first", count, (int)list[0]);
        usleep(1000);
    }
}

static void test_each_is_used_once(void **state)
{
    char space[3][64];
    struct live live;
    pid_t pids[3];

    (void)state;
    live_open(&live);
    for (int i = 0; i < 3; i++) {
        struct one one;

        one_init(&one);
        if (i == 0)
            prepared_like(&live, &one, 2);
        prepared_await(&live, 2); /* what was taken is made again */
        one_run(&live, &one, "ns");
        one_must_be(&one, true);
        pids[i] = one.pid;
        snprintf(space[i], sizeof(space[i]), "%s", sandbox_line(one.out, "user"));
        for (int j = 0; j < i; j++) {
            assert_int_not_equal(pids[i], pids[j]);
            assert_string_not_equal(space[i], space[j]);
        }
        one_done(&one);
    }
    live_close(&live);
    await_no_children();
}

/* Several at once, more than there are: nobody waits for one. */
static void test_an_empty_pool_is_a_cold_start(void **state)
{
    struct one ones[6];
    struct live live;
    int ahead = 0;

    (void)state;
    live_open(&live);
    one_init(&ones[0]);
    prepared_like(&live, &ones[0], 2);
    for (int i = 0; i < 6; i++) {
        one_init(&ones[i]);
        one_start(&live, &ones[i], NULL, "pids");
    }
    for (int i = 0; i < 6; i++) {
        one_end(&live, &ones[i]);
        assert_int_equal(ones[i].task.result.status, 0);
        assert_int_equal(ones[i].task.result.verdict, CRIB_EXITED);
        ahead += one_was_ahead(&ones[i]);
        one_done(&ones[i]);
    }
    assert_true(ahead >= 2);
    live_close(&live);
}

static void test_more_kinds_than_may_wait(void **state)
{
    static const char *const policies[] = {"default", "strict", "shell", "network", "worker"};
    struct live live;
    pid_t list[64];

    (void)state;
    live_open(&live);
    assert_int_equal(crib_set_prepared(live.ex, 2, 0, NULL), 0);
    for (int i = 0; i < 20; i++) {
        struct one one;

        one_init(&one);
        one.task.options.policy = policies[i % 5];
        one_run(&live, &one, "echo");
        assert_int_equal(one.task.result.verdict, CRIB_EXITED);
        assert_true(crib_prepared(live.ex) <= 2);
        one_done(&one);
    }
    prepared_await(&live, 2);
    assert_int_equal(prepared_children(getpid(), list), 2);
    live_close(&live);
    await_no_children();
}

static void test_idle_ones_go(void **state)
{
    struct one one;
    struct live live;

    (void)state;
    live_open(&live);
    one_init(&one);
    prepared_like(&live, &one, 2);
    assert_int_equal(crib_set_prepared(live.ex, 2, 300, NULL), 0);
    assert_int_equal(crib_prepare(live.ex, sandbox_probe_path(), NULL, &one.task.options, NULL), 0);
    while (crib_prepared(live.ex) == 0)
        usleep(100);
    prepared_await(&live, 0);
    await_no_children();
    one_run(&live, &one, "exit 0");
    one_must_be(&one, false);
    one_done(&one);
    live_close(&live);
}

static void test_none_are_kept_any_more(void **state)
{
    int before = test_count_fds(getpid());
    struct one one;
    struct live live;

    (void)state;
    live_open(&live);
    one_init(&one);
    prepared_like(&live, &one, 3);
    assert_int_equal(crib_set_prepared(live.ex, 0, 0, NULL), 0);
    assert_int_equal(crib_prepared(live.ex), 0);
    await_no_children();
    one_run(&live, &one, "exit 0");
    assert_null(strstr(one.json, "\"mechanism\":\"start\""));
    one_done(&one);
    one_init(&one);
    prepared_like(&live, &one, 3);
    live_close(&live); /* with three that wait */
    await_no_children();
    assert_int_equal(test_count_fds(getpid()), before);
    one_done(&one);
}

/* Whoever may kill us may kill them. The next start takes another, or makes its own. */
static void test_one_is_killed_while_it_waits(void **state)
{
    struct live live;
    pid_t list[64];

    (void)state;
    live_open(&live);
    for (unsigned most = 1; most <= 2; most++) {
        struct one one;

        one_init(&one);
        prepared_like(&live, &one, most);
        assert_int_equal(prepared_children(getpid(), list), most);
        for (size_t i = 0; i < most; i++) {
            struct pollfd gone = {.fd = (int)syscall(SYS_pidfd_open, list[i], 0), .events = POLLIN};

            assert_int_equal(kill(list[i], SIGKILL), 0);
            assert_int_equal(poll(&gone, 1, 20000), 1);
            fd_close(&gone.fd);
        }
        one_run(&live, &one, "exit 7");
        assert_int_equal(one.task.result.status, 7);
        for (size_t i = 0; i < most; i++) /* but it may have one that was made since */
            assert_int_not_equal(one.pid, list[i]);
        one_done(&one);
    }
    live_close(&live);
    await_no_children();
}

/* The process that waits inside, for the program to be. */
static void test_the_waiting_process_is_killed(void **state)
{
    struct one one;
    struct live live;
    pid_t list[64], inside[64];
    size_t count;

    (void)state;
    live_open(&live);
    one_init(&one);
    prepared_like(&live, &one, 1);
    assert_int_equal(prepared_children(getpid(), list), 1);
    count = prepared_children(list[0], inside);
    assert_int_equal(count, 1);
    if (kill(inside[0], SIGKILL) < 0)
        assert_int_equal(errno, EPERM);
    usleep(200000);
    one_run(&live, &one, "exit 7");
    assert_int_equal(one.task.result.status, 7);
    one_done(&one);
    live_close(&live);
    await_no_children();
}

/* Return: 0 as it should be. Runs in a fork. */
static int be_fork(struct live *live)
{
    struct one one;

    if (uv_loop_fork(&live->loop) < 0 || crib_prepared(live->ex) != 0)
        return 1;
    one_init(&one);
    one_run(live, &one, "exit 5");
    if (one.task.result.status != 5 || one_was_ahead(&one))
        return 2;
    one_done(&one);
    one_init(&one);
    prepared_await(live, 2); /* its own */
    one_run(live, &one, "exit 6");
    if (one.task.result.status != 6 || !one_was_ahead(&one))
        return 3;
    live_close(live);
    return 0;
}

static void test_a_fork_has_none(void **state)
{
    struct one one;
    struct live live;
    int status;
    pid_t pid, before[64], after[64];

    (void)state;
    live_open(&live);
    one_init(&one);
    prepared_like(&live, &one, 2);
    assert_int_equal(prepared_children(getpid(), before), 2);
    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        setenv("CMOCKA_TEST_ABORT", "1", 1);
        _exit(be_fork(&live));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(prepared_children(getpid(), after), 2);
    assert_memory_equal(after, before, 2 * sizeof(pid_t)); /* ours are as they were */
    one_run(&live, &one, "exit 4");
    assert_int_equal(one.task.result.status, 4);
    one_must_be(&one, true);
    one_done(&one);
    live_close(&live);
}

/* Nor does it take the groups of those that wait away from them. */
static void test_a_fork_leaves_the_groups_alone(void **state)
{
    struct one one;
    struct live live;
    int status;
    pid_t pid;

    (void)state;
    sandbox_only_privileged(true);
    live_open(&live);
    one_init(&one);
    one.task.options.policy = "judge";
    prepared_like(&live, &one, 1);
    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        setenv("CMOCKA_TEST_ABORT", "1", 1);
        _exit(crib_set_prepared(live.ex, 0, 0, NULL) < 0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    one_run(&live, &one, "hog 400");
    one_must_be(&one, true);
    assert_int_equal(one.task.result.verdict, CRIB_MEMORY);
    assert_true(one.task.result.peak_memory > 100 << 20);
    one_done(&one);
    live_close(&live);
}

struct seen {
    pid_t init[2], inside[2];
};

static void be_parent(struct seen *seen, int report)
{
    struct one one;
    struct live live;
    pid_t list[64];

    setenv("CMOCKA_TEST_ABORT", "1", 1);
    live_open(&live);
    one_init(&one);
    prepared_like(&live, &one, 2);
    if (prepared_children(getpid(), list) != 2)
        _exit(1);
    for (int i = 0; i < 2; i++) {
        pid_t inside[64];

        seen->init[i] = list[i];
        seen->inside[i] = prepared_children(list[i], inside) == 1 ? inside[0] : 0;
    }
    if (write(report, "x", 1) != 1)
        _exit(1);
    for (;;)
        pause();
}

static void test_their_maker_is_killed(void **state)
{
    struct seen *seen =
        mmap(NULL, sizeof(*seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    const uint64_t until = clock_us() + PREPARED_PATIENCE_US;
    int ends[2], left = 4, status;
    pid_t pid;
    char byte;

    (void)state;
    assert_true(seen != MAP_FAILED);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    fflush(NULL);
    pid = fork();
    if (pid == 0)
        be_parent(seen, ends[1]);
    fd_close(&ends[1]);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    fd_close(&ends[0]);
    for (int i = 0; i < 2; i++) {
        assert_true(prepared_parent(seen->init[i], false) == pid);
        assert_true(prepared_parent(seen->inside[i], false) == seen->init[i]);
    }
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    while (left) {
        left = 0;
        for (int i = 0; i < 2; i++)
            left += (prepared_parent(seen->init[i], false) != 0) +
                    (prepared_parent(seen->inside[i], false) != 0);
        if (clock_us() > until)
            fail_msg("%d processes outlive their maker", left);
        usleep(1000);
    }
    munmap(seen, sizeof(*seen));
}

static void test_what_cannot_be_asked(void **state)
{
    struct crib_error error;
    struct live live;

    (void)state;
    live_open(&live);
    assert_int_equal(crib_prepare(live.ex, "/bin/true", NULL, NULL, &error), -EINVAL);
    assert_int_equal(crib_set_prepared(live.ex, 257, 0, &error), -EINVAL);
    assert_int_equal(crib_prepared(live.ex), 0);
    live_close(&live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_is_used_once),
        cmocka_unit_test(test_an_empty_pool_is_a_cold_start),
        cmocka_unit_test(test_more_kinds_than_may_wait),
        cmocka_unit_test(test_idle_ones_go),
        cmocka_unit_test(test_none_are_kept_any_more),
        cmocka_unit_test(test_one_is_killed_while_it_waits),
        cmocka_unit_test(test_the_waiting_process_is_killed),
        cmocka_unit_test(test_a_fork_has_none),
        cmocka_unit_test(test_a_fork_leaves_the_groups_alone),
        cmocka_unit_test(test_their_maker_is_killed),
        cmocka_unit_test(test_what_cannot_be_asked),
    };

    return sandbox_test_run(tests);
}
