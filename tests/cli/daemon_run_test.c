/* SPDX-License-Identifier: Apache-2.0 */
/* run, exec, fork, plan and policy through a daemon: as without one. */
#include "cli/daemon.h"

#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/command.h"

static void test_status_is_the_tasks_own(void **state)
{
    struct cli cli = {0};

    (void)state;
    daemon_begin(NULL);
    CLI_EXPECT(&cli, 0, "run", "true");
    CLI_EXPECT(&cli, 7, "run", "sh", "-c", "exit 7");
    CLI_EXPECT(&cli, 128 + SIGTERM, "run", "sh", "-c", "kill -TERM $$");
    CLI_EXPECT(&cli, STATUS_TIMEOUT, "run", "--timeout", "200ms", "sleep", "50");
    assert_string_equal(cli.err, "");
    CLI_EXPECT(&cli, STATUS_NOT_FOUND, "run", "no-such-program-here");
    test_contains(cli.err, "no-such-program-here");
    CLI_EXPECT(&cli, STATUS_NOT_FOUND, "run", "/no/such/program");
    test_contains(cli.err, "/no/such/program");
    CLI_EXPECT(&cli, STATUS_UNRUNNABLE, "run", "/etc/ld.so.cache");
    CLI_EXPECT(&cli, STATUS_FAILED, "run", "-C", "/no/such/directory", "true");
    test_contains(cli.err, "/no/such/directory");
    cli_done(&cli);
    daemon_end();
}

/* Our own stdin, stdout and stderr are the task's, and so are a file's. */
static void test_streams(void **state)
{
    char *dir, path[4096], *text;
    struct cli cli = {.input = "one\ntwo\n"};

    (void)state;
    daemon_begin(NULL);
    CLI_EXPECT(&cli, 0, "exec", "cat; echo error >&2");
    assert_string_equal(cli.out, "one\ntwo\n");
    assert_string_equal(cli.err, "error\n");
    dir = cli_dir();
    snprintf(path, sizeof(path), "%s/out", dir);
    test_write(path, "", 0, 0644);
    cli.output_file = path;
    CLI_EXPECT(&cli, 0, "run", "sort", "-r");
    text = test_read(path, NULL);
    assert_string_equal(text, "two\none\n");
    free(text);
    cli_done(&cli);
    free(dir);
    daemon_end();
}

/* Relative paths begin where crib was started, and variables are those that it had. */
static void test_surroundings(void **state)
{
    struct cli cli = {0};
    char *dir, *before = getcwd(NULL, 0);

    (void)state;
    daemon_begin(NULL);
    dir = cli_dir();
    assert_int_equal(chdir(dir), 0);
    test_write("script", "#!/bin/sh\necho script $1\n", 25, 0755);
    test_write("data", "bound\n", 6, 0644);
    CLI_EXPECT(&cli, 0, "run", "./script", "one");
    assert_string_equal(cli.out, "script one\n");
    CLI_EXPECT(&cli, 0, "run", "--bind", "data:/tmp/data", "cat", "/tmp/data");
    assert_string_equal(cli.out, "bound\n");
    setenv("TERM", "strange", 1);
    setenv("PASSED", "on", 1);
    setenv("TOKEN", "secret", 1);
    CLI_EXPECT(&cli, 0, "run", "-e", "PASSED", "-e", "SET=x y", "env");
    test_contains(cli.out, "TERM=strange\n");
    test_contains(cli.out, "PASSED=on\n");
    test_contains(cli.out, "SET=x y\n");
    assert_null(strstr(cli.out, "secret"));
    unsetenv("PASSED");
    unsetenv("TOKEN");
    cli_done(&cli);
    assert_int_equal(chdir(before), 0);
    free(before);
    free(dir);
    daemon_end();
}

static void test_fork(void **state)
{
    struct cli cli = {.input = "{\"number\": 20}\n[1, 2]\n"};

    (void)state;
    daemon_begin(NULL);
    CLI_EXPECT(&cli, 0, "fork", cli_program("module"), "echo");
    assert_string_equal(cli.out, "{\"number\": 20}\n[1, 2]\n");
    assert_string_equal(cli.err, "");
    cli_done(&cli);
    daemon_end();
}

static void test_denials_and_result(void **state)
{
    struct cli cli = {.want_result = true};

    (void)state;
    daemon_begin(NULL);
    CLI_EXPECT(&cli, 3, "exec", "--json", "--result-fd", "9",
               "unshare -n true 2>/dev/null; exit 3");
    assert_int_equal(cli_lines(cli.err, "crib: denied: unshare("), 1);
    assert_int_equal(cli_lines(cli.result, ""), 1);
    test_contains(cli.result, "\"verdict\":\"exited\",\"status\":3");
    test_contains(cli.result, "\"receipt\":[{");
    test_contains(cli.result, "\"denials\":[{");
    CLI_EXPECT(&cli, STATUS_NOT_FOUND, "run", "--json", "--result-fd", "9", "no-such-program-here");
    test_contains(cli.result, "\"verdict\":\"setup_failed\"");
    cli_done(&cli);
    daemon_end();
}

static void interrupt(struct cli *cli)
{
    cli_wait_for(cli, "ready");
    kill(cli->pid, SIGINT);
}

static void test_signals_are_passed_on(void **state)
{
    struct cli cli = {.meanwhile = interrupt};

    (void)state;
    daemon_begin(NULL);
    CLI_EXPECT(&cli, 9, "exec", "trap 'exit 9' INT; echo ready; while :; do sleep 0.02; done");
    cli_done(&cli);
    daemon_end();
}

static bool no_tasks(void *data)
{
    Crib__ListRequest request = CRIB__LIST_REQUEST__INIT;
    const Crib__ListResponse *list = cribd_call(&cribd, RPC_LIST, &request);

    (void)data;
    return list->n_tasks == 0;
}

static void murder(struct cli *cli)
{
    cli_wait_for(cli, "ready");
    assert_false(no_tasks(NULL));
    kill(cli->pid, SIGKILL);
}

/* A task that is not detached goes with crib, however that goes. */
static void test_crib_is_killed(void **state)
{
    struct cli cli = {.meanwhile = murder};

    (void)state;
    daemon_begin(NULL);
    CLI_EXPECT(&cli, 1000 + SIGKILL, "exec", "trap '' HUP INT TERM; echo ready; sleep 1000");
    cribd_until(no_tasks, NULL, "the task is gone");
    cli_done(&cli);
    daemon_end();
}

static void kill_daemon(struct cli *cli)
{
    cli_wait_for(cli, "ready");
    cribd_kill(&cribd);
}

static void test_daemon_is_killed(void **state)
{
    struct cli cli = {.meanwhile = kill_daemon};

    (void)state;
    daemon_begin(NULL);
    CLI(&cli, "exec", "echo ready; sleep 1000");
    assert_int_not_equal(cli.status, 0);
    test_contains(cli.err, "crib: ");
    cli_done(&cli);
    daemon_end();
}

/* --socket beats CRIB_SOCKET; an empty one is none, and so is one that is not set. */
static void test_which_daemon(void **state)
{
    static const char *const commands[] = {"run", "exec", "fork", "plan"};
    struct cli cli = {0};

    (void)state;
    daemon_begin(NULL);
    for (size_t i = 0; i < 4; i++) {
        CLI_EXPECT(&cli, STATUS_FAILED, commands[i], "--socket", "/no/such/socket", "true");
        test_contains(cli.err, "/no/such/socket");
    }
    setenv("CRIB_SOCKET", "/no/such/socket", 1);
    CLI_EXPECT(&cli, STATUS_FAILED, "run", "true");
    CLI_EXPECT(&cli, 0, "run", "--socket=", "true");
    CLI_EXPECT(&cli, 0, "run", "--socket", cribd.socket, "sh", "-c", "echo there");
    assert_string_equal(cli.out, "there\n");
    setenv("CRIB_SOCKET", "", 1);
    CLI_EXPECT(&cli, 0, "run", "true");
    CLI_EXPECT(&cli, STATUS_FAILED, "ps");
    test_contains(cli.err, "empty socket");
    CLI_EXPECT(&cli, 0, "ps", "--socket", cribd.socket);
    cli_done(&cli);
    daemon_end();
}

static void test_plan(void **state)
{
    struct cli here = {0}, there = {0};

    (void)state;
    daemon_begin(NULL);
    CLI_EXPECT(&there, 0, "plan", "-e", "A=1", "--tmpfs", "/scratch", "sort", "words");
    CLI_EXPECT(&here, 0, "plan", "--socket=", "-e", "A=1", "--tmpfs", "/scratch", "sort", "words");
    test_contains(there.out, "program:\n");
    test_contains(there.out, "/scratch");
    test_contains(there.out, "A=1");
    CLI_EXPECT(&there, STATUS_NOT_FOUND, "plan", "/no/such/program");
    cli_done(&here);
    cli_done(&there);
    daemon_end();
}

static const char site[] = "rules:\n- {policies: [default, strict], widest: default}\n";

/* What a site does not allow is refused, by name and inline; a file is read where crib is. */
static void test_policies(void **state)
{
    struct cli cli = {0};
    char *dir, *before = getcwd(NULL, 0);

    (void)state;
    daemon_begin(site);
    dir = cli_dir();
    assert_int_equal(chdir(dir), 0);
    test_write("mine.yaml", "extends: [default]\nsyscalls: {deny: [socket]}\n", 46, 0600);
    test_write("wide.yaml", "extends: [open]\n", 16, 0600);
    test_write("bad.yaml", "limits: {memroy: 1}\n", 20, 0600);
    CLI_EXPECT(&cli, 0, "run", "-p", "strict", "true");
    CLI_EXPECT(&cli, STATUS_FAILED, "run", "-p", "open", "true");
    test_contains(cli.err, "open");
    CLI_EXPECT(&cli, 0, "run", "-p", "./mine.yaml", "true");
    CLI_EXPECT(&cli, STATUS_FAILED, "run", "-p", "./wide.yaml", "true");
    CLI_EXPECT(&cli, 0, "policy", "check", "strict", "./mine.yaml");
    CLI_EXPECT(&cli, STATUS_INVALID, "policy", "check", "strict", "open");
    CLI_EXPECT(&cli, STATUS_INVALID, "policy", "check", "./wide.yaml");
    assert_int_equal(cli_lines(cli.err, "crib: "), 1);
    CLI_EXPECT(&cli, STATUS_INVALID, "policy", "check", "./bad.yaml");
    test_contains(cli.err, "bad.yaml:1:");
    CLI_EXPECT(&cli, 0, "policy", "list");
    assert_string_equal(cli.out, "default\nstrict\n");
    CLI_EXPECT(&cli, 0, "policy", "show", "strict");
    test_contains(cli.out, "syscalls:\n");
    CLI_EXPECT(&cli, STATUS_FAILED, "policy", "show", "open");
    cli_done(&cli);
    assert_int_equal(chdir(before), 0);
    free(before);
    free(dir);
    daemon_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status_is_the_tasks_own),
        cmocka_unit_test(test_streams),
        cmocka_unit_test(test_surroundings),
        cmocka_unit_test(test_fork),
        cmocka_unit_test(test_denials_and_result),
        cmocka_unit_test(test_signals_are_passed_on),
        cmocka_unit_test(test_crib_is_killed),
        cmocka_unit_test(test_daemon_is_killed),
        cmocka_unit_test(test_which_daemon),
        cmocka_unit_test(test_plan),
        cmocka_unit_test(test_policies),
    };

    return test_run(tests);
}
