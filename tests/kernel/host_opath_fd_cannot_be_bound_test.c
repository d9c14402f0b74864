/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: in a new mount namespace an O_PATH fd from outside cannot be bound: not by open_tree,
 * not through /proc/self/fd, not by fchdir. The same path, opened inside, can.
 * Source: open_tree(2), mount(2)
 * crib: bind sources come to init as detached trees, or are opened again inside and compared
 * with the fd that was checked.
 */
#include <sys/mount.h>
#include <sys/stat.h>

#include "apart.h"

static int body(void *arg)
{
    char link[64];
    int fd;

    (void)arg;
    fd = open("/usr", O_PATH | O_CLOEXEC);
    CHECK(fd >= 0);
    CHECK(enter_new(CLONE_NEWNS) == 0);
    CHECK_FAILS(open_tree(fd, "", OPEN_TREE_CLONE | AT_EMPTY_PATH | AT_RECURSIVE), EINVAL);
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    CHECK_FAILS(mount(link, "/tmp", NULL, MS_BIND | MS_REC, NULL), EINVAL);
    CHECK(fchdir(fd) == 0);
    CHECK_FAILS(mount(".", "/tmp", NULL, MS_BIND | MS_REC, NULL), EINVAL);
    CHECK(mount("/usr", "/tmp", NULL, MS_BIND | MS_REC, NULL) == 0);
    return 0;
}

static void test_by_none_of_three_ways(void **state)
{
    (void)state;
    need_user_namespaces();
    assert_int_equal(apart_both(body, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_none_of_three_ways),
    };

    return test_run(tests);
}
