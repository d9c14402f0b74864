/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: with RLIMIT_CORE 1 a crash writes no core, neither to a file nor to the pipe of a
 * core_pattern that names a program; the limit 0 stops files only.
 * Source: core(5); do_coredump() of the kernel
 * crib: tasks get the limit {1, 1} unless the policy allows cores.
 */
#include <dirent.h>
#include <sys/resource.h>

#include "apart.h"

struct crash {
    const char *dir;
    rlim_t limit;
};

static int crash(void *arg)
{
    const struct crash *how = arg;
    struct rlimit core;

    CHECK(chdir(how->dir) == 0);
    CHECK(getrlimit(RLIMIT_CORE, &core) == 0);
    core.rlim_cur = how->limit < core.rlim_max ? how->limit : core.rlim_max;
    CHECK(setrlimit(RLIMIT_CORE, &core) == 0);
    CHECK(prctl(PR_SET_DUMPABLE, 1) == 0);
    signal(SIGQUIT, SIG_DFL);
    kill(getpid(), SIGQUIT);
    return 1;
}

/* Return: the wait status of a process that crashed in @dir under @limit. */
static int crash_status(const char *dir, rlim_t limit)
{
    struct crash how = {dir, limit};
    int status = 0;
    pid_t pid = apart_start(crash, &how);

    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGQUIT);
    return status;
}

static int entries(const char *path)
{
    DIR *dir = opendir(path);
    int n = 0;

    assert_non_null(dir);
    while (readdir(dir))
        n++;
    closedir(dir);
    return n - 2;
}

static void test_no_core_under_the_limit_of_one(void **state)
{
    char *dir = test_dir();

    (void)state;
    assert_false(WCOREDUMP(crash_status(dir, 1)));
    assert_int_equal(entries(dir), 0);
    free(dir);
}

static void test_a_pipe_is_stopped_by_one_and_not_by_zero(void **state)
{
    char *pattern = test_read("/proc/sys/kernel/core_pattern", NULL), *dir = test_dir();

    (void)state;
    assert_true(!!WCOREDUMP(crash_status(dir, 0)) == (pattern[0] == '|'));
    free(pattern);
    free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_core_under_the_limit_of_one),
        cmocka_unit_test(test_a_pipe_is_stopped_by_one_and_not_by_zero),
    };

    return test_run(tests);
}
