/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: the init of a pid namespace cannot make siblings with CLONE_PARENT.
 * Source: clone(2)
 * crib: the task is init's child, never the caller's; the public pid is init's.
 */
#include "apart.h"

static int as_init(void *arg)
{
    long pid;

    (void)arg;
    CHECK(getpid() == 1);
    pid = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
    if (pid == 0)
        _exit(0);
    CHECK(pid == -1 && errno == EINVAL);
    return 0;
}

static int body(void *arg)
{
    CHECK(enter_new(CLONE_NEWPID) == 0);
    return apart(as_init, arg);
}

static void test_init_has_no_siblings(void **state)
{
    (void)state;
    need_user_namespaces();
    assert_int_equal(apart_both(body, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_init_has_no_siblings),
    };

    return test_run(tests);
}
