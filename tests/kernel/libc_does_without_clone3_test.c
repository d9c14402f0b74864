/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: where clone3 is not known (ENOSYS), the C library makes threads and processes with
 * clone; where it is refused (EPERM), it does not.
 * Source: clone(2); nptl of glibc
 * crib: clone3 and all unknown calls get ENOSYS, not EPERM: its arguments lie in memory, where
 * no filter can read them.
 */
#include <pthread.h>
#include <spawn.h>

#include "apart.h"
#include "filter.h"

static void *nothing(void *arg)
{
    return arg;
}

static int body(void *arg)
{
    static const char *const argv[] = {"true", NULL};
    pthread_t thread;
    int status = -1;
    pid_t pid;

    (void)arg;
    CHECK(filter_one(SYS_clone3, SECCOMP_RET_ERRNO | ENOSYS, 0) == 0);
    CHECK_FAILS(syscall(SYS_clone3, NULL, 0), ENOSYS);
    CHECK(pthread_create(&thread, NULL, nothing, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(posix_spawnp(&pid, "true", NULL, NULL, (char *const *)argv, environ) == 0);
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    return 0;
}

static int refused(void *arg)
{
    pthread_t thread;

    (void)arg;
    CHECK(filter_one(SYS_clone3, SECCOMP_RET_ERRNO | EPERM, 0) == 0);
    CHECK(pthread_create(&thread, NULL, nothing, NULL) == EPERM);
    return 0;
}

static void test_enosys_makes_it_fall_back(void **state)
{
    (void)state;
    assert_int_equal(apart_both(body, NULL), 0);
}

static void test_eperm_does_not(void **state)
{
    (void)state;
    assert_int_equal(apart_both(refused, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_enosys_makes_it_fall_back),
        cmocka_unit_test(test_eperm_does_not),
    };

    return test_run(tests);
}
