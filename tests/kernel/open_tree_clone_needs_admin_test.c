/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: who has no CAP_SYS_ADMIN over the mount namespace cannot clone a tree of it.
 * Source: open_tree(2)
 * crib: an ordinary caller cannot make detached trees for init; init opens the paths again.
 */
#include <sys/mount.h>
#include <sys/stat.h>

#include "apart.h"

static int body(void *arg)
{
    (void)arg;
    CHECK_FAILS(open_tree(AT_FDCWD, "/usr", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC), EPERM);
    return 0;
}

static void test_an_ordinary_caller_is_refused(void **state)
{
    (void)state;
    assert_int_equal(apart_ordinary(body, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_ordinary_caller_is_refused),
    };

    return test_run(tests);
}
