/* SPDX-License-Identifier: Apache-2.0 */
/* --var NAME=VALUE, here and under a daemon: a client gives what is declared and not fixed. */
#include "cli/daemon.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/command.h"

static char *dir;
static char policy[PATH_MAX], here[PATH_MAX + 8];

static void write_in(const char *name, const char *text)
{
    char path[PATH_MAX];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    test_write(path, text, strlen(text), 0644);
}

static int begin(void **state)
{
    (void)state;
    dir = cli_dir();
    write_in("data", "the data\n");
    write_in("p.yaml", "extends: [default]\n"
                       "vars:\n"
                       "- {name: TASK_DIR, about: what it works on}\n"
                       "- {name: MODE, value: quiet}\n"
                       "- {name: HOME_DIR, value: /tmp, fixed: true}\n"
                       "mounts: [{source: '${TASK_DIR}', target: /data}]\n"
                       "env: {set: ['MODE=${MODE}', 'AT=${TASK_DIR}']}\n");
    snprintf(policy, sizeof(policy), "%s/p.yaml", dir);
    snprintf(here, sizeof(here), "TASK_DIR=%s", dir);
    return 0;
}

static int end(void **state)
{
    (void)state;
    free(dir);
    return 0;
}

static void run_all(void)
{
    struct cli cli = {0};

    CLI_EXPECT(&cli, 0, "run", "-p", policy, "--var", here, "cat", "/data/data");
    assert_string_equal(cli.out, "the data\n");
    CLI_EXPECT(&cli, 0, "exec", "-p", policy, "--var", here, "--var", "MODE=a b", "echo $MODE $AT");
    test_contains(cli.out, "a b ");
    test_contains(cli.out, dir);
    CLI_EXPECT(&cli, 0, "plan", "-p", policy, "--var", here, "true");
    test_contains(cli.out, "MODE=quiet");
    assert_null(strstr(cli.out, "${"));
    CLI_EXPECT(&cli, STATUS_FAILED, "run", "-p", policy, "true");
    test_contains(cli.err, "variable TASK_DIR has no value: give --var TASK_DIR=...");
    CLI_EXPECT(&cli, STATUS_FAILED, "run", "-p", policy, "--var", here, "--var", "HOME_DIR=/",
               "true");
    test_contains(cli.err, "variable HOME_DIR is fixed");
    CLI_EXPECT(&cli, STATUS_FAILED, "run", "-p", policy, "--var", "TASK_DRI=/", "true");
    test_contains(cli.err, "the policy has no variable 'TASK_DRI', did you mean 'TASK_DIR'?");
    CLI_EXPECT(&cli, STATUS_FAILED, "run", "-p", policy, "--var", "TASK_DIR=/srv/../etc", "true");
    test_contains(cli.err, "the path has a `..` in it");
    /* what is put in is not read again */
    CLI_EXPECT(&cli, STATUS_FAILED, "run", "-p", policy, "--var", "TASK_DIR=${HOME_DIR}", "true");
    test_contains(cli.err, "the path is not absolute");
    CLI_EXPECT(&cli, STATUS_FAILED, "run", "--var", "A=b", "true");
    test_contains(cli.err, "the policy has no variable 'A'");
    cli_done(&cli);
}

static void test_here(void **state)
{
    struct cli cli = {0};

    (void)state;
    run_all();
    CLI_EXPECT(&cli, STATUS_FAILED, "run", "--var", "A", "true");
    test_contains(cli.err, "--var 'A': must read NAME=VALUE");
    CLI_EXPECT(&cli, STATUS_FAILED, "run", "--var", "=A", "true");
    /* read, and told where it is wrong */
    write_in("p.yaml", "vars: [{name: DIR}]\nmounts:\n- {target: '${DRI}'}\n");
    CLI_EXPECT(&cli, STATUS_INVALID, "policy", "check", policy);
    test_contains(cli.err, "p.yaml:3:12: unknown variable 'DRI', did you mean 'DIR'?");
    write_in("p.yaml", "vars: [{name: A, value: /x}]\nmounts: [{target: '${A}'}]\n");
    CLI_EXPECT(&cli, 0, "policy", "show", policy);
    test_contains(cli.out, "target: ${A}");
    cli_done(&cli);
}

static void test_daemon(void **state)
{
    (void)state;
    daemon_begin(NULL);
    run_all();
    daemon_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_here, begin, end),
        cmocka_unit_test_setup_teardown(test_daemon, begin, end),
    };

    return test_run(tests);
}
