/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: where one filter answers with an errno and another by notification, the errno wins
 * and the listener hears nothing, whichever was loaded first.
 * Source: seccomp(2), order of the return values
 * crib: a call refused by a container's own filter around crib has no event; the split filter
 * keeps all its refusals in the listener's program.
 */
#include <poll.h>

#include "apart.h"
#include "filter.h"

static int body(void *arg)
{
    struct pollfd listener = {.events = POLLIN};
    int errno_first = *(int *)arg;

    if (errno_first)
        CHECK(filter_one(SYS_getppid, SECCOMP_RET_ERRNO | EXDEV, 0) == 0);
    listener.fd = filter_listen(SYS_getppid);
    CHECK(listener.fd >= 0);
    if (!errno_first)
        CHECK(filter_one(SYS_getppid, SECCOMP_RET_ERRNO | EXDEV, 0) == 0);
    CHECK_FAILS(syscall(SYS_getppid), EXDEV);
    CHECK(poll(&listener, 1, 0) == 0);
    return 0;
}

static void test_in_either_order(void **state)
{
    (void)state;
    for (int errno_first = 0; errno_first < 2; errno_first++)
        assert_int_equal(apart_both(body, &errno_first), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_either_order),
    };

    return test_run(tests);
}
