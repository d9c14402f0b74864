/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: the Landlock ABI is told by the call itself, to anyone, without no_new_privs: a
 * number from 1 on, or ENOSYS or EOPNOTSUPP where there is none.
 * Source: landlock_create_ruleset(2)
 * crib: host/ asks the kernel and never derives it from a version; `landlock: preferred` runs
 * without.
 */
#include <linux/landlock.h>

#include "apart.h"

static int body(void *arg)
{
    struct landlock_ruleset_attr attr = {.handled_access_fs = LANDLOCK_ACCESS_FS_EXECUTE};
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    long ruleset;

    (void)arg;
    if (abi < 0) {
        CHECK(errno == ENOSYS || errno == EOPNOTSUPP);
        return 0;
    }
    CHECK(abi >= 1);
    CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0);
    ruleset = syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
    CHECK(ruleset >= 0);
    return 0;
}

static void test_it_tells_itself(void **state)
{
    (void)state;
    assert_int_equal(apart_ordinary(body, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_tells_itself),
    };

    return test_run(tests);
}
