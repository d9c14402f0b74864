/* SPDX-License-Identifier: Apache-2.0 */
/* The examples do what their opening comments say. */
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Beside this program, where the suite was copied into one directory. */
static const char *example(const char *name)
{
    static char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 64);

    assert_true(n > 0);
    path[n] = '\0';
    *strrchr(path, '/') = '\0';
    setenv("LD_LIBRARY_PATH", path, 1);
    snprintf(path + strlen(path), 64, "/%s", name);
    if (access(path, X_OK) != 0) {
        unsetenv("LD_LIBRARY_PATH");
        snprintf(path, sizeof(path), "%s/%s", EXAMPLES_DIR, name);
    }
    return path;
}

#define EXAMPLE(cli, expected, name, ...)                                                          \
    do {                                                                                           \
        const char *const words_[] = {__VA_ARGS__ __VA_OPT__(, ) NULL};                            \
        (cli)->program = example(name);                                                            \
        cli_run(cli, words_);                                                                      \
        cli_status(cli, expected, __FILE__, __LINE__);                                             \
    } while (0)

static void test_exec_uptime(void **state)
{
    struct cli cli = {0};

    (void)state;
    EXAMPLE(&cli, 0, "exec_uptime");
    assert_int_equal(cli_lines(cli.out, "pid: "), 1);
    test_contains(cli.out, "load average");
    assert_null(strstr(cli.out, "error"));
    cli_done(&cli);
}

static void test_exec_file(void **state)
{
    struct cli cli = {0};

    (void)state;
    EXAMPLE(&cli, 0, "exec_file", "expr", "6", "*", "7");
    assert_string_equal(cli.out, "42\n");
    EXAMPLE(&cli, 1, "exec_file", "expr", "1", "-", "1");
    assert_string_equal(cli.out, "0\n");
    EXAMPLE(&cli, 1, "exec_file", "no-such-program-here");
    test_contains(cli.err, "no-such-program-here");
    EXAMPLE(&cli, 1, "exec_file", "yes");
    assert_int_equal(strlen(cli.out), 64 * 1024); /* max_buffer, to the byte */
    cli_done(&cli);
}

static void test_spawn_pipeline(void **state)
{
    struct cli cli = {0};

    (void)state;
    EXAMPLE(&cli, 0, "spawn_pipeline", "spawn_pipelin[e]");
    test_contains(cli.out, "spawn_pipeline");
    test_contains(cli.out, "(ps exited with 0)");
    test_contains(cli.out, "(grep exited with 0)");
    EXAMPLE(&cli, 0, "spawn_pipeline", "no process is called lik[e] this");
    test_contains(cli.out, "(grep exited with 1)");
    EXAMPLE(&cli, 0, "spawn_pipeline", "\\(");
    assert_int_equal(cli_lines(cli.err, "grep: "), 1); /* its complaint, through the callback */
    cli_done(&cli);
}

static void test_fork_hello(void **state)
{
    struct cli cli = {0};

    (void)state;
    EXAMPLE(&cli, 0, "fork_hello");
    test_contains(cli.out, "child got (text): hello, child\n");
    test_contains(cli.out, "parent got (text): hello, parent\n");
    test_contains(cli.out, "parent read from the pipe: this came through a pipe\n");
    test_contains(cli.out, "disconnected\n");
    test_contains(cli.out, "child exited with 0\n");
    cli_done(&cli);
}

static void test_fork_doubler(void **state)
{
    struct cli cli = {0};

    (void)state;
    EXAMPLE(&cli, 0, "fork_doubler");
    assert_string_equal(cli.out, "parent: double 20\nchild: answer 40\n"
                                 "parent: double 21\nchild: error: the number is odd\n"
                                 "parent: done\nchild exited with 0\n");
    EXAMPLE(&cli, 0, "fork_doubler", "-8", "9223372036854775806");
    assert_string_equal(cli.out, "parent: double -8\nchild: answer -16\n"
                                 "parent: double 9223372036854775806\n"
                                 "child: error: the number is too large\n"
                                 "parent: done\nchild exited with 0\n");
    cli_done(&cli);
}

static void test_denied(void **state)
{
    struct cli cli = {0};

    (void)state;
    EXAMPLE(&cli, 0, "denied");
    assert_int_equal(cli_lines(cli.out, "denied: mkdir"), 1);
    test_contains(cli.out, "): EPERM\n");
    test_contains(cli.out, "exit status 1, 1 calls denied\n");
    test_contains(cli.out, "\"receipt\":[");
    cli_done(&cli);
}

static void test_sync(void **state)
{
    struct cli cli = {0};

    (void)state;
    EXAMPLE(&cli, 0, "sync");
    test_contains(cli.out, "exec: status 0, stdout: 42\n");
    test_contains(cli.out, "sort: status 0, stdout: pear\nfig\napple\n");
    test_contains(cli.out, "no-such-program");
    cli_done(&cli);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exec_uptime),    cmocka_unit_test(test_exec_file),
        cmocka_unit_test(test_spawn_pipeline), cmocka_unit_test(test_fork_hello),
        cmocka_unit_test(test_fork_doubler),   cmocka_unit_test(test_denied),
        cmocka_unit_test(test_sync),
    };

    return test_run(tests);
}
