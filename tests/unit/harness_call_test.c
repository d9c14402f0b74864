/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness/filtered.h"
#include "policy/load.h"

static struct concrete_call read_call(const char *text)
{
    struct crib_error err = {0};
    struct concrete_call call;

    if (call_read(text, &call, &err) < 0)
        fail_msg("%s: %s", text, err.detail);
    return call;
}

static void test_calls_are_read(void **state)
{
    struct concrete_call call;

    (void)state;
    call = read_call("socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC)");
    assert_int_equal(call.call->number, 41);
    assert_false(call.any);
    assert_int_equal(call.args[0], 2);
    assert_int_equal(call.args[1], 02000001);
    assert_int_equal(call.args[2], 0);
    call = read_call("  socket ( type = 3 , domain==AF_UNIX )  ");
    assert_int_equal(call.args[0], 1);
    assert_int_equal(call.args[1], 3);
    call = read_call("read");
    assert_true(call.any);
    call = read_call("getpid()");
    assert_false(call.any);
    call = read_call("ioctl(0, 0x100005412)");
    assert_true(call.args[1] == 0x100005412);
    call = read_call("kill(-1, SIGKILL)");
    assert_true(call.args[0] == UINT64_MAX);
    assert_int_equal(call.args[1], 9);
    call = read_call("open(NULL, O_RDONLY)");
    assert_int_equal(call.args[0], 0);
}

static void test_wrong_calls_are_refused(void **state)
{
    static const struct {
        const char *text, *why;
    } rows[] = {
        {"", "the name of a system call"},
        {"raed", "unknown system call 'raed', did you mean 'read'?"},
        {"socket(AF_INTE)", "unknown constant 'AF_INTE', did you mean 'AF_INET'?"},
        {"socket(family=1)", "socket has no argument 'family'"},
        {"socket(1, 2, 3, 4)", "socket has 3 arguments"},
        {"socket(1, domain=2)", "given twice"},
        {"socket(1", "',' or ')'"},
        {"socket(1) x", "nothing more"},
        {"socket(1 2)", "',' or ')'"},
        {"socket(|)", "a number or a constant"},
        {"socket(1|)", "a number or a constant"},
        {"socket(99999999999999999999999)", "unknown constant"},
        {"open(AF_INET)", "an address is a number"},
        {"@default", "the name of a system call"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct crib_error err = {0};
        struct concrete_call call;

        assert_int_equal(call_read(rows[i].text, &call, &err), -EINVAL);
        test_contains(err.detail, rows[i].why);
    }
}

static void test_a_call_of_any_length_is_read_or_refused(void **state)
{
    char text[2 * CALL_LONGEST];
    struct crib_error err;
    struct concrete_call call;

    (void)state;
    memset(text, 'a', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    assert_int_equal(call_read(text, &call, &err), -EINVAL);
    text[CALL_LONGEST] = '\0';
    assert_int_equal(call_read(text, &call, &err), -EINVAL);
}

/* --- the compiled filter --- */

struct asked {
    struct arena arena;
    struct filtered filtered;
};

static void open_policy(struct asked *asked, const char *text)
{
    struct crib_error err = {0};
    Crib__Policy *policy;

    arena_init(&asked->arena, 0);
    if (policy_parse("p.yaml", text, strlen(text), NULL, &asked->arena, &policy, NULL, &err) < 0 ||
        filtered_open(&asked->filtered, policy, &asked->arena, &err) < 0)
        fail_msg("%s: %s", err.subject, err.detail);
}

static int ask(struct asked *asked, const char *text, bool wanted)
{
    struct concrete_call call = read_call(text);
    uint64_t args[CALLS_ARGS];

    return filtered_ask(&asked->filtered, &call, wanted, args);
}

static void test_the_filter_is_asked(void **state)
{
    struct asked asked;

    (void)state;
    open_policy(&asked, "syscalls:\n"
                        "  allow: [execve, exit_group, read, socket(domain == AF_UNIX), ioctl]\n"
                        "  deny: [ioctl(cmd == TIOCSTI)]\n"
                        "  kill: [ptrace]\n"
                        "  log: [connect]\n");
    assert_int_equal(ask(&asked, "read", true), 0);
    assert_int_equal(ask(&asked, "read", false), 1);
    assert_int_equal(ask(&asked, "write", false), 0);
    assert_int_equal(ask(&asked, "socket(AF_UNIX)", true), 0);
    assert_int_equal(ask(&asked, "socket(AF_INET)", false), 0);
    assert_int_equal(ask(&asked, "socket(AF_INET)", true), 1);
    assert_int_equal(ask(&asked, "ioctl(0, TIOCSTI)", false), 0);
    assert_int_equal(ask(&asked, "ioctl(0, 0x700005412)", false), 0);
    assert_int_equal(ask(&asked, "ptrace", false), 0);
    assert_int_equal(ask(&asked, "connect", true), 0);
    assert_int_equal(ask(&asked, "clone3", false), 0);
    arena_done(&asked.arena);
}

/* Without arguments a line speaks of all: what zeros and ones do not show must be found too. */
static void test_all_arguments_are_meant(void **state)
{
    struct concrete_call call = read_call("socket"), ioctl = read_call("ioctl");
    uint64_t args[CALLS_ARGS];
    struct asked asked;

    (void)state;
    open_policy(&asked, "syscalls:\n"
                        "  allow: [execve, exit_group, socket(domain == AF_NETLINK), ioctl]\n"
                        "  deny: [ioctl(cmd == TIOCSTI), lseek(offset == 0x123456789abcdef0)]\n");
    assert_int_equal(filtered_ask(&asked.filtered, &call, false, args), 1);
    assert_int_equal(args[0], 16);
    assert_string_equal(filtered_text(&call, args, &asked.arena),
                        "socket(domain=AF_NETLINK, type=0, protocol=IPPROTO_IP)");
    assert_int_equal(filtered_ask(&asked.filtered, &ioctl, true, args), 1);
    assert_int_equal(args[1] & 0xffffffff, 0x5412);
    arena_done(&asked.arena);
}

static void test_without_a_filter_everything_is_allowed(void **state)
{
    struct asked asked;

    (void)state;
    open_policy(&asked, "syscalls: {filter: off}\n");
    assert_int_equal(ask(&asked, "reboot", true), 0);
    assert_int_equal(ask(&asked, "clone3", true), 0);
    arena_done(&asked.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls_are_read),
        cmocka_unit_test(test_wrong_calls_are_refused),
        cmocka_unit_test(test_a_call_of_any_length_is_read_or_refused),
        cmocka_unit_test(test_the_filter_is_asked),
        cmocka_unit_test(test_all_arguments_are_meant),
        cmocka_unit_test(test_without_a_filter_everything_is_allowed),
    };

    return test_run(tests);
}
