/* SPDX-License-Identifier: Apache-2.0 */
/* Denied calls are told, each on a line; of a flood not all. */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>

#include "cli/denials.h"

#define TRY "unshare -n true 2>/dev/null; "

static void test_one(void **state)
{
    struct cli cli = {0};

    (void)state;
    CLI_EXPECT(&cli, 0, "exec", TRY "true");
    assert_int_equal(cli_lines(cli.err, "crib: denied: unshare("), 1);
    test_contains(cli.err, "): EPERM\n");
    assert_int_equal(cli_lines(cli.err, ""), 1);
    cli_done(&cli);
}

static void test_quiet(void **state)
{
    struct cli cli = {0};

    (void)state;
    CLI_EXPECT(&cli, 0, "exec", "-q", TRY "true");
    assert_string_equal(cli.err, "");
    CLI_EXPECT(&cli, 0, "exec", "--quiet",
               "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do " TRY "done; true");
    assert_string_equal(cli.err, "");
    cli_done(&cli);
}

/* Thirty, of two kinds in turn so that they are not counted as one. */
static void test_flood(void **state)
{
    struct cli cli = {0};
    const char *more;

    (void)state;
    CLI_EXPECT(&cli, 0, "exec",
               "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do " TRY
               "unshare -i true 2>/dev/null; done; true");
    assert_int_equal(cli_lines(cli.err, "crib: denied: unshare("), DENIALS_SHOWN);
    assert_int_equal(cli_lines(cli.err, ""), DENIALS_SHOWN + 1);
    more = strstr(cli.err, "crib: denied: 20 more\n");
    assert_non_null(more);
    cli_done(&cli);
}

static void test_open_denies_nothing(void **state)
{
    struct cli cli = {0};

    (void)state;
    CLI_EXPECT(&cli, 0, "exec", "-p", "open", "-C", "/", TRY "true");
    assert_string_equal(cli.err, "");
    cli_done(&cli);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one),
        cmocka_unit_test(test_quiet),
        cmocka_unit_test(test_flood),
        cmocka_unit_test(test_open_denies_nothing),
    };

    return test_run(tests);
}
