/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: mount_setattr with AT_RECURSIVE makes a detached tree read-only with every mount
 * below, and leaves the mounts it was cloned from as they were.
 * Source: mount_setattr(2)
 * crib: a bind gets its flags while it is detached, so nothing is ever visible inside with
 * more than it should have.
 */
#include <sys/mount.h>
#include <sys/stat.h>

#include "apart.h"

static int body(void *arg)
{
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV};
    int tree;

    (void)arg;
    CHECK(enter_new(CLONE_NEWNS) == 0);
    CHECK(mount("none", "/tmp", "tmpfs", 0, NULL) == 0);
    CHECK(mkdir("/tmp/below", 0700) == 0 && mount("none", "/tmp/below", "tmpfs", 0, NULL) == 0);
    tree = open_tree(AT_FDCWD, "/tmp", OPEN_TREE_CLONE | AT_RECURSIVE | OPEN_TREE_CLOEXEC);
    CHECK(tree >= 0);
    CHECK(mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)) == 0);
    CHECK(move_mount(tree, "", AT_FDCWD, "/mnt", MOVE_MOUNT_F_EMPTY_PATH) == 0);
    CHECK_FAILS(mkdir("/mnt/new", 0700), EROFS);
    CHECK_FAILS(mkdir("/mnt/below/new", 0700), EROFS);
    CHECK(mkdir("/tmp/new", 0700) == 0 && mkdir("/tmp/below/new", 0700) == 0);
    return 0;
}

static void test_read_only_to_the_bottom(void **state)
{
    (void)state;
    need_user_namespaces();
    assert_int_equal(apart_both(body, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read_only_to_the_bottom),
    };

    return test_run(tests);
}
