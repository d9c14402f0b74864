/* SPDX-License-Identifier: Apache-2.0 */
/* Limits as planned, on the task and what it starts; crashes leave nothing; what cannot be held is
 * refused. */
#include "sandbox/sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static void test_values_are_as_planned(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.rules =
        "extends: [default]\n"
        "limits: {open_files: 40, file_size: 1M, stack: 4M, address_space: 1G, cpu_time: 7s,\n"
        "         locked_memory: 0, preferred: [cpu_time]}\n";
    sandbox_expect(&box, "limits", 0);
    sandbox_says(box.out, "nofile", "40 40");
    sandbox_says(box.out, "fsize", "1048576 1048576");
    sandbox_says(box.out, "stack", "4194304 4194304");
    sandbox_says(box.out, "as", "1073741824 1073741824");
    test_contains(sandbox_line(box.out, "cpu"), "8 ");
    sandbox_says(box.out, "memlock", "0 0");
    sandbox_says(box.out, "core", "1 1");
    sandbox_done(&box);
}

/* But `open`, which says so itself. */
static void test_no_policy_writes_cores(void **state)
{
    (void)state;
    for (const char *const *name = sandbox_policies(); *name; name++) {
        char *out = sandbox_output(*name, "limits");

        if (strcmp(*name, "open") != 0)
            sandbox_says(out, "core", "1 1");
        free(out);
    }
}

static int entries(const char *path)
{
    DIR *dir = opendir(path);
    int count = 0;

    assert_non_null(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count - 2;
}

/* In a directory that it may write to, with the host's own core_pattern, whatever that is. */
static void test_a_crash_leaves_nothing(void **state)
{
    char *dir = test_dir();
    struct crib_bind bind = {.source = dir, .target = "/box", .write = true};
    struct sandbox box;

    (void)state;
    assert_int_equal(chmod(dir, 0777), 0);
    sandbox_init(&box);
    box.options.binds = &bind;
    box.options.bind_count = 1;
    box.options.cwd = "/box";
    sandbox_probe(&box, "crash");
    assert_int_equal(box.result.verdict, CRIB_SIGNALED);
    assert_int_equal(box.result.signal, SIGSEGV);
    assert_int_equal(entries(dir), 0);
    sandbox_probe(&box, "raise 6");
    assert_int_equal(box.result.verdict, CRIB_SIGNALED);
    assert_int_equal(box.result.signal, SIGABRT);
    assert_int_equal(entries(dir), 0);
    sandbox_done(&box);
    free(dir);
}

static void test_file_size_is_held(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.rules = "extends: [default]\nlimits: {file_size: 1M}\n";
    sandbox_probe(&box, "fill /tmp/x 2000000");
    assert_int_equal(box.result.verdict, CRIB_SIGNALED);
    assert_int_equal(box.result.signal, SIGXFSZ);
    sandbox_probe(&box, "ignore 25 , fill /tmp/x 2000000");
    sandbox_says(box.out, "fill", "EFBIG");
    sandbox_says(box.out, "wrote", "1048576");
    sandbox_done(&box);
}

static void test_open_files_are_held(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.rules = "extends: [default]\nlimits: {open_files: 20}\n";
    sandbox_expect(&box, "openmany 100", 0);
    sandbox_says(box.out, "opened", "17 EMFILE");
    sandbox_done(&box);
}

static void test_address_space_and_stack_are_held(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.rules = "extends: [default]\nlimits: {address_space: 256M, stack: 1M}\n";
    sandbox_probe(&box, "hog 512");
    sandbox_says(box.out, "hog", "ENOMEM");
    sandbox_probe(&box, "stack 4096");
    assert_int_equal(box.result.verdict, CRIB_SIGNALED);
    assert_int_equal(box.result.signal, SIGSEGV);
    sandbox_done(&box);
}

/* By the clock of the whole task, also where it is only looked at now and then. */
static void test_processor_time_is_held(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.rules = "extends: [default]\nlimits: {cpu_time: 500ms, preferred: [cpu_time]}\n";
    sandbox_probe(&box, "busy 10000");
    assert_int_equal(box.result.verdict, CRIB_CPU_TIMEOUT);
    assert_string_equal(box.result.limit, "cpu_time");
    assert_in_range(box.result.wall_us, 400000, 20000000);
    sandbox_done(&box);
}

static void test_wall_time_is_held(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.rules = "extends: [default]\nlimits: {wall_time: 200ms}\n";
    sandbox_probe(&box, "sleep 60000");
    assert_int_equal(box.result.verdict, CRIB_WALL_TIMEOUT);
    assert_in_range(box.result.wall_us, 150000, 5000000);
    sandbox_done(&box);
}

/* Raising them again is for those who may; the task may not. */
static void test_they_cannot_be_raised(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.rules =
        "extends: [default]\nlimits: {open_files: 20}\nsyscalls: {allow: [prlimit64, setrlimit]}\n";
    /* prlimit64(0, RLIMIT_NOFILE, a pointer that is none, …) fails on the pointer: no limit
     * changes. */
    sandbox_probe(&box, "syscall 302 0 7 -1 0 , limits");
    sandbox_says(box.out, "nofile", "20 20");
    sandbox_done(&box);
}

static void refused(const char *limits, const char *part)
{
    char rules[512], text[1024];
    struct sandbox box;

    snprintf(rules, sizeof(rules), "extends: [default]\nlimits: %s\n", limits);
    sandbox_init(&box);
    box.rules = rules;
    sandbox_probe(&box, "echo ran");
    if (!box.error.code)
        fail_msg("accepted: %s", limits);
    assert_false(box.spawned);
    test_contains(crib_error_text(&box.error, text, sizeof(text)), part);
    sandbox_done(&box);
}

static void test_what_cannot_be_held_is_refused(void **state)
{
    (void)state;
    refused("{memory: 100}", "memory");
    refused("{pids: 0}", "0 would end every task");
    refused("{open_files: 0}", "open_files");
    refused("{wall_time: 0}", "wall_time");
}

/* A limit of the caller's that is lower stays: a task never gets more than its caller has. */
static void test_the_callers_own_limits_stay(void **state)
{
    struct rlimit was, low;
    struct sandbox box;

    (void)state;
    getrlimit(RLIMIT_NOFILE, &was);
    low = was;
    low.rlim_cur = 100;
    setrlimit(RLIMIT_NOFILE, &low);
    sandbox_init(&box);
    sandbox_expect(&box, "limits", 0);
    setrlimit(RLIMIT_NOFILE, &was);
    assert_true(strtoull(strchr(sandbox_line(box.out, "nofile"), ' '), NULL, 10) <= was.rlim_max);
    sandbox_done(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_are_as_planned),
        cmocka_unit_test(test_no_policy_writes_cores),
        cmocka_unit_test(test_a_crash_leaves_nothing),
        cmocka_unit_test(test_file_size_is_held),
        cmocka_unit_test(test_open_files_are_held),
        cmocka_unit_test(test_address_space_and_stack_are_held),
        cmocka_unit_test(test_processor_time_is_held),
        cmocka_unit_test(test_wall_time_is_held),
        cmocka_unit_test(test_they_cannot_be_raised),
        cmocka_unit_test(test_what_cannot_be_held_is_refused),
        cmocka_unit_test(test_the_callers_own_limits_stay),
    };

    return sandbox_test_run(tests);
}
