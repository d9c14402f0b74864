/* SPDX-License-Identifier: Apache-2.0 */
/* --receipt: a table for people, also where the start was refused. */
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/command.h"

/* Return: what stands at the place of the third column in the line of a mechanism; the caller
 * frees. Fails unless there is exactly one, and its mark is @mark. */
static char *applied_of(const struct cli *cli, const char *mechanism, char mark)
{
    const char *head = strstr(cli->err, "crib:   mechanism"), *line;
    char start[64];
    size_t column;

    if (!head)
        fail_msg("no table: %s", cli->err);
    column = (size_t)(strstr(head, "applied") - head);
    snprintf(start, sizeof(start), "crib: %c %s ", mark, mechanism);
    line = strstr(head, start);
    if (!line || strstr(line + 1, start))
        fail_msg("no line, or two, of '%s': %s", start, cli->err);
    if (strcspn(line, "\n") <= column || line[column - 1] != ' ')
        fail_msg("'%s' is not aligned: %s", start, cli->err);
    return strndup(line + column, strcspn(line + column, "\n"));
}

static void says(const struct cli *cli, const char *mechanism, char mark, const char *part)
{
    char *applied = applied_of(cli, mechanism, mark);

    test_contains(applied, part);
    free(applied);
}

static void test_a_table_at_the_end(void **state)
{
    struct cli cli = {0};

    (void)state;
    CLI_EXPECT(&cli, 3, "exec", "--receipt", "echo out; echo err >&2; exit 3");
    assert_string_equal(cli.out, "out\n");
    assert_int_equal(strncmp(cli.err, "err\n", 4), 0);
    says(&cli, "namespaces", ' ', "new: user pid mount net ipc uts cgroup");
    says(&cli, "caps", ' ', "none");
    says(&cli, "mounts", ' ', "a root built from nothing");
    says(&cli, "privileges", ' ', "no new ones");
    says(&cli, "syscalls", ' ', "on: ");
    cli_done(&cli);
}

static void test_without_it_nothing_is_said(void **state)
{
    struct cli cli = {0};

    (void)state;
    CLI_EXPECT(&cli, 0, "run", "true");
    assert_string_equal(cli.err, "");
    cli_done(&cli);
}

static void test_what_was_refused_is_marked(void **state)
{
    struct cli cli = {0};

    (void)state;
    CLI_EXPECT(&cli, STATUS_FAILED, "run", "--receipt", "-C", "/no/such/directory", "true");
    says(&cli, "cwd", '!', "refused: /no/such/directory");
    says(&cli, "mounts", ' ', "a root built from nothing");
    says(&cli, "privileges", '!', "not reached");
    cli_done(&cli);
    CLI_EXPECT(&cli, STATUS_FAILED, "run", "--receipt", "-p", "no-such-policy", "true");
    test_contains(cli.err, "crib: receipt: nothing was applied\n");
    cli_done(&cli);
}

/* Nobody can tell of files where there is no filter. */
static void test_what_is_not_available_is_marked(void **state)
{
    struct cli cli = {0};

    (void)state;
    CLI_EXPECT(&cli, 0, "run", "--why", "--receipt", "-p", "open", "true");
    says(&cli, "trace", '!', "not available: the policy has no filter");
    says(&cli, "syscalls", ' ', "off");
    cli_done(&cli);
}

/* Paths are anybody's: none of them drives the terminal. */
static void test_control_characters_are_quoted(void **state)
{
    static const char policy[] = "extends: [default]\nmounts:\n"
                                 "  - {target: \"/no/\\e[31msuch\", optional: true}\n";
    struct cli cli = {0};
    char *dir = cli_dir(), path[512];

    (void)state;
    snprintf(path, sizeof(path), "%s/own.yaml", dir);
    test_write(path, policy, strlen(policy), 0644);
    CLI_EXPECT(&cli, 0, "run", "--receipt", "-p", path, "true");
    assert_null(strchr(cli.err, '\033'));
    test_contains(cli.err, "/no/?[31msuch");
    cli_done(&cli);
    free(dir);
}

static void test_it_is_for_who_waits(void **state)
{
    struct cli cli = {0};

    (void)state;
    CLI_EXPECT(&cli, STATUS_FAILED, "run", "--receipt", "--detach", "true");
    test_contains(cli.err, "crib wait");
    cli_done(&cli);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_table_at_the_end),
        cmocka_unit_test(test_without_it_nothing_is_said),
        cmocka_unit_test(test_what_was_refused_is_marked),
        cmocka_unit_test(test_what_is_not_available_is_marked),
        cmocka_unit_test(test_control_characters_are_quoted),
        cmocka_unit_test(test_it_is_for_who_waits),
    };

    return test_run(tests);
}
