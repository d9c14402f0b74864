/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: in a mount namespace made together with a user namespace, a directory with mounts
 * below it can only be cloned with all of them: leaving them out would show what they cover.
 * Source: open_tree(2), mount_namespaces(7) on locked mounts
 * crib: trees are always cloned recursively.
 */
#include <sys/mount.h>
#include <sys/stat.h>

#include "apart.h"

static int body(void *arg)
{
    int tree;

    (void)arg;
    CHECK(enter_new(CLONE_NEWNS) == 0);
    CHECK_FAILS(open_tree(AT_FDCWD, "/", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC), EINVAL);
    tree = open_tree(AT_FDCWD, "/", OPEN_TREE_CLONE | AT_RECURSIVE | OPEN_TREE_CLOEXEC);
    CHECK(tree >= 0);
    return 0;
}

static void test_only_with_all_below(void **state)
{
    (void)state;
    need_user_namespaces();
    assert_int_equal(apart_both(body, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_with_all_below),
    };

    return test_run(tests);
}
