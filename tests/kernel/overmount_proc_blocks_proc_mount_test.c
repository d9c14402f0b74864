/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: where anything is mounted over a part of /proc, a user namespace below cannot mount a
 * proc of its own, not with subset=pid either: that would uncover what is covered.
 * Source: mount_namespaces(7), proc(5); mount_too_revealing() of the kernel
 * crib: nothing is ever mounted over /proc, and doctor names the mount that is in the way.
 */
#include <sys/mount.h>
#include <sys/stat.h>

#include "apart.h"

static int mount_proc(void *arg)
{
    CHECK(mount("proc", "/tmp", "proc", 0, arg) == 0);
    return 0;
}

static int proc_refused(void *arg)
{
    CHECK_FAILS(mount("proc", "/tmp", "proc", 0, arg), EPERM);
    return 0;
}

struct attempt {
    apart_body *body;
    char *options;
};

static int in_new_pid_namespace(void *arg)
{
    const struct attempt *attempt = arg;

    CHECK(enter_new(CLONE_NEWNS | CLONE_NEWPID) == 0);
    return apart(attempt->body, attempt->options);
}

static int body(void *arg)
{
    struct attempt good = {mount_proc, NULL}, bad = {proc_refused, NULL},
                   subset = {proc_refused, (char *)"subset=pid"};

    (void)arg;
    CHECK(enter_new(CLONE_NEWNS) == 0);
    CHECK(apart(in_new_pid_namespace, &good) == 0);
    CHECK(mount("none", "/proc/sys", "tmpfs", 0, NULL) == 0);
    CHECK(apart(in_new_pid_namespace, &bad) == 0);
    CHECK(apart(in_new_pid_namespace, &subset) == 0);
    return 0;
}

static void test_a_covered_proc_is_the_last(void **state)
{
    (void)state;
    need_user_namespaces();
    assert_int_equal(apart_both(body, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_covered_proc_is_the_last),
    };

    return test_run(tests);
}
