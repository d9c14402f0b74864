/* SPDX-License-Identifier: Apache-2.0 */
/* crib exec: a line for the shell inside. */
#include "cli/cli.h"

#include <signal.h>
#include <string.h>

#include "cli/command.h"

static void test_line(void **state)
{
    struct cli cli = {0};

    (void)state;
    CLI_EXPECT(&cli, 0, "exec", "echo one two | tr a-z A-Z; echo $((6 * 7))");
    assert_string_equal(cli.out, "ONE TWO\n42\n");
    CLI_EXPECT(&cli, 3, "exec", "exit 3");
    CLI_EXPECT(&cli, 0, "exec", "");
    CLI_EXPECT(&cli, 127, "exec", "no-such-program-here 2>/dev/null");
    CLI_EXPECT(&cli, 128 + SIGTERM, "exec", "kill -TERM $$");
    CLI_EXPECT(&cli, 2, "exec", "--", "--looks-like-an-option 2>/dev/null; exit 2");
    cli_done(&cli);
}

static void test_options(void **state)
{
    struct cli cli = {.input = "typed"};

    (void)state;
    CLI_EXPECT(&cli, 0, "exec", "-e", "A=b", "-C", "/usr", "cat; echo \" $A $PWD\"");
    assert_string_equal(cli.out, "typed b /usr\n");
    CLI_EXPECT(&cli, STATUS_TIMEOUT, "exec", "--timeout", "200ms", "sleep 50");
    cli_done(&cli);
}

/* The shell is the one inside, and so are the walls. */
static void test_confined(void **state)
{
    struct cli cli = {0};

    (void)state;
    CLI_EXPECT(&cli, 0, "exec", "ls /proc | grep -cx '[0-9]*'; id -u");
    assert_true(cli.out[0] >= '1' && cli.out[0] <= '6' &&
                cli.out[1] == '\n'); /* init and its few */
    assert_null(strstr(cli.out, "\n0\n"));
    cli_done(&cli);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_confined),
    };

    return test_run(tests);
}
