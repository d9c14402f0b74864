/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crib inside a task, without a daemon: the kernel itself holds it. Filters stack, mounts and
 * capabilities only shrink; what is lost is the reasons, for there is one listener alone.
 */
#include "cli/cli.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/command.h"

static char *dir;
static char command[PATH_MAX], policy[PATH_MAX], secret[PATH_MAX];

/* A policy that leaves nearly all to its task: what crib needs, and all calls but one. */
static int begin(void **state)
{
    char text[4 * PATH_MAX], *program;
    size_t len;

    (void)state;
    dir = cli_dir();
    snprintf(command, sizeof(command), "%s/crib", dir);
    snprintf(policy, sizeof(policy), "%s/wide.yaml", dir);
    snprintf(secret, sizeof(secret), "%s/secret", dir);
    program = test_read(cli_program("crib"), &len);
    test_write(command, program, len, 0755);
    free(program);
    test_write(secret, "secret\n", 7, 0644);
    snprintf(text, sizeof(text),
             "extends: [open]\n"
             "namespaces: {mount: new}\n"
             "mounts:\n"
             "- {type: host, target: /bin}\n"
             "- {type: host, target: /lib}\n"
             "- {type: host, target: /lib64, optional: true}\n"
             "- {target: /usr}\n"
             "- {target: /etc}\n"
             "- {type: proc, target: /proc, write: true}\n"
             "- {type: tmpfs, target: /tmp}\n"
             "- {target: /dev/null, write: true, dev: true}\n"
             "- {target: /dev/zero, write: true, dev: true}\n"
             "- {target: /dev/full, write: true, dev: true}\n"
             "- {target: /dev/random, dev: true}\n"
             "- {target: /dev/urandom, dev: true}\n"
             "- {target: %s}\n"
             "syscalls:\n"
             "  filter: on\n"
             "  deny: [sync, syncfs]\n"
             "  allow: ['@known']\n",
             command);
    test_write(policy, text, strlen(text), 0644);
    return 0;
}

static int end(void **state)
{
    (void)state;
    free(dir);
    return 0;
}

/* `sync -f` says so where it may not. */
static const char script[] = "mkdir /tmp/x && echo made; sync -f /tmp || echo refused";

static void test_a_call_denied_outside(void **state)
{
    struct cli cli = {0};

    (void)state;
    /* alone it may: the test can fail */
    CLI_EXPECT(&cli, 0, "run", "-q", "-p", "shell", "sh", "-c", script);
    assert_string_equal(cli.out, "made\n");
    CLI_EXPECT(&cli, 0, "run", "-q", "-p", policy, command, "run", "-q", "-p", "shell", "sh", "-c",
               script);
    assert_string_equal(cli.out, "made\nrefused\n");
    CLI_EXPECT(&cli, 0, "run", "-q", "-p", policy, command, "run", "-q", "-p", "open", "sh", "-c",
               "sync -f /tmp || echo refused");
    assert_string_equal(cli.out, "refused\n");
    cli_done(&cli);
}

static void test_nothing_more_is_seen(void **state)
{
    struct cli cli = {0};

    (void)state;
    CLI_EXPECT(&cli, 0, "run", "-p", "open", "-C", "/", "cat", secret);
    CLI_EXPECT(&cli, 1, "run", "-p", policy, command, "run", "-p", "open", "cat", secret);
    assert_string_equal(cli.out, "");
    cli_done(&cli);
}

static void test_the_receipt_says_so(void **state)
{
    char line[PATH_MAX + 128];
    struct cli cli = {0};

    (void)state;
    snprintf(line, sizeof(line), "exec 9>&1; exec %s run -q --json --result-fd 9 -p shell true",
             command);
    CLI_EXPECT(&cli, 0, "run", "-q", "-p", policy, "sh", "-c", line);
    test_contains(cli.out, "\"mechanism\":\"syscalls.reasons\"");
    test_contains(strstr(cli.out, "syscalls.reasons"), "not available");
    cli_done(&cli);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(test_a_call_denied_outside),
        TEST(test_nothing_more_is_seen),
        TEST(test_the_receipt_says_so),
    };

    return test_run(tests);
}
