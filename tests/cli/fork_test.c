/* SPDX-License-Identifier: Apache-2.0 */
/* crib fork: lines of JSON in, lines out, whatever the module does. */
#include "cli/cli.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/command.h"

static void test_echo(void **state)
{
    struct cli cli = {.input =
                          "{\"cmd\": \"double\", \"number\": 20}\n\n  \n[1, 2]\n\"text\"\ntrue"};

    (void)state;
    CLI_EXPECT(&cli, 0, "fork", cli_program("module"), "echo");
    assert_string_equal(cli.out, "{\"cmd\": \"double\", \"number\": 20}\n[1, 2]\n\"text\"\ntrue\n");
    assert_string_equal(cli.err, "");
    cli_done(&cli);
}

/* A script as Node's own fork() would take it, and what it requires from beside it. */
static void test_a_script(void **state)
{
    struct cli cli = {.input = "{\"number\": 21}\n\"\\ud83d\"\n"};
    char *dir = cli_dir(), script[4096], beside[4096];
    static const char text[] = "const twice = require('./twice.js');\n"
                               "process.on('message', (m) => process.send({answer: twice(m)}));\n",
                      part[] = "module.exports = (m) => m.number ? m.number * 2 : m + m;\n";

    (void)state;
    snprintf(script, sizeof(script), "%s/script.js", dir);
    snprintf(beside, sizeof(beside), "%s/twice.js", dir);
    test_write(script, text, sizeof(text) - 1, 0644);
    test_write(beside, part, sizeof(part) - 1, 0644);
    CLI_EXPECT(&cli, 0, "fork", script);
    assert_string_equal(cli.out, "{\"answer\":42}\n{\"answer\":\"\\ud83d\\ud83d\"}\n");
    assert_string_equal(cli.err, "");
    cli_done(&cli);
    free(dir);
}

static void test_no_input(void **state)
{
    struct cli cli = {0};
    char *dir = cli_dir(), file[4096];

    (void)state;
    CLI_EXPECT(&cli, 0, "fork", cli_program("module"), "echo");
    assert_string_equal(cli.out, "");
    snprintf(file, sizeof(file), "%s/input", dir);
    test_write(file, "1\n2\n", 4, 0644);
    cli.input_file = file;
    CLI_EXPECT(&cli, 0, "fork", cli_program("module"), "echo");
    assert_string_equal(cli.out, "1\n2\n");
    cli.input_file = NULL;
    cli.closed = 1;
    CLI_EXPECT(&cli, STATUS_FAILED, "fork", cli_program("module"), "echo");
    test_contains(cli.err, "stdin: Bad file descriptor");
    cli_done(&cli);
    free(dir);
}

static void test_not_json(void **state)
{
    struct cli cli = {.input = "{\"a\": 1}\n{a: 1}\n{\"b\": 1}\n"};

    (void)state;
    CLI_EXPECT(&cli, STATUS_FAILED, "fork", cli_program("module"), "echo");
    test_contains(cli.err, "crib: stdin:2: not JSON\n");
    assert_null(strstr(cli.out, "b"));
    cli_done(&cli);
}

/* A module cannot say anything that is taken for another line. */
static void test_odd_messages(void **state)
{
    struct cli cli = {0};

    (void)state;
    CLI_EXPECT(&cli, 0, "fork", cli_program("module"), "odd");
    assert_string_equal(cli.out, "{\"a\":  [1,  2]}\n"
                                 "{\"type\":\"json\",\"base64\":\"eyJhIjogMX0KeyJiIjogMn0=\"}\n"
                                 "{\"type\":\"json\",\"base64\":\"bm90IGpzb24=\"}\n"
                                 "{\"type\":\"json\",\"base64\":\"\"}\n"
                                 "{\"type\":\"te\\\"x\\u000at\",\"base64\":\"cGxhaW4=\"}\n"
                                 "{\"type\":\"blob\",\"base64\":\"AAEC/w==\"}\n");
    cli_done(&cli);
}

static char *many_lines(size_t count)
{
    char *text = malloc(count * 16 + 1), *end = text;

    assert_non_null(text);
    for (size_t i = 0; i < count; i++)
        end += snprintf(end, 16, "{\"i\":%zu}\n", 1000000 + i);
    return text;
}

/* More than the buffers hold, both ways: nothing is lost, nothing comes out of turn. */
static void test_many_messages(void **state)
{
    char *lines = many_lines(20000);
    struct cli cli = {.input = lines};

    (void)state;
    CLI_EXPECT(&cli, 0, "fork", cli_program("module"), "count");
    assert_string_equal(cli.out, "20000\n");
    CLI_EXPECT(&cli, 0, "fork", cli_program("module"), "echo");
    assert_string_equal(cli.out, lines);
    cli_done(&cli);
    free(lines);
}

static void test_large_message(void **state)
{
    size_t len = 8 << 20;
    char *line = malloc(len + 2);
    struct cli cli = {.input = line};

    (void)state;
    assert_non_null(line);
    memset(line, 'x', len);
    line[0] = line[len - 1] = '"';
    line[len] = '\n';
    line[len + 1] = '\0';
    CLI_EXPECT(&cli, 0, "fork", cli_program("module"), "echo");
    assert_string_equal(cli.out, line);
    cli_done(&cli);
    free(line);
}

/* Its own output must not be taken for messages; what it reads is empty. */
static void test_module_output(void **state)
{
    struct cli cli = {0};

    (void)state;
    CLI_EXPECT(&cli, 0, "fork", cli_program("module"), "speak");
    assert_string_equal(cli.out, "");
    assert_int_equal(cli_lines(cli.err, "on stdout"), 1);
    assert_int_equal(cli_lines(cli.err, "on stderr"), 1);
    cli_done(&cli);
}

/* The end of the module is the end, though more input could come. */
static void test_module_leaves(void **state)
{
    struct cli cli = {0};
    char path[64];
    int held_open[2];

    (void)state;
    assert_int_equal(pipe2(held_open, O_CLOEXEC), 0);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", held_open[0]);
    cli.input_file = path;
    CLI_EXPECT(&cli, 5, "fork", cli_program("module"), "leave");
    fd_close(&held_open[0]);
    fd_close(&held_open[1]);
    cli_done(&cli);
}

static void test_hostile_frames(void **state)
{
    struct cli cli = {0};

    (void)state;
    CLI_EXPECT(&cli, 0, "fork", cli_program("module"), "half");
    assert_string_equal(cli.out, "");
    CLI(&cli, "fork", cli_program("module"), "huge");
    assert_in_range(cli.status, 0, 255);
    assert_true(cli_lines(cli.err, "crib: ") >= 1);
    assert_string_equal(cli.out, "");
    cli_done(&cli);
}

static void test_no_module(void **state)
{
    struct cli cli = {0};
    char *dir = cli_dir(), file[4096];

    (void)state;
    snprintf(file, sizeof(file), "%s/plain", dir);
    test_write(file, "x", 1, 0644);
    CLI_EXPECT(&cli, STATUS_NOT_FOUND, "fork", "/no/such/module");
    CLI_EXPECT(&cli, STATUS_UNRUNNABLE, "fork", file);
    assert_string_equal(cli.out, "");
    cli_done(&cli);
    free(dir);
}

static void test_output_is_full(void **state)
{
    struct cli cli = {.input = "1\n2\n3\n", .output_file = "/dev/full"};

    (void)state;
    CLI_EXPECT(&cli, STATUS_FAILED, "fork", cli_program("module"), "echo");
    test_contains(cli.err, "crib: stdout: No space left on device");
    cli_done(&cli);
}

static void test_result(void **state)
{
    struct cli cli = {.want_result = true};

    (void)state;
    CLI_EXPECT(&cli, 5, "fork", "--json", "--result-fd=9", cli_program("module"), "leave");
    assert_int_equal(cli_lines(cli.result, "{"), 1);
    test_contains(cli.result, "\"status\":5");
    assert_string_equal(cli.out, "");
    cli_done(&cli);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_echo),          cmocka_unit_test(test_a_script),
        cmocka_unit_test(test_no_input),      cmocka_unit_test(test_not_json),
        cmocka_unit_test(test_odd_messages),  cmocka_unit_test(test_many_messages),
        cmocka_unit_test(test_large_message), cmocka_unit_test(test_module_output),
        cmocka_unit_test(test_module_leaves), cmocka_unit_test(test_hostile_frames),
        cmocka_unit_test(test_no_module),     cmocka_unit_test(test_output_is_full),
        cmocka_unit_test(test_result),
    };

    return test_run(tests);
}
