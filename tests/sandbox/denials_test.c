/* SPDX-License-Identifier: Apache-2.0 */
/* A refused call is answered, told with its arguments, and counted; a flood of them hangs nobody.
 */
#include "sandbox/starve.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/clock.h"

static void test_the_event_says_what_was_called(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    sandbox_probe(&box, "syscall 41 2 1 0"); /* socket(AF_INET, SOCK_STREAM, 0) */
    sandbox_says(box.out, "41", "EPERM");
    assert_string_equal(box.denied,
                        "socket(domain=AF_INET, type=SOCK_STREAM, protocol=IPPROTO_IP) EPERM 1\n");
    assert_int_equal(box.result.denials, 1);
    test_contains(box.json, "socket(domain=AF_INET");
    test_contains(box.json, "EPERM");
    sandbox_done(&box);
}

/* Notes who called, with what: `CALL PROGRAM OBJECT`, a line each. */
static void note_object(crib_task *task, const struct crib_denial *denial, void *data)
{
    struct sandbox *box = data;

    (void)task;
    assert_int_equal(denial->by, CRIB_BY_FILTER);
    buf_printf(&box->denied_buf, "%s %s %s\n", denial->call, denial->program, denial->object);
}

static void note_objects(struct sandbox *box, bool start)
{
    if (start)
        box->options.on.denied = note_object;
}

static void test_the_event_says_who_called_and_with_what(void **state)
{
    const char *slash = strrchr(sandbox_probe_path(), '/');
    char line[128];
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.around = note_objects;
    box.rules =
        "extends: [default]\n"
        "syscalls: {deny: [mkdir, mkdirat, unlink, unlinkat, rename, renameat2, connect]}\n";
    sandbox_probe(&box, "mkdir /tmp/made , unlink relative , connect unix /tmp/socket , "
                        "syscall 83 8 , syscall 42 -1 8 16 , exit 3");
    assert_int_equal(box.result.status, 3);
    snprintf(line, sizeof(line), "mkdir %.15s /tmp/made\n", slash + 1);
    test_contains(box.denied, line);
    snprintf(line, sizeof(line), "unlink %.15s relative\n", slash + 1);
    test_contains(box.denied, line);
    test_contains(box.denied, "/tmp/socket");
    snprintf(line, sizeof(line), "mkdir %.15s \n", slash + 1); /* there is no memory at 8 */
    test_contains(box.denied, line);
    snprintf(line, sizeof(line), "connect %.15s \n", slash + 1);
    test_contains(box.denied, line);
    assert_int_equal(box.result.denials, 5);
    sandbox_done(&box);
}

/* Memory of a program that its user may not read belongs to whoever owns the file: no object where
 * that is root, but a name, and an answer in any case. */
static void test_an_unreadable_program_is_answered(void **state)
{
    static const char *const args[] = {"mkdir", "/tmp/made", ",", "exit", "3", NULL};
    char *path = sandbox_public_probe();
    struct sandbox box;

    (void)state;
    assert_int_equal(chmod(path, 0111), 0);
    sandbox_init(&box);
    box.around = note_objects;
    box.rules = "extends: [default]\nsyscalls: {deny: [mkdir]}\n";
    sandbox_run(&box, path, args);
    assert_int_equal(box.result.status, 3);
    sandbox_says(box.out, "/tmp/made", "EPERM");
    test_contains(box.denied, "mkdir ");
    assert_int_equal(strstr(box.denied, " /tmp/made\n") != NULL, !sandbox_privileged());
    sandbox_done(&box);
    free(path);
}

/* Of a policy without a /proc there is no name, but a path all the same. */
static void test_the_path_is_told_without_proc(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.around = note_objects;
    box.rules = "extends: [strict]\nsyscalls: {deny: [mkdir]}\n";
    sandbox_probe(&box, "mkdir /tmp/made , exit 3");
    assert_int_equal(box.result.status, 3);
    test_contains(box.denied, "/tmp/made\n");
    sandbox_done(&box);
}

/* Where the mounts are the host's, its /proc counts other numbers than init. */
static void test_the_program_is_told_where_mounts_are_the_hosts(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.around = note_objects;
    box.rules = "extends: [open]\nsyscalls: {filter: on, allow: ['@known'], deny: [mkdir]}\n";
    sandbox_probe(&box, "mkdir /tmp/crib-never , exit 3");
    assert_int_equal(box.result.status, 3);
    test_contains(box.denied, "mkdir probe");
    test_contains(box.denied, " /tmp/crib-never\n");
    sandbox_done(&box);
}

/* The kernel looks at 32 bits of these; the event does too. */
static void test_only_what_the_kernel_looks_at_is_told(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    sandbox_probe(&box, "syscall 41 0x700000002 1 0");
    test_contains(box.denied, "domain=AF_INET");
    sandbox_done(&box);
}

static void test_calls_without_a_description_are_told_too(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    sandbox_probe(&box, "syscall 169 -1 -1 -1 -1 , syscall 304 -1 -1 -1");
    test_contains(box.denied, "reboot(");
    test_contains(box.denied, "open_by_handle_at(");
    sandbox_done(&box);
}

/* How many lines tell of reboot and nothing else, with the sum of their counts. */
static unsigned told_of_reboot(const struct sandbox *box, unsigned long long *sum)
{
    unsigned long long count;
    unsigned lines = 0;

    *sum = 0;
    for (char *line = box->denied; *line; line = strchr(line, '\n') + 1) {
        assert_true(strncmp(line, "reboot(", 7) == 0);
        assert_int_equal(sscanf(strstr(line, " EPERM ") + 7, "%llu", &count), 1);
        *sum += count;
        lines++;
    }
    return lines;
}

static void test_repeats_are_counted(void **state)
{
    unsigned long long total;
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    sandbox_expect(&box, "repeat 1000 169", 0);
    sandbox_says(box.out, "repeat", "EPERM 1000");
    told_of_reboot(&box, &total);
    assert_int_equal(total, 1000);
    assert_int_equal(box.result.denials, 1000);
    sandbox_done(&box);
}

/* From many processes at once: bounded events, every call answered, none forgotten. In a tenth of a
 * second up to 8 that differ are told at once, and one line counts the rest.
 */
static void test_a_flood_is_bounded(void **state)
{
    uint64_t start = clock_us(), took;
    unsigned long long total;
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.patience_ms = 60000;
    sandbox_expect(&box, "swarm 16 2000 169", 0);
    took = clock_us() - start;
    sandbox_says(box.out, "swarm", "16");
    assert_in_range(told_of_reboot(&box, &total), 2, 9 * (took / 100000 + 2));
    assert_int_equal(total, 32000);
    assert_int_equal(box.result.denials, 32000);
    sandbox_done(&box);
}

/* A caller killed while its call is being answered: init goes on, and answers the next. */
static void test_death_on_the_way_is_no_trouble(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.patience_ms = 60000;
    sandbox_expect(&box, "midway 500 169 , syscall 169 , exit 6", 6);
    sandbox_says(box.out, "midway", "500");
    sandbox_says(box.out, "169", "EPERM");
    sandbox_done(&box);
}

/* The task itself, killed from outside in the middle of a flood. */
static void kill_it(struct sandbox *box)
{
    crib_task_kill(box->task, SIGKILL);
}

static void test_a_flooding_task_can_be_killed(void **state)
{
    struct sandbox box;

    (void)state;
    for (int i = 0; i < 20; i++) {
        sandbox_init(&box);
        box.meanwhile = kill_it;
        sandbox_probe(&box, "repeat 100000000 169");
        assert_int_equal(box.result.verdict, CRIB_KILLED);
        sandbox_done(&box);
    }
}

static void test_a_kill_rule_kills(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.rules = "extends: [default]\nsyscalls: {kill: [reboot]}\n";
    sandbox_probe(&box, "echo before , syscall 169 , echo after");
    assert_int_equal(box.result.verdict, CRIB_FILTER);
    assert_string_equal(box.out, "before\n");
    test_contains(box.denied, "reboot(");
    test_contains(box.denied, "killed");
    assert_int_equal(box.result.denials, 1);
    sandbox_done(&box);
}

/* Also when it is a grandchild that makes the call. */
static void test_a_kill_rule_kills_the_whole_task(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.rules = "extends: [default]\nsyscalls: {kill: [reboot]}\n";
    sandbox_probe(&box, "swarm 4 1 169 , echo after");
    assert_int_equal(box.result.verdict, CRIB_FILTER);
    assert_string_equal(box.out, "");
    sandbox_done(&box);
}

static void test_a_kill_condition_spares_the_rest(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.rules = "extends: [default]\nsyscalls: {kill: ['socket(domain == AF_INET6)']}\n";
    sandbox_expect(&box, "socket 1 1 , socket 2 1 , exit 3", 3);
    assert_string_equal(box.out, "socket ok\nsocket EPERM\n");
    sandbox_probe(&box, "socket 10 1 , exit 3");
    assert_int_equal(box.result.verdict, CRIB_FILTER);
    /* High bits are no way around it. */
    sandbox_probe(&box, "syscall 41 0x10000000a 1 0 , exit 3");
    assert_int_equal(box.result.verdict, CRIB_FILTER);
    sandbox_done(&box);
}

static void test_a_log_rule_lets_through(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.rules = "extends: [default]\nsyscalls: {log: [mkdir, mkdirat]}\n";
    sandbox_expect(&box, "mkdir /tmp/made , open dir /tmp/made , exit 2", 2);
    sandbox_says(box.out, "/tmp/made", "ok");
    test_contains(box.denied, "mkdir");
    test_contains(box.denied, "let through");
    sandbox_done(&box);
}

static void test_deny_beats_kill_beats_log_beats_allow(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.rules = "extends: [default]\n"
                "syscalls: {deny: [mkdir], kill: [mkdir, rmdir], log: [rmdir, mkdir, getpid],\n"
                "           allow: [mkdir, rmdir]}\n";
    sandbox_expect(&box, "syscall 83 0 0 , syscall 39 , exit 1", 1);
    sandbox_says(box.out, "83", "EPERM");
    sandbox_says(box.out, "39", "ok");
    sandbox_probe(&box, "syscall 84 0 , exit 1");
    assert_int_equal(box.result.verdict, CRIB_FILTER);
    sandbox_done(&box);
}

/*
 * A process under a filter with a listener can have no second one: crib in crib, or in a container
 * that watches. The walls hold all the same, and the receipt says what is missing.
 */
static void test_without_a_listener_the_walls_hold(void **state)
{
    static const struct starve outer[] = {
        {SYS_umask,
         0,
         {{0, 0xffffffff, 0777}}}, /* held calls need a listener; nobody makes this one */
        STARVE_END,
    };
    struct sandbox box;
    struct starved got;

    (void)state;
    sandbox_only_here("the filter around this process is not around the daemon");
    sandbox_init(&box);
    box.rules = "extends: [default]\nsyscalls: {kill: [swapon], log: [mkdir], allow: [mkdir]}\n";
    starve_probe(&box, "syscall 169 , socket 2 1 , mkdir /tmp/x , syscall 471 , clone3 0 , exit 3",
                 outer, NULL, NULL, &got);
    assert_int_equal(got.error_code, 0);
    assert_string_equal(got.out, "169 EPERM\nsocket EPERM\n/tmp/x ok\n471 ENOSYS\nclone3 ENOSYS\n");
    assert_int_equal(got.status, 3);
    assert_int_equal(got.denials, 0);
    test_contains(got.json, "reasons");
    test_contains(got.json, "not available");
    box.options.trace = CRIB_TRACE_FILES;
    starve_probe(&box, "stat /nowhere , exit 3", outer, NULL, NULL, &got);
    assert_int_equal(got.status, 3);
    test_contains(got.json,
                  "\"mechanism\":\"trace\",\"asked\":\"files\",\"applied\":\"not available");
    box.options.trace = CRIB_TRACE_OFF;
    starve_probe(&box, "syscall 167 , echo after", outer, NULL, NULL, &got);
    assert_string_equal(got.out, "");
    assert_true(got.verdict == CRIB_FILTER || got.verdict == CRIB_SIGNALED);
    sandbox_done(&box);
}

/* They are nothing that anybody refused. */
static void test_unknown_calls_make_no_event(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    sandbox_probe(&box, "repeat 100 471 , clone3 0 , x32 39");
    assert_string_equal(box.denied, "");
    assert_int_equal(box.result.denials, 0);
    sandbox_done(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_event_says_what_was_called),
        cmocka_unit_test(test_the_event_says_who_called_and_with_what),
        cmocka_unit_test(test_an_unreadable_program_is_answered),
        cmocka_unit_test(test_the_path_is_told_without_proc),
        cmocka_unit_test(test_the_program_is_told_where_mounts_are_the_hosts),
        cmocka_unit_test(test_only_what_the_kernel_looks_at_is_told),
        cmocka_unit_test(test_calls_without_a_description_are_told_too),
        cmocka_unit_test(test_repeats_are_counted),
        cmocka_unit_test(test_a_flood_is_bounded),
        cmocka_unit_test(test_death_on_the_way_is_no_trouble),
        cmocka_unit_test(test_a_flooding_task_can_be_killed),
        cmocka_unit_test(test_a_kill_rule_kills),
        cmocka_unit_test(test_a_kill_rule_kills_the_whole_task),
        cmocka_unit_test(test_a_kill_condition_spares_the_rest),
        cmocka_unit_test(test_a_log_rule_lets_through),
        cmocka_unit_test(test_deny_beats_kill_beats_log_beats_allow),
        cmocka_unit_test(test_without_a_listener_the_walls_hold),
        cmocka_unit_test(test_unknown_calls_make_no_event),
    };

    return sandbox_test_run(tests);
}
