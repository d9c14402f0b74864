/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: a detached tree can be attached in a mount namespace made later, by a process in the
 * same user namespace and by one in a child user namespace.
 * Source: move_mount(2), open_tree(2)
 * crib: a privileged caller makes the trees of all binds and sends them to init; a keeper may
 * do so for ordinary callers.
 */
#include <sys/mount.h>
#include <sys/stat.h>

#include "apart.h"

struct scene {
    int tree;
    int user; /* in a user namespace of its own */
};

static int attach(void *arg)
{
    const struct scene *scene = arg;
    struct stat bin;

    CHECK((scene->user ? enter_new(CLONE_NEWNS) : unshare(CLONE_NEWNS)) == 0);
    CHECK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
    CHECK(move_mount(scene->tree, "", AT_FDCWD, "/tmp", MOVE_MOUNT_F_EMPTY_PATH) == 0);
    CHECK(stat("/tmp/bin/sh", &bin) == 0);
    return 0;
}

static int body(void *arg)
{
    struct scene scene = {.user = *(int *)arg};

    CHECK(enter_new(CLONE_NEWNS) == 0);
    scene.tree = open_tree(AT_FDCWD, "/usr", OPEN_TREE_CLONE | AT_RECURSIVE | OPEN_TREE_CLOEXEC);
    CHECK(scene.tree >= 0);
    return apart(attach, &scene);
}

static void test_within_one_user_namespace(void **state)
{
    int user = 0;

    (void)state;
    need_user_namespaces();
    assert_int_equal(apart_both(body, &user), 0);
}

static void test_into_a_child_user_namespace(void **state)
{
    int user = 1;

    (void)state;
    need_user_namespaces();
    assert_int_equal(apart_both(body, &user), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_within_one_user_namespace),
        cmocka_unit_test(test_into_a_child_user_namespace),
    };

    return test_run(tests);
}
