/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: a detached tree cannot be cloned again by a process in another mount namespace.
 * Source: open_tree(2)
 * crib: one tree serves one task: trees are made anew for each start, not kept.
 */
#include <sys/mount.h>
#include <sys/stat.h>

#include "apart.h"

static int clone_again(void *arg)
{
    CHECK(unshare(CLONE_NEWNS) == 0);
    CHECK_FAILS(open_tree(*(int *)arg, "", OPEN_TREE_CLONE | AT_EMPTY_PATH | AT_RECURSIVE), EINVAL);
    return 0;
}

static int body(void *arg)
{
    int tree;

    (void)arg;
    CHECK(enter_new(CLONE_NEWNS) == 0);
    tree = open_tree(AT_FDCWD, "/usr", OPEN_TREE_CLONE | AT_RECURSIVE | OPEN_TREE_CLOEXEC);
    CHECK(tree >= 0);
    return apart(clone_again, &tree);
}

static void test_not_from_another_mount_namespace(void **state)
{
    (void)state;
    need_user_namespaces();
    assert_int_equal(apart_both(body, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_not_from_another_mount_namespace),
    };

    return test_run(tests);
}
