/* SPDX-License-Identifier: Apache-2.0 */
/* crib policy check: a policy is held to the `expect` of its own file, and nothing is run. */
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"

/* Checks a policy of this text. Return: its path, for the caller to free. */
static char *check(struct cli *cli, int status, const char *text)
{
    char *dir = cli_dir(), *path;

    assert_true(asprintf(&path, "%s/work.yaml", dir) > 0);
    test_write(path, text, strlen(text), 0644);
    CLI_EXPECT(cli, status, "policy", "check", path);
    free(dir);
    return path;
}

static void test_what_is_met_says_nothing(void **state)
{
    struct cli cli = {0};

    (void)state;
    free(check(&cli, 0,
               "extends: [default]\n"
               "expect:\n"
               "  allow: [read, 'socket(AF_UNIX, SOCK_STREAM)']\n"
               "  deny: [unshare, 'socket(AF_INET)', 'ioctl(0, 0x100005412)']\n"));
    assert_string_equal(cli.out, "");
    assert_string_equal(cli.err, "");
    cli_done(&cli);
}

static void test_each_line_that_is_not_met(void **state)
{
    static const char *const lines[] = {
        ":9:5: expect.allow[1]: socket(AF_INET, SOCK_DGRAM) is denied by deny "
        "socket(type & 0xf == SOCK_DGRAM) -> EACCES, ",
        "/work.yaml:5:7\n",
        ":9:36: expect.allow[2]: io_setup(nr_events=0, ctxp=NULL) is denied by deny io_setup, ",
        "/work.yaml:6:7, in @aio (groups/aio.yaml:",
        ":9:46: expect.allow[3]: clone3(args=NULL, size=0) is denied: no entry names it\n",
        ":10:10: expect.deny[0]: getpid() is allowed by allow getpid, default.yaml:",
        ", in @default (groups/default.yaml:",
    };
    struct cli cli = {0};
    char *path;

    (void)state;
    path = check(&cli, STATUS_INVALID,
                 "extends: [default]\n"
                 "syscalls:\n"
                 "  allow: [socket(domain == AF_INET)]\n"
                 "  deny:\n"
                 "    - socket(type & 0xf == SOCK_DGRAM) -> EACCES\n"
                 "    - \"@aio\"\n"
                 "expect:\n"
                 "  allow: [read,\n"
                 "    'socket(AF_INET, SOCK_DGRAM)', io_setup, clone3]\n"
                 "  deny: [getpid, unshare]\n");
    assert_string_equal(cli.out, "");
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        test_contains(cli.err, lines[i]);
    test_contains(cli.err, path);
    assert_int_equal(cli_lines(cli.err, "crib: "), 4);
    cli_done(&cli);
    free(path);
}

static void test_without_a_filter_all_is_allowed(void **state)
{
    struct cli cli = {0};

    (void)state;
    free(check(&cli, STATUS_INVALID, "syscalls: {filter: off}\nexpect: {deny: [reboot]}\n"));
    test_contains(cli.err, ":2:17: expect.deny[0]: reboot(magic=0, magic2=0, cmd=");
    test_contains(cli.err, " is allowed: syscalls.filter is off\n");
    cli_done(&cli);
}

/* A line that cannot be read is wrong whatever the policy says. */
static void test_a_wrong_line(void **state)
{
    struct cli cli = {0};

    (void)state;
    free(check(&cli, STATUS_INVALID, "extends: [default]\nexpect: {deny: [raed]}\n"));
    test_contains(cli.err, ":2:17: unknown system call 'raed', did you mean 'read'?\n");
    cli_done(&cli);
}

static void test_several_files(void **state)
{
    char *dir = cli_dir(), *path;
    struct cli cli = {0};

    (void)state;
    assert_true(asprintf(&path, "%s/bad.yaml", dir) > 0);
    test_write(path, "expect: {allow: [read]}\n", 24, 0644);
    CLI_EXPECT(&cli, STATUS_INVALID, "policy", "check", "default", path, "nowhere");
    test_contains(cli.err, "bad.yaml:1:9: syscalls execve: must be allowed");
    test_contains(cli.err, "nowhere");
    cli_done(&cli);
    free(path);
    free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_met_says_nothing),
        cmocka_unit_test(test_each_line_that_is_not_met),
        cmocka_unit_test(test_without_a_filter_all_is_allowed),
        cmocka_unit_test(test_a_wrong_line),
        cmocka_unit_test(test_several_files),
    };

    return test_run(tests);
}
