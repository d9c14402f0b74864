/* SPDX-License-Identifier: Apache-2.0 */
/* crib policy groups: the groups of calls, and what is in one. */
#include "cli/cli.h"

#include <string.h>

#include "cli/command.h"

static void test_list(void **state)
{
    struct cli cli = {0};
    unsigned lines = 0;

    (void)state;
    CLI_EXPECT(&cli, 0, "policy", "groups");
    test_contains(cli.out,
                  "@file-system      all that is done with files and directories by name\n");
    test_contains(cli.out, "@known            ");
    for (const char *at = cli.out; *at; at = strchr(at, '\n') + 1, lines++)
        assert_int_equal(at[0], '@');
    assert_true(lines >= 37);
    assert_string_equal(cli.err, "");
    cli_done(&cli);
}

static void test_one(void **state)
{
    struct cli cli = {0};

    (void)state;
    CLI_EXPECT(&cli, 0, "policy", "groups", "@ids");
    assert_string_equal(cli.out,
                        "@ids: changing ids, owners and capabilities, of which the kernel grants "
                        "little\n"
                        "  @setuid           going on under other user and group ids\n"
                        "  capset\n"
                        "  @chown            giving files to other owners and groups\n");
    cli_done(&cli);
    CLI_EXPECT(&cli, 0, "policy", "groups", "resources"); /* a shell may need no quotes then */
    test_contains(cli.out, "\n  setpriority(who == 0)\n");
    cli_done(&cli);
}

static void test_none(void **state)
{
    struct cli cli = {0};

    (void)state;
    CLI_EXPECT(&cli, STATUS_FAILED, "policy", "groups", "@filesystem");
    test_contains(cli.err, "unknown group '@filesystem', did you mean '@file-system'?");
    assert_string_equal(cli.out, "");
    cli_done(&cli);
    CLI_EXPECT(&cli, STATUS_FAILED, "policy", "groups", "@sync", "@ipc");
    cli_done(&cli);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_one),
        cmocka_unit_test(test_none),
    };

    return test_run(tests);
}
