/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: a proc mounted with subset=pid shows processes only: no uptime, no meminfo.
 * Source: proc(5)
 * crib: it is not the default, for uptime, free and many others read those files.
 */
#include <sys/mount.h>
#include <sys/stat.h>

#include "apart.h"

static int look(void *arg)
{
    struct stat st;

    CHECK(mount("proc", "/tmp", "proc", 0, arg) == 0);
    CHECK(stat("/tmp/1/status", &st) == 0);
    if (!arg) {
        CHECK(stat("/tmp/uptime", &st) == 0 && stat("/tmp/meminfo", &st) == 0);
        return 0;
    }
    CHECK_FAILS(stat("/tmp/uptime", &st), ENOENT);
    CHECK_FAILS(stat("/tmp/meminfo", &st), ENOENT);
    return 0;
}

static int body(void *arg)
{
    CHECK(enter_new(CLONE_NEWNS | CLONE_NEWPID) == 0);
    return apart(look, arg);
}

static void test_only_processes_are_left(void **state)
{
    (void)state;
    need_user_namespaces();
    assert_int_equal(apart_both(body, NULL), 0);
    assert_int_equal(apart_both(body, (char *)"subset=pid"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_processes_are_left),
    };

    return test_run(tests);
}
