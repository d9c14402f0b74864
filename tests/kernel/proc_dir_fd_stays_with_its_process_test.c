/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: a directory fd of /proc/PID goes on meaning that process: once it is reaped, opening
 * anything through it fails, whoever gets the number next.
 * Source: proc(5)
 * crib: id maps are written through such an fd, checked against the pidfd, so they never hit
 * another process.
 */
#include "apart.h"

static int nothing(void *arg)
{
    (void)arg;
    return 0;
}

static void test_no_other_process_is_reached_by_it(void **state)
{
    pid_t pid = apart_start(nothing, NULL);
    char path[64];
    int dir, file;

    (void)state;
    snprintf(path, sizeof(path), "/proc/%d", (int)pid);
    dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert_true(dir >= 0);
    file = openat(dir, "status", O_RDONLY | O_CLOEXEC);
    assert_true(file >= 0);
    close(file);
    assert_int_equal(apart_end(pid), 0);
    assert_int_equal(openat(dir, "uid_map", O_WRONLY | O_CLOEXEC), -1);
    assert_int_equal(errno, ESRCH);
    close(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_other_process_is_reached_by_it),
    };

    return test_run(tests);
}
