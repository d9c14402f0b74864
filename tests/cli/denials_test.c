/* SPDX-License-Identifier: Apache-2.0 */
/* Denied calls are told, each on a line; of a flood not all. */
#include "cli/cli.h"

#include <stdio.h>
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
    test_contains(cli.err, "): EPERM");
    test_contains(cli.err, "\ncrib:   to allow it, in a policy that extends default: syscalls: "
                           "{allow: [\"unshare\"]}\n");
    assert_int_equal(cli_lines(cli.err, ""), 2);
    cli_done(&cli);
}

/* With the line of the entry, in the words of `policy explain`. */
static void test_the_line_that_denies(void **state)
{
    static const char text[] = "extends: [default]\n"
                               "syscalls:\n"
                               "  deny: [umask]\n"
                               "limits: {wall_time: 400ms}\n";
    char *dir = cli_dir(), policy[4096];
    struct cli cli = {0};

    (void)state;
    snprintf(policy, sizeof(policy), "%s/work.yaml", dir);
    test_write(policy, text, strlen(text), 0644);
    CLI_EXPECT(&cli, 124, "exec", "-p", policy, "umask 077; sleep 60");
    test_contains(cli.err, "crib: denied: umask(mask=63): EPERM");
    test_contains(cli.err, "work.yaml:3:10: deny wins over allow: take the entry out of "
                           "syscalls.deny\n");
    test_contains(cli.err, "crib: limit: wall_time of 400 ms: killed\n");
    test_contains(cli.err, "work.yaml:4:21: raise limits.wall_time\n");
    cli_done(&cli);
    free(dir);
}

/* Return: how many calls the lines tell of. */
static unsigned long told(const char *text)
{
    unsigned long sum = 0;

    for (const char *line = text; *line; line = strchr(line, '\n') + 1) {
        const char *times = strstr(line, " times)"), *end = strchr(line, '\n');

        assert_non_null(end);
        if (strncmp(line, "crib: denied: unshare(", 22) != 0)
            continue;
        while (times && times < end && times[-1] >= '0' && times[-1] <= '9')
            times--;
        sum += times && times < end ? strtoul(times, NULL, 10) : 1;
    }
    return sum;
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

/* However they are put together, none is left out: those that have no line are counted at the end. */
static void test_flood(void **state)
{
    struct cli cli = {0};
    const char *more;
    unsigned long sum;

    (void)state;
    CLI_EXPECT(&cli, 0, "exec",
               "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do " TRY
               "unshare -i true 2>/dev/null; done; true");
    assert_true(cli_lines(cli.err, "crib: denied: unshare(") <= DENIALS_SHOWN);
    sum = told(cli.err);
    more = strstr(cli.err, " more\n");
    while (more && more[-1] >= '0' && more[-1] <= '9')
        more--;
    assert_int_equal(sum + (more ? strtoul(more, NULL, 10) : 0), 30);
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
        cmocka_unit_test(test_the_line_that_denies),
        cmocka_unit_test(test_quiet),
        cmocka_unit_test(test_flood),
        cmocka_unit_test(test_open_denies_nothing),
    };

    return test_run(tests);
}
