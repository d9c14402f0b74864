/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: a process that has a filter with a listener cannot get a second one; a filter without
 * a listener it still can.
 * Source: seccomp(2) SECCOMP_FILTER_FLAG_NEW_LISTENER
 * crib: inside another crib the plan falls back to a filter with plain errnos, and the receipt
 * says that there are no reasons.
 */
#include "apart.h"
#include "filter.h"

static int body(void *arg)
{
    (void)arg;
    CHECK(filter_listen(SYS_getppid) >= 0);
    CHECK_FAILS(filter_listen(SYS_getpgrp), EBUSY);
    CHECK(filter_one(SYS_getpgrp, SECCOMP_RET_ERRNO | EPERM, 0) == 0);
    CHECK_FAILS(syscall(SYS_getpgrp), EPERM);
    return 0;
}

static void test_one_is_all_there_is(void **state)
{
    (void)state;
    assert_int_equal(apart_both(body, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_is_all_there_is),
    };

    return test_run(tests);
}
