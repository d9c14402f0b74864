/* SPDX-License-Identifier: Apache-2.0 */
/* Where the task starts: inside, always; and a missing directory is not a missing program. */
#include "sandbox/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void test_the_default_is_tmp(void **state)
{
    char *out = sandbox_output(NULL, "cwd");

    (void)state;
    assert_string_equal(out, "/tmp\n");
    free(out);
}

static void test_as_asked(void **state)
{
    static const struct {
        const char *asked, *is;
    } rows[] = {
        {"/", "/\n"},           {"/usr", "/usr\n"},
        {"/usr/", "/usr\n"},    {"/usr/../tmp", "/tmp\n"},
        {"/bin", "/usr/bin\n"}, {"/proc", "/proc\n"},
    };
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        box.options.cwd = rows[i].asked;
        sandbox_expect(&box, "cwd", 0);
        assert_string_equal(box.out, rows[i].is);
    }
    sandbox_done(&box);
}

static void fails(const char *cwd, int code)
{
    struct sandbox box;
    char text[1024];

    sandbox_init(&box);
    box.options.cwd = cwd;
    sandbox_probe(&box, "cwd");
    if (!box.error.code)
        fail_msg("cwd %s: accepted, %s", cwd, box.out);
    if (code && box.error.code != code)
        fail_msg("cwd %s: %s", cwd, crib_error_text(&box.error, text, sizeof(text)));
    assert_string_equal(box.error.step, "cwd");
    test_contains(crib_error_text(&box.error, text, sizeof(text)), cwd);
    assert_false(box.spawned);
    assert_string_equal(box.out, "");
    sandbox_done(&box);
}

static void test_a_missing_one_is_named(void **state)
{
    char *dir = test_dir();

    (void)state;
    fails("/nonexistent/dir", -ENOENT);
    fails("/etc/ld.so.cache", -ENOTDIR);
    fails(dir, -ENOENT); /* it is there on the host, not inside */
    free(dir);
}

static void test_a_missing_program_is_another_error(void **state)
{
    struct sandbox box;
    char text[1024];

    (void)state;
    sandbox_init(&box);
    sandbox_run(&box, "/nonexistent/program", NULL);
    assert_int_equal(box.error.code, -ENOENT);
    assert_true(strcmp(box.error.step, "cwd") != 0);
    test_contains(crib_error_text(&box.error, text, sizeof(text)), "/nonexistent/program");
    sandbox_run(&box, "no-such-program-anywhere", NULL);
    assert_int_equal(box.error.code, -ENOENT);
    assert_true(strcmp(box.error.step, "cwd") != 0);
    test_contains(crib_error_text(&box.error, text, sizeof(text)), "no-such-program-anywhere");
    sandbox_done(&box);
}

/* CVE-2024-21626: a directory that the runtime happens to have open. */
static void test_no_way_through_descriptors(void **state)
{
    int dirs[40];

    (void)state;
    for (int i = 0; i < 40; i++) {
        dirs[i] = open("/", O_PATH | O_DIRECTORY);
        assert_true(dirs[i] >= 0);
    }
    for (int fd = 0; fd <= 60; fd++) {
        char cwd[64];

        snprintf(cwd, sizeof(cwd), "/proc/self/fd/%d", fd);
        fails(cwd, 0);
    }
    fails("/proc/self/fd/7/../..", 0);
    fails("/proc/thread-self/fd/7", 0);
    fails("/proc/1/fd/7", 0);
    fails("/proc/1/root", 0);
    fails("/proc/1/cwd", 0);
    fails("/proc/self/root", 0);
    fails("/proc/self/cwd", 0);
    fails("/dev/fd/3", 0);
    for (int i = 0; i < 40; i++)
        close(dirs[i]);
}

static void test_odd_ones_are_refused(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.options.cwd = "tmp";
    sandbox_probe(&box, "cwd");
    assert_true(box.error.code < 0);
    assert_false(box.spawned);
    box.options.cwd = "";
    sandbox_probe(&box, "cwd");
    assert_true(box.error.code < 0);
    assert_false(box.spawned);
    sandbox_done(&box);
}

/* The task-chosen directory never changes what is granted. */
static void test_it_grants_nothing(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.options.cwd = "/usr/lib";
    sandbox_expect(&box, "open create x ../x /usr/x , cwd", 0);
    assert_null(strstr(box.out, " ok"));
    sandbox_done(&box);
}

/* The caller's own directory is not visible, and its removal is nobody's trouble. */
static void test_the_callers_directory_does_not_matter(void **state)
{
    char *dir = test_dir(), was[4096], sub[512], verbs[600];
    struct sandbox box;

    (void)state;
    assert_non_null(getcwd(was, sizeof(was)));
    snprintf(sub, sizeof(sub), "%s/gone", dir);
    assert_int_equal(mkdir(sub, 0755), 0);
    assert_int_equal(chdir(sub), 0);
    sandbox_init(&box);
    snprintf(verbs, sizeof(verbs), "open r %s , cwd", sub);
    sandbox_expect(&box, verbs, 0);
    sandbox_says(box.out, sub, "ENOENT");
    assert_int_equal(rmdir(sub), 0);
    sandbox_expect(&box, "cwd", 0);
    assert_string_equal(box.out, "/tmp\n");
    assert_int_equal(chdir(was), 0);
    sandbox_done(&box);
    free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_default_is_tmp),
        cmocka_unit_test(test_as_asked),
        cmocka_unit_test(test_a_missing_one_is_named),
        cmocka_unit_test(test_a_missing_program_is_another_error),
        cmocka_unit_test(test_no_way_through_descriptors),
        cmocka_unit_test(test_odd_ones_are_refused),
        cmocka_unit_test(test_it_grants_nothing),
        cmocka_unit_test(test_the_callers_directory_does_not_matter),
    };

    return sandbox_test_run(tests);
}
