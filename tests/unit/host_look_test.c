/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/host.h"

static Crib__Host *look(struct arena *arena)
{
    Crib__Host *host;

    arena_init(arena, 0);
    assert_int_equal(host_look(arena, &host), 0);
    return host;
}

static void test_the_caller(void **state)
{
    struct arena arena;
    Crib__Host *host = look(&arena);
    char cwd[4096];

    (void)state;
    assert_int_equal(host->uid, geteuid());
    assert_int_equal(host->gid, getegid());
    assert_non_null(getcwd(cwd, sizeof(cwd)));
    assert_int_equal(host->cwd.len, strlen(cwd));
    assert_memory_equal(host->cwd.data, cwd, strlen(cwd));
    assert_true(host->user_namespaces || host->user_namespaces_why[0]);
    assert_int_equal(host->n_paths, 0);
    arena_done(&arena);
}

static void test_the_environment_is_the_current_one(void **state)
{
    struct arena arena;
    Crib__Host *host;
    bool found = false;

    (void)state;
    setenv("CRIB_TEST_LOOK", "a=b", 1);
    host = look(&arena);
    for (size_t i = 0; i < host->n_env; i++)
        found = found || strcmp((char *)host->env[i].data, "CRIB_TEST_LOOK=a=b") == 0;
    assert_true(found);
    arena_done(&arena);
}

static void test_limits_are_the_hard_ones(void **state)
{
    struct arena arena;
    Crib__Host *host = look(&arena);
    struct rlimit limit;

    (void)state;
    assert_int_equal(host->n_limits, RLIM_NLIMITS);
    for (size_t i = 0; i < host->n_limits; i++) {
        assert_int_equal(getrlimit((int)host->limits[i]->resource, &limit), 0);
        assert_true(host->limits[i]->hard == limit.rlim_max);
    }
    arena_done(&arena);
}

static void test_the_last_capability_is_the_last(void **state)
{
    struct arena arena;
    Crib__Host *host = look(&arena);

    (void)state;
    assert_true(prctl(PR_CAPBSET_READ, host->last_cap, 0, 0, 0) >= 0);
    assert_true(prctl(PR_CAPBSET_READ, host->last_cap + 1, 0, 0, 0) < 0);
    assert_true(host->last_cap >= CAP_CHECKPOINT_RESTORE - 3);
    arena_done(&arena);
}

static void test_landlock_is_what_the_kernel_says(void **state)
{
    struct arena arena;
    Crib__Host *host = look(&arena);
    long abi = syscall(444, NULL, 0, 1);

    (void)state;
    assert_int_equal(host->landlock_abi, abi > 0 ? abi : 0);
    arena_done(&arena);
}

/* Runs @check in a child; its exit status is 0 when it holds. */
static void in_child(bool (*check)(void))
{
    pid_t pid = fork();
    int status;

    assert_true(pid >= 0);
    if (pid == 0)
        _exit(check() ? 0 : 1);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static bool without_capabilities(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0}};
    struct arena arena;

    if (syscall(SYS_capset, &head, none) < 0)
        return false;
    return !look(&arena)->privileged;
}

static void test_without_capabilities_nobody_is_privileged(void **state)
{
    (void)state;
    in_child(without_capabilities);
}

static bool groups_but_ones_own(void)
{
    const gid_t groups[] = {getegid(), 7, 8};
    struct arena arena;

    return setgroups(3, groups) == 0 && look(&arena)->groups == 2;
}

static void test_groups_are_counted_without_ones_own(void **state)
{
    struct arena arena;
    int n = getgroups(0, NULL);

    (void)state;
    assert_true((int)look(&arena)->groups <= n);
    arena_done(&arena);
    if (geteuid() == 0)
        in_child(groups_but_ones_own);
}

static bool deleted_directory(void)
{
    char path[] = "/tmp/crib-look-XXXXXX";
    struct arena arena;

    return mkdtemp(path) && chdir(path) == 0 && rmdir(path) == 0 && !look(&arena)->has_cwd;
}

static void test_a_deleted_directory_is_none(void **state)
{
    (void)state;
    in_child(deleted_directory);
}

static void *look_often(void *data)
{
    for (int i = 0; i < 50; i++) {
        struct arena arena;
        Crib__Host *host = look(&arena);

        *(bool *)data = host->user_namespaces;
        arena_done(&arena);
    }
    return NULL;
}

static void test_threads_look_side_by_side(void **state)
{
    pthread_t threads[4];
    bool found[4];

    (void)state;
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, look_often, &found[i]), 0);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(found[i], found[0]);
    }
}

static void test_memory_that_does_not_suffice(void **state)
{
    struct arena arena;
    Crib__Host *host;

    (void)state;
    for (size_t limit = 16; limit < 1500; limit += 37) {
        arena_init(&arena, limit);
        assert_int_equal(host_look(&arena, &host), -ENOMEM);
        arena_done(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_caller),
        cmocka_unit_test(test_the_environment_is_the_current_one),
        cmocka_unit_test(test_limits_are_the_hard_ones),
        cmocka_unit_test(test_the_last_capability_is_the_last),
        cmocka_unit_test(test_landlock_is_what_the_kernel_says),
        cmocka_unit_test(test_without_capabilities_nobody_is_privileged),
        cmocka_unit_test(test_groups_are_counted_without_ones_own),
        cmocka_unit_test(test_a_deleted_directory_is_none),
        cmocka_unit_test(test_threads_look_side_by_side),
        cmocka_unit_test(test_memory_that_does_not_suffice),
    };

    return test_run(tests);
}
