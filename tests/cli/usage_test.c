/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked wrongly is one line on stderr that says what, and exit status 125. */
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"

static void refused(const char *part, const char *const *words)
{
    struct cli cli = {0};

    cli_run(&cli, words);
    cli_status(&cli, STATUS_FAILED, part, 0);
    assert_string_equal(cli.out, "");
    test_contains(cli.err, part);
    assert_int_equal(cli_lines(cli.err, "crib: "), 1);
    assert_int_equal(cli_lines(cli.err, ""), 1);
    cli_done(&cli);
}
#define REFUSED(part, ...) refused(part, (const char *const[]){__VA_ARGS__, NULL})

static void test_commands(void **state)
{
    (void)state;
    refused("no command given", (const char *const[]){NULL});
    REFUSED("unknown command 'rnu', did you mean 'run'?", "rnu", "true");
    REFUSED("unknown command 'completely-else'", "completely-else");
    REFUSED("unknown command '--bind'", "--bind");
    REFUSED("unknown command ''", "");
    REFUSED("unknown command 'exex', did you mean 'exec'?", "help", "exex");
}

static void test_operands(void **state)
{
    (void)state;
    REFUSED("run: needs FILE", "run");
    REFUSED("run: needs FILE", "run", "-q", "--");
    REFUSED("exec: needs LINE", "exec");
    REFUSED("exec: one operand too many: 'b'", "exec", "a", "b");
    REFUSED("fork: needs MODULE", "fork");
    REFUSED("plan: needs FILE", "plan");
    REFUSED("policy: needs check FILE", "policy");
    REFUSED("policy: say check FILE", "policy", "check");
    REFUSED("policy: say check FILE", "policy", "show");
    REFUSED("policy: say check FILE", "policy", "show", "default", "strict");
    REFUSED("policy: say check FILE", "policy", "list", "default");
    REFUSED("policy: say check FILE", "policy", "delete", "default");
    REFUSED("version: one operand too many: 'x'", "version", "x");
    REFUSED("help: one operand too many: 'plan'", "help", "run", "plan");
}

static void test_options(void **state)
{
    (void)state;
    REFUSED("unknown option '--bnid', did you mean '--bind'?", "run", "--bnid", "/x", "true");
    REFUSED("unknown option '--bnid', did you mean '--bind'?", "run", "--bnid=/x", "true");
    REFUSED("unknown option '--pol'", "run", "--pol", "strict", "true");
    REFUSED("unknown option '-Z'", "run", "-Z", "true");
    REFUSED("unknown option '-Z'", "run", "-qZ", "true");
    REFUSED("unknown option '--json'", "plan", "--json", "true");
    REFUSED("unknown option '--argv0'", "exec", "--argv0", "x", "true");
    REFUSED("unknown option '--policy'", "policy", "--policy", "strict", "list");
    REFUSED("option '--policy' needs NAME", "run", "--policy");
    REFUSED("option '-p' needs NAME", "run", "-qp");
    REFUSED("option '--quiet' takes no value", "run", "--quiet=1", "true");
    REFUSED("(see 'crib help run')", "run", "--nothing-like-it", "true");
}

/* --uid and --gid: nothing but one number, and never 0. */
static void test_ids(void **state)
{
    static const char *const bad[] = {"",           "0",          "-1",
                                      "4294967295", "4294967296", "1:",
                                      ":1",         "1000:1000",  "18446744073709551617",
                                      "root",       " 1",         "1 ",
                                      "+1",         "1.0",        "0x",
                                      "00",         "010",        "99999999999"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        REFUSED("--uid", "run", "--uid", bad[i], "true");
        REFUSED("--gid", "run", "--gid", bad[i], "true");
    }
}

static void test_values(void **state)
{
    static const char *const bad[][2] = {
        {"--timeout", ""},
        {"--timeout", "10"},
        {"--timeout", "10x"},
        {"--timeout", "0s"},
        {"--timeout", "-1s"},
        {"--timeout", "1.5s"},
        {"--timeout", "99999999999999999999s"},
        {"--timeout", "s"},
        {"--kill-signal", ""},
        {"--kill-signal", "0"},
        {"--kill-signal", "65"},
        {"--kill-signal", "-9"},
        {"--kill-signal", "SIG"},
        {"--kill-signal", "TERMS"},
        {"--tmpfs", ""},
        {"--tmpfs", "scratch"},
        {"--tmpfs", "/scratch:"},
        {"--tmpfs", "/scratch:0"},
        {"--tmpfs", "/s:1Q"},
        {"--tmpfs", "/s:-1"},
        {"--bind", ""},
        {"--bind", ":/x"},
        {"--bind", "/a:b"},
        {"--bind", "/a:/b:/c"},
        {"--bind", "relative"},
        {"--bind", "/a:"},
        {"--bind", "/a::rw"},
        {"--bind", ":rw"},
        {"--env", ""},
        {"--env", "=value"},
        {"--result-fd", "0"},
        {"--result-fd", "1"},
        {"--result-fd", "2"},
        {"--result-fd", "-1"},
        {"--result-fd", "99"},
        {"--result-fd", "nine"},
        {"--result-fd", "4294967299"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        REFUSED(bad[i][0], "run", bad[i][0], bad[i][1], "true");
        REFUSED(bad[i][0], "plan", bad[i][0], bad[i][1], "true");
    }
}

/* A task writes to stderr too: a result there could be forged by it. */
static void test_json_needs_a_place(void **state)
{
    (void)state;
    REFUSED("--json needs --result-fd", "run", "--json", "true");
    REFUSED("the task has that one too", "run", "--json", "--result-fd", "2", "true");
    REFUSED("is not open", "run", "--json", "--result-fd", "99", "true");
    REFUSED("--result-fd '0'", "run", "--json", "--result-fd", "0", "true");
}

static void test_result_fd_alone(void **state)
{
    struct cli cli = {.want_result = true};

    (void)state;
    CLI_EXPECT(&cli, STATUS_FAILED, "run", "--result-fd", "9", "true");
    test_contains(cli.err, "--result-fd is for --json");
    assert_string_equal(cli.result, "");
    cli_done(&cli);
}

/* Control characters in what we repeat do not reach the terminal. */
static void test_harmless(void **state)
{
    struct cli cli = {0};

    (void)state;
    CLI_EXPECT(&cli, STATUS_FAILED, "run", "--\033[31m\n\302\233x\233\377", "true");
    assert_null(strchr(cli.err, '\033'));
    assert_null(strchr(cli.err, '\233')); /* alone it is one for a terminal without UTF-8 */
    assert_null(strchr(cli.err, '\377'));
    assert_int_equal(cli_lines(cli.err, ""), 1);
    cli_done(&cli);
}

static const struct {
    const char *name;
    unsigned commands;
} rows[] = {
#define OPTION(id, name, letter, argument, commands, help) {name, commands},
#include "cli/options.def"
#undef OPTION
};

/* An option may have a row for each meaning that it has. */
static unsigned commands_of(const char *name)
{
    unsigned all = 0;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (strcmp(rows[i].name, name) == 0)
            all |= rows[i].commands;
    return all;
}

static void check_help(const char *command, unsigned bit)
{
    struct cli cli = {0};
    char option[64];

    CLI_EXPECT(&cli, 0, "help", command);
    assert_string_equal(cli.err, "");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(option, sizeof(option), "--%s ", rows[i].name);
        if (!strstr(cli.out, option) != !(commands_of(rows[i].name) & bit))
            fail_msg("help of %s and option %s do not agree:\n%s", command, option, cli.out);
    }
    cli_done(&cli);
}

static void test_help(void **state)
{
    static const char *const ways[][2] = {{"help"}, {"--help"}, {"-h"}};
    struct cli cli = {0};
    char *help;

    (void)state;
    check_help("run", IN_RUN);
    check_help("exec", IN_EXEC);
    check_help("fork", IN_FORK);
    check_help("plan", IN_PLAN);
    check_help("doctor", IN_DOCTOR);
    check_help("policy", IN_OTHER);
    check_help("version", IN_OTHER);
    check_help("help", IN_OTHER);
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        CLI_EXPECT(&cli, 0, ways[i][0]);
        test_contains(cli.out, "crib run FILE [ARG...]");
        test_contains(cli.out, "crib policy check FILE...");
    }
    CLI_EXPECT(&cli, 0, "help", "run");
    help = strdup(cli.out);
    test_contains(help, "Exit status:");
    CLI_EXPECT(&cli, 0, "run", "--help");
    assert_string_equal(cli.out, help);
    CLI_EXPECT(&cli, 0, "run", "-p", "nonsense", "-h", "true");
    assert_string_equal(cli.out, help);
    free(help);
    cli_done(&cli);
}

static void test_version(void **state)
{
    struct cli cli = {0};

    (void)state;
    CLI_EXPECT(&cli, 0, "version");
    assert_string_equal(cli.out, "crib " CRIB_VERSION "\n");
    CLI_EXPECT(&cli, 0, "--version");
    assert_string_equal(cli.out, "crib " CRIB_VERSION "\n");
    cli_done(&cli);
}

/* What cannot be written is told, not passed over. */
static void test_full_output(void **state)
{
    struct cli cli = {.output_file = "/dev/full"};

    (void)state;
    CLI_EXPECT(&cli, STATUS_FAILED, "help");
    test_contains(cli.err, "crib: stdout: No space left on device");
    CLI_EXPECT(&cli, STATUS_FAILED, "policy", "list");
    test_contains(cli.err, "crib: stdout: No space left on device");
    cli.output_file = NULL;
    cli.closed = 1 << 1;
    CLI_EXPECT(&cli, STATUS_FAILED, "version");
    test_contains(cli.err, "crib: stdout: Bad file descriptor");
    cli_done(&cli);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_operands),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_json_needs_a_place),
        cmocka_unit_test(test_result_fd_alone),
        cmocka_unit_test(test_harmless),
        cmocka_unit_test(test_help),
        cmocka_unit_test(test_version),
        cmocka_unit_test(test_full_output),
    };

    return test_run(tests);
}
