/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: a new mount namespace begins with a copy of every mount of the old one.
 * Source: mount_namespaces(7)
 * crib: what a start costs grows with the mounts of the host; so init leaves them behind with
 * its first pivot_root, and prepared sandboxes pay beforehand.
 */
#include "apart.h"

static int count_mounts(void)
{
    FILE *file = fopen("/proc/self/mountinfo", "re");
    int n = 0, c;

    while (file && (c = getc(file)) != EOF)
        n += c == '\n';
    if (file)
        fclose(file);
    return n;
}

static int body(void *arg)
{
    int before = count_mounts();

    (void)arg;
    CHECK(before > 0);
    CHECK(enter_new(CLONE_NEWNS) == 0);
    CHECK(count_mounts() == before);
    return 0;
}

static void test_none_is_left_out(void **state)
{
    (void)state;
    need_user_namespaces();
    assert_int_equal(apart_both(body, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_none_is_left_out),
    };

    return test_run(tests);
}
