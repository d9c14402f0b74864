/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: a call that a filter answers by notification fails with ENOSYS where there is no
 * listener: none was made, or it is closed.
 * Source: seccomp_unotify(2), seccomp(2) SECCOMP_RET_USER_NOTIF
 * crib: a filter with notifications is only loaded with its listener, never as the fallback.
 */
#include "apart.h"
#include "filter.h"

static int never_made(void *arg)
{
    (void)arg;
    CHECK(filter_one(SYS_getppid, SECCOMP_RET_USER_NOTIF, 0) == 0);
    CHECK_FAILS(syscall(SYS_getppid), ENOSYS);
    return 0;
}

static int closed(void *arg)
{
    int listener = filter_listen(SYS_getppid);

    (void)arg;
    CHECK(listener >= 0);
    close(listener);
    CHECK_FAILS(syscall(SYS_getppid), ENOSYS);
    return 0;
}

static void test_no_listener_no_call(void **state)
{
    (void)state;
    assert_int_equal(apart_both(never_made, NULL), 0);
    assert_int_equal(apart_both(closed, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_listener_no_call),
    };

    return test_run(tests);
}
