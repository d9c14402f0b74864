/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: who writes the gid map without privilege must first deny setgroups; from then on the
 * supplementary groups stay, and still open the files of the host.
 * Source: user_namespaces(7)
 * crib: where groups cannot be cleared, plan and receipt say `groups: kept N`, and `groups:
 * required` refuses.
 */
#include <sys/mman.h>
#include <sys/stat.h>

#include "apart.h"

static int map_without_deny(void *arg)
{
    char text[64];

    (void)arg;
    snprintf(text, sizeof(text), "%u %u 1", getegid(), getegid());
    CHECK(unshare(CLONE_NEWUSER) == 0);
    CHECK_FAILS(write_text("/proc/self/gid_map", text), EPERM);
    return 0;
}

static void test_the_gid_map_needs_it_denied(void **state)
{
    (void)state;
    need_user_namespaces();
    assert_int_equal(apart_ordinary(map_without_deny, NULL), 0);
}

static int clear_groups(void *arg)
{
    int before = getgroups(0, NULL);

    (void)arg;
    CHECK(enter_new(0) == 0);
    CHECK_FAILS(setgroups(0, NULL), EPERM);
    CHECK(getgroups(0, NULL) == before);
    return 0;
}

static void test_groups_cannot_be_cleared(void **state)
{
    (void)state;
    need_user_namespaces();
    assert_int_equal(apart_ordinary(clear_groups, NULL), 0);
}

/* @arg: a path that only a supplementary group may open. */
static int open_by_group(void *arg)
{
    CHECK(enter_new(0) == 0);
    CHECK(open(arg, O_RDONLY | O_CLOEXEC) >= 0);
    return 0;
}

static void test_kept_groups_still_open_files(void **state)
{
    int file = memfd_create("group", MFD_CLOEXEC);
    char path[64];

    (void)state;
    need_user_namespaces();
    snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
    /* Only root can make a file that its own group opens and it itself does not. */
    if (geteuid() == 0)
        assert_int_equal(fchown(file, 0, 2), 0);
    assert_int_equal(fchmod(file, geteuid() == 0 ? 0040 : 0440), 0);
    assert_int_equal(apart_ordinary(open_by_group, path), 0);
    close(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_gid_map_needs_it_denied),
        cmocka_unit_test(test_groups_cannot_be_cleared),
        cmocka_unit_test(test_kept_groups_still_open_files),
    };

    return test_run(tests);
}
