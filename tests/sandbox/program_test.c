/* SPDX-License-Identifier: Apache-2.0 */
/* Finding and starting the program: every kind that works, and each failure under its own name. */
#include "sandbox/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *make(const char *name, const char *text, unsigned mode)
{
    char *dir = test_dir(), *path = NULL;

    assert_int_equal(chmod(dir, 0755), 0);
    assert_true(asprintf(&path, "%s/%s", dir, name) > 0);
    test_write(path, text, strlen(text), mode);
    free(dir);
    return path;
}

static void runs(const char *file, const char *const *args, const char *out)
{
    struct sandbox box;
    char text[1024];

    sandbox_init(&box);
    sandbox_run(&box, file, args);
    if (box.error.code)
        fail_msg("%s: %s", file, crib_error_text(&box.error, text, sizeof(text)));
    if (strcmp(box.out, out) != 0)
        fail_msg("%s: status %d, %s%s", file, box.result.status, box.out, box.err);
    sandbox_done(&box);
}

static void fails(const char *file, int code, const char *part)
{
    struct sandbox box;
    char text[1024];

    sandbox_init(&box);
    sandbox_run(&box, file, NULL);
    crib_error_text(&box.error, text, sizeof(text));
    if (box.error.code != code)
        fail_msg("%s: %d and not %d: %s", file, box.error.code, code, text);
    test_contains(text, part);
    assert_false(box.spawned);
    assert_string_equal(box.out, "");
    sandbox_done(&box);
}

static void test_every_kind_runs(void **state)
{
    const char *const args[] = {"echo", "a", "b", NULL}, *const words[] = {"one", "two words",
                                                                           NULL};
    char *script = make("script", "#!/bin/sh\necho \"$# $1 $2\"\n", 0755);
    char *optioned = make("optioned", "#!/bin/sh -e\nfalse\necho not reached\n", 0755);

    (void)state;
    runs(sandbox_probe_path(), args, "a b\n");
    runs(sandbox_dynamic_path(), args, "a b\n");
    runs("/usr/bin/echo", words, "one two words\n");
    runs("/bin/echo", words, "one two words\n");
    runs("echo", words, "one two words\n");
    runs(script, words, "2 one two words\n");
    runs(optioned, NULL, "");
    free(script);
    free(optioned);
}

static void test_relative_paths_are_the_callers(void **state)
{
    char *script = make("here", "#!/bin/sh\necho here\n", 0755), was[4096], *slash;

    (void)state;
    assert_non_null(getcwd(was, sizeof(was)));
    slash = strrchr(script, '/');
    *slash = '\0';
    assert_int_equal(chdir(script), 0);
    runs("./here", NULL, "here\n");
    runs(".././/../../../../../../..//usr/bin/true/../true", NULL, "");
    fails("here", -ENOENT, "here"); /* the current directory is not searched */
    assert_int_equal(chdir(was), 0);
    *slash = '/';
    free(script);
}

static void test_a_symlink_leads_to_its_end(void **state)
{
    char *script = make("end", "#!/bin/sh\necho \"$0\"\n", 0755), link[512], want[600];

    (void)state;
    snprintf(link, sizeof(link), "%s-link", script);
    assert_int_equal(symlink(script, link), 0);
    snprintf(want, sizeof(want), "%s\n", link);
    runs(link, NULL, want);
    free(script);
}

static void test_the_tasks_path_is_searched(void **state)
{
    const char *const env[] = {"PATH=/nonexistent:/usr/share:/usr/bin", NULL};
    const char *const elsewhere[] = {"PATH=/nonexistent", NULL}, *const none[] = {NULL};
    const char *const words[] = {"x", NULL};
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.options.env = env;
    sandbox_run(&box, "echo", words);
    assert_string_equal(box.out, "x\n");
    box.options.env = none;
    sandbox_run(&box, "echo", words);
    assert_string_equal(box.out, "x\n");
    box.options.env = elsewhere;
    sandbox_run(&box, "echo", words);
    assert_int_equal(box.error.code, -ENOENT);
    sandbox_done(&box);
}

static void test_argv0_is_what_was_said(void **state)
{
    const char *const args[] = {"argv0", NULL};
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.options.argv0 = "--bind";
    sandbox_run(&box, sandbox_probe_path(), args);
    assert_string_equal(box.out, "--bind\n");
    box.options.argv0 = NULL;
    sandbox_run(&box, sandbox_probe_path(), args);
    test_contains(box.out, sandbox_probe_path());
    sandbox_done(&box);
}

static void test_each_failure_has_its_name(void **state)
{
    char *plain = make("plain", "#!/bin/sh\necho ran\n", 0644);
    char *no_interpreter = make("broken", "#!/nonexistent/interpreter\n", 0755);
    char *no_format = make("data", "\x01\x02\x03 what is this\n", 0755);
    char *empty = make("empty", "", 0755);
    char *dir = test_dir(), fifo[512];

    (void)state;
    fails("/nonexistent/program", -ENOENT, "/nonexistent/program");
    fails("no-such-name", -ENOENT, "no-such-name");
    fails(plain, -EACCES, plain);
    fails(dir, -EISDIR, dir);
    fails("/usr/bin", -EISDIR, "/usr/bin");
    fails(no_interpreter, -ENOENT, "interpreter");
    fails(no_format, -ENOEXEC, no_format);
    fails(empty, -ENOEXEC, empty);
    fails("/usr/bin/true/x", -ENOTDIR, "/usr/bin/true/x");
    snprintf(fifo, sizeof(fifo), "%s/fifo", dir);
    assert_int_equal(mkfifo(fifo, 0777), 0);
    fails(fifo, -EACCES, fifo);
    fails("/dev/null", -EACCES, "/dev/null");
    free(plain);
    free(no_interpreter);
    free(no_format);
    free(empty);
    free(dir);
}

/* What only root may execute, a task of root's may not: it is not root. */
static void test_roots_own_program_is_refused(void **state)
{
    char *script = make("mine", "#!/bin/sh\necho ran\n", 0700);

    (void)state;
    if (sandbox_privileged())
        fails(script, -EACCES, script);
    else
        runs(script, NULL, "ran\n");
    free(script);
}

/* Setuid root, and the caller is root: the id stays what it was. */
static void test_a_setuid_program_stays_who_it_is(void **state)
{
    char *probe = sandbox_public_probe(), want[64];
    const char *const args[] = {"ids", ",", "caps", NULL};
    struct sandbox box;

    (void)state;
    assert_int_equal(chmod(probe, 06755), 0);
    sandbox_init(&box);
    sandbox_run(&box, probe, args);
    snprintf(want, sizeof(want), "%u %u %u", sandbox_task_uid(), sandbox_task_uid(),
             sandbox_task_uid());
    sandbox_says(box.out, "uid", want);
    sandbox_says(box.out, "CapEff", "0000000000000000");
    /* Nor one of the host's. */
    if (access("/usr/bin/su", X_OK) == 0) {
        const char *const shell[] = {
            "-c", "/usr/bin/su -c id 2>&1; /usr/bin/chsh -s /bin/sh 2>&1; id -u", NULL};

        sandbox_run(&box, "/bin/sh", shell);
        assert_null(strstr(box.out, "uid=0"));
    }
    sandbox_done(&box);
    free(probe);
}

/* Shown is the program alone, read-only, at its own path; not its directory. */
static void test_only_the_program_is_shown(void **state)
{
    char *script = make(
        "shown", "#!/bin/sh\nls \"${0%/*}\"; (: >>\"$0\") 2>/dev/null || echo refused\n", 0755);
    char *beside = strdup(script);
    struct sandbox box;

    (void)state;
    memcpy(strrchr(beside, '/'), "/x", 3);
    test_write(beside, "beside", 6, 0644);
    sandbox_init(&box);
    sandbox_run(&box, script, NULL);
    assert_string_equal(box.out, "shown\nrefused\n");
    sandbox_done(&box);
    free(script);
    free(beside);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind_runs),
        cmocka_unit_test(test_relative_paths_are_the_callers),
        cmocka_unit_test(test_a_symlink_leads_to_its_end),
        cmocka_unit_test(test_the_tasks_path_is_searched),
        cmocka_unit_test(test_argv0_is_what_was_said),
        cmocka_unit_test(test_each_failure_has_its_name),
        cmocka_unit_test(test_roots_own_program_is_refused),
        cmocka_unit_test(test_a_setuid_program_stays_who_it_is),
        cmocka_unit_test(test_only_the_program_is_shown),
    };

    return sandbox_test_run(tests);
}
