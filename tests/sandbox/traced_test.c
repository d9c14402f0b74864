/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that are looked at while they are let through: they do what they would do, and are told. */
#include "sandbox/sandbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* `CALL OBJECT ANSWER COUNT`, a line each. */
static void note_call(crib_task *task, const struct crib_denial *denial, void *data)
{
    struct sandbox *box = data;

    (void)task;
    buf_printf(&box->denied_buf, "%s %s %s %llu\n", denial->call, denial->object, denial->answer,
               (unsigned long long)denial->count);
}

static void note_calls(struct sandbox *box, bool start)
{
    if (start)
        box->options.on.denied = note_call;
}

static void trace(struct sandbox *box, enum crib_trace trace)
{
    sandbox_init(box);
    box->options.trace = trace;
    box->around = note_calls;
}

static unsigned times(const char *text, const char *part)
{
    unsigned n = 0;

    for (text = strstr(text, part); text; text = strstr(text + 1, part))
        n++;
    return n;
}

#define FILES                                                                                      \
    "mkdir /tmp/d , chdir /tmp/d , write f hello , cat f , stat /tmp/d/f , unlink f , "            \
    "cat /etc/shadow , open w /usr/lib/never , chdir /usr/lib , open create here , "               \
    "ls /proc/self/fd , cat /nowhere/at/all , exit 7"

/* Trace or no trace: the program sees the same. */
static void test_nothing_changes_for_the_program(void **state)
{
    static const enum crib_trace kinds[] = {CRIB_TRACE_FILES, CRIB_TRACE_ALL};
    struct sandbox plain, box;

    (void)state;
    sandbox_init(&plain);
    sandbox_probe(&plain, FILES);
    assert_int_equal(plain.result.status, 7);
    for (size_t i = 0; i < 2; i++) {
        trace(&box, kinds[i]);
        sandbox_probe(&box, FILES);
        assert_string_equal(box.out, plain.out);
        assert_int_equal(box.result.status, 7);
        sandbox_done(&box);
    }
    sandbox_done(&plain);
}

/* What the walls refuse, with where it really was; and not what goes well. */
static void test_refusals_by_files_are_told(void **state)
{
    struct sandbox box;

    (void)state;
    trace(&box, CRIB_TRACE_FILES);
    sandbox_probe(&box, FILES);
    test_contains(box.denied, " /usr/lib/here ");
    test_contains(box.denied, " /etc/shadow ");
    assert_int_equal(times(box.denied, " /tmp/d"), 0);
    assert_int_equal(times(box.denied, "/proc/"), 0);
    sandbox_done(&box);
}

/* Whose file it is counts as it does for the task, not as it does for init. */
static void test_permissions_are_the_tasks(void **state)
{
    char *dir = test_dir(), secret[512], open_to_all[512];
    struct crib_bind bind = {.source = dir, .target = "/tmp/shown"};
    struct sandbox box;

    (void)state;
    snprintf(secret, sizeof(secret), "%s/secret", dir);
    snprintf(open_to_all, sizeof(open_to_all), "%s/public", dir);
    test_write(secret, "x", 1, 0600);
    test_write(open_to_all, "x", 1, 0644);
    assert_int_equal(chmod(dir, 0755), 0);
    trace(&box, CRIB_TRACE_FILES);
    box.options.binds = &bind;
    box.options.bind_count = 1;
    sandbox_probe(&box, "open r /tmp/shown/secret , open r /tmp/shown/public");
    sandbox_says(box.out, "/tmp/shown/secret", sandbox_privileged() ? "EACCES" : "ok");
    assert_int_equal(times(box.denied, " /tmp/shown/secret "), sandbox_privileged());
    assert_int_equal(times(box.denied, " /tmp/shown/public "), 0);
    sandbox_done(&box);
    free(dir);
}

/* The same again is counted, not told again. */
static void test_a_loop_is_counted(void **state)
{
    struct sandbox box;

    (void)state;
    trace(&box, CRIB_TRACE_FILES);
    sandbox_probe(&box, "open create /usr/x , open create /usr/x , open create /usr/x , "
                        "open create /usr/x , open create /usr/y");
    assert_in_range(times(box.denied, " /usr/x "), 1, 2);
    assert_int_equal(times(box.denied, " /usr/y "), 1);
    sandbox_done(&box);
}

/* A program starts others, each exec of which waits for init. */
static void test_programs_are_started(void **state)
{
    static const char *const args[] = {"-c", "for i in 1 2 3; do /bin/echo $i; done", NULL};
    struct sandbox box;

    (void)state;
    trace(&box, CRIB_TRACE_ALL);
    sandbox_run(&box, "sh", args);
    assert_string_equal(box.out, "1\n2\n3\n");
    assert_int_equal(times(box.denied, "execve "), 1);
    sandbox_done(&box);
}

/* All calls: once each, whatever the number of times. */
static void test_each_call_is_told_once(void **state)
{
    struct sandbox box;

    (void)state;
    trace(&box, CRIB_TRACE_ALL);
    sandbox_expect(&box, "repeat 1000 39 , exit 3", 3);
    sandbox_says(box.out, "repeat", "ok 1000");
    assert_int_equal(times(box.denied, "\ngetpid ") + (strncmp(box.denied, "getpid ", 7) == 0), 1);
    assert_int_equal(box.result.denials, 0);
    sandbox_done(&box);
}

/* More than the socket holds: init waits for room, and none is lost. */
static void test_no_path_is_lost(void **state)
{
    struct sandbox box;
    char path[64];

    (void)state;
    sandbox_only_here("a daemon keeps a bounded number of events");
    trace(&box, CRIB_TRACE_ALL);
    box.patience_ms = 120000;
    sandbox_expect(&box, "inodes /tmp 2000", 0);
    sandbox_says(box.out, "made", "2000");
    for (int i = 0; i < 2000; i++) {
        snprintf(path, sizeof(path), " /tmp/i%d ", i);
        assert_int_equal(times(box.denied, path), 1);
    }
    sandbox_done(&box);
}

/* What is refused is refused, traced or not. */
static void test_refusals_stay(void **state)
{
    struct sandbox box;

    (void)state;
    trace(&box, CRIB_TRACE_ALL);
    box.rules = "extends: [default]\nsyscalls: {deny: [mkdir, mkdirat], kill: [swapon]}\n";
    sandbox_expect(&box, "mkdir /tmp/d , repeat 10 169 , exit 4", 4);
    sandbox_says(box.out, "/tmp/d", "EPERM");
    test_contains(box.denied, "mkdir /tmp/d EPERM 1");
    assert_int_equal(box.result.denials, 11);
    sandbox_probe(&box, "syscall 167 , exit 4");
    assert_int_equal(box.result.verdict, CRIB_FILTER);
    sandbox_done(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_changes_for_the_program),
        cmocka_unit_test(test_refusals_by_files_are_told),
        cmocka_unit_test(test_permissions_are_the_tasks),
        cmocka_unit_test(test_a_loop_is_counted),
        cmocka_unit_test(test_programs_are_started),
        cmocka_unit_test(test_each_call_is_told_once),
        cmocka_unit_test(test_no_path_is_lost),
        cmocka_unit_test(test_refusals_stay),
    };

    return sandbox_test_run(tests);
}
