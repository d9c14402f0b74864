/* SPDX-License-Identifier: Apache-2.0 */
/* A refused call is answered, told with its arguments, and counted; a flood of them hangs nobody.
 */
#include "sandbox/starve.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static void test_repeats_are_counted(void **state)
{
    unsigned long long total = 0, count;
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    sandbox_expect(&box, "repeat 1000 169", 0);
    sandbox_says(box.out, "repeat", "EPERM 1000");
    for (char *line = box.denied; *line; line = strchr(line, '\n') + 1) {
        assert_true(strncmp(line, "reboot(", 7) == 0);
        assert_int_equal(sscanf(strstr(line, " EPERM ") + 7, "%llu", &count), 1);
        total += count;
    }
    assert_int_equal(total, 1000);
    assert_int_equal(box.result.denials, 1000);
    sandbox_done(&box);
}

/* Different ones, from many processes at once: bounded events, every call answered, none forgotten.
 */
static void test_a_flood_is_bounded(void **state)
{
    uint64_t start = clock_us();
    unsigned lines = 0;
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.patience_ms = 60000;
    sandbox_expect(&box, "swarm 16 2000 169", 0);
    sandbox_says(box.out, "swarm", "16");
    for (char *c = box.denied; *c; c++)
        lines += *c == '\n';
    assert_true(clock_us() - start < 50 * 1000000ull);
    assert_true(lines >= 16 && lines < 20000);
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
