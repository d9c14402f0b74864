/* SPDX-License-Identifier: Apache-2.0 */
/* crib policy prove. */
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"

/* Writes a policy. Return: its path; the caller unlinks and frees. */
static char *write_policy(const char *dir, const char *text)
{
    char *path = malloc(512);

    assert_non_null(path);
    snprintf(path, 512, "%s/rules.yaml", dir);
    test_write(path, text, strlen(text), 0644);
    return path;
}

static void test_every_shipped_policy(void **state)
{
    static const char *const names[] = {"default", "judge", "strict", "node",
                                        "network", "shell", "worker"};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct cli cli = {0};

        CLI_EXPECT(&cli, 0, "policy", "prove", names[i]);
        test_contains(cli.out, ": proven; both programs do what the rules say\nrules: ");
        test_contains(cli.out, "\n  instructions (at most 4096) ");
        test_contains(cli.out, "\n  numbers of i386 and others, to kill ");
        assert_string_equal(cli.err, "");
        cli_done(&cli);
    }
}

static void test_no_filter_is_nothing_to_prove(void **state)
{
    struct cli cli = {0};

    (void)state;
    CLI_EXPECT(&cli, 0, "policy", "prove", "open");
    assert_string_equal(cli.out, "open: syscalls.filter is off: there is nothing to prove\n");
    cli_done(&cli);
}

/* The same rules in another order have the same number, others another. */
static void test_the_number_of_the_rules(void **state)
{
    static const char *const texts[] = {
        "extends: [default]\nsyscalls:\n  deny: [mkdir, \"lseek(offset < 5)\"]\n",
        "extends: [default]\nsyscalls:\n  deny: [\"lseek(offset < 0x5)\", mkdir]\n",
        "extends: [default]\nsyscalls:\n  deny: [\"lseek(offset < 6)\", mkdir]\n",
    };
    char number[3][17], *dir = cli_dir();

    (void)state;
    for (int i = 0; i < 3; i++) {
        char *path = write_policy(dir, texts[i]), *at;
        struct cli cli = {0};

        CLI_EXPECT(&cli, 0, "policy", "prove", path);
        at = strstr(cli.out, "\nrules: ");
        assert_non_null(at);
        snprintf(number[i], sizeof(number[i]), "%.16s", at + 8);
        unlink(path);
        free(path);
        cli_done(&cli);
    }
    assert_string_equal(number[0], number[1]);
    assert_string_not_equal(number[0], number[2]);
    free(dir);
}

static void test_what_cannot_be_proven(void **state)
{
    struct cli cli = {0};
    char *dir = cli_dir(), *path;

    (void)state;
    CLI_EXPECT(&cli, STATUS_FAILED, "policy", "prove", "no-such-policy");
    test_contains(cli.err, "no-such-policy");
    CLI_EXPECT(&cli, STATUS_FAILED, "policy", "prove");
    test_contains(cli.err, "prove FILE");
    path = write_policy(dir, "extends: [default]\nsyscalls:\n  deny: [lseek(ofset < 5)]\n");
    CLI_EXPECT(&cli, STATUS_FAILED, "policy", "prove", path);
    test_contains(cli.err, "rules.yaml:3:10: lseek has no argument 'ofset'");
    unlink(path);
    free(path);
    free(dir);
    cli_done(&cli);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_shipped_policy),
        cmocka_unit_test(test_no_filter_is_nothing_to_prove),
        cmocka_unit_test(test_the_number_of_the_rules),
        cmocka_unit_test(test_what_cannot_be_proven),
    };

    return test_run(tests);
}
