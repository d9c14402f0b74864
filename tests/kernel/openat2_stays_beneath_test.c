/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: openat2 with RESOLVE_BENEATH refuses `..`, absolute paths and symlinks that lead out
 * of the directory; with RESOLVE_IN_ROOT they stay within it.
 * Source: openat2(2)
 * crib: init resolves every target in the new root this way, whatever a bind may contain.
 */
#include <linux/openat2.h>
#include <sys/stat.h>

#include "apart.h"

static int open_how(int dir, const char *path, unsigned long long resolve)
{
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = resolve};

    return (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
}

static void test_nothing_leads_out(void **state)
{
    static const char *const out[] = {"..", "inner/../..", "/", "/etc", "absolute", "relative"};
    char *path = test_dir();
    int dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC), fd;

    (void)state;
    assert_true(dir >= 0);
    assert_int_equal(mkdirat(dir, "inner", 0700), 0);
    assert_int_equal(symlinkat("/etc", dir, "absolute"), 0);
    assert_int_equal(symlinkat("../..", dir, "relative"), 0);
    for (size_t i = 0; i < sizeof(out) / sizeof(out[0]); i++) {
        assert_int_equal(open_how(dir, out[i], RESOLVE_BENEATH), -1);
        assert_int_equal(errno, EXDEV);
    }
    fd = open_how(dir, "inner/..", RESOLVE_BENEATH);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(open_how(dir, "absolute", RESOLVE_IN_ROOT), -1);
    assert_int_equal(errno, ENOENT);
    close(dir);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_leads_out),
    };

    return test_run(tests);
}
