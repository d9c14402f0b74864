/* SPDX-License-Identifier: Apache-2.0 */
/* run -d and what can be done with such a task: ps, wait, kill, logs, inspect, forget; and info. */
#include "cli/daemon.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/command.h"
#include "node/json.h"

static void test_life(void **state)
{
    struct cli cli = {0};
    char *task;

    (void)state;
    daemon_begin(NULL);
    task = DAEMON_DETACH("--label", "mine", "sh", "-c", "echo out; echo error >&2; exit 7", "x y");
    CLI_EXPECT(&cli, 7, "wait", task);
    assert_string_equal(cli.out, "");
    assert_string_equal(cli.err, "");
    CLI_EXPECT(&cli, 0, "ps");
    assert_int_equal(cli_lines(cli.out, ""), 2);
    assert_int_equal(cli_lines(cli.out, "TASK "), 1);
    test_contains(cli.out, " exited 7 ");
    test_contains(cli.out, " mine ");
    test_contains(cli.out, " default ");
    test_contains(cli.out, " sh -c echo out; echo error >&2; exit 7 x y\n");
    for (int i = 0; i < 2; i++) { /* again and again */
        CLI_EXPECT(&cli, 0, "logs", task);
        assert_string_equal(cli.out, "out\n");
        assert_string_equal(cli.err, "error\n");
        CLI_EXPECT(&cli, 0, "logs", "-f", task);
        assert_string_equal(cli.out, "out\n");
        assert_string_equal(cli.err, "error\n");
        CLI_EXPECT(&cli, 7, "wait", task);
    }
    CLI_EXPECT(&cli, 0, "forget", task);
    CLI_EXPECT(&cli, STATUS_FAILED, "inspect", task);
    CLI_EXPECT(&cli, STATUS_FAILED, "wait", task);
    CLI_EXPECT(&cli, STATUS_FAILED, "logs", task);
    CLI_EXPECT(&cli, STATUS_FAILED, "attach", task);
    CLI_EXPECT(&cli, STATUS_FAILED, "forget", task);
    CLI_EXPECT(&cli, 0, "ps");
    assert_int_equal(cli_lines(cli.out, ""), 1);
    cli_done(&cli);
    free(task);
    daemon_end();
}

static void test_wait_tells_as_run_does(void **state)
{
    struct cli cli = {0};
    char *task;

    (void)state;
    daemon_begin(NULL);
    task = DAEMON_DETACH("sh", "-c", "kill -TERM $$");
    CLI_EXPECT(&cli, 128 + SIGTERM, "wait", task);
    free(task);
    task = DAEMON_DETACH("--timeout", "100ms", "sleep", "1000");
    CLI_EXPECT(&cli, STATUS_TIMEOUT, "wait", task);
    CLI_EXPECT(&cli, 0, "ps");
    test_contains(cli.out, " timeout ");
    free(task);
    task = DAEMON_DETACH("sh", "-c", "unshare -n true 2>/dev/null; exit 5");
    CLI_EXPECT(&cli, 5, "wait", task);
    assert_int_equal(cli_lines(cli.err, "crib: denied: unshare("), 1);
    CLI_EXPECT(&cli, 5, "wait", "-q", task);
    assert_string_equal(cli.err, "");
    CLI_EXPECT(&cli, 5, "wait", "--forget", task);
    CLI_EXPECT(&cli, STATUS_FAILED, "wait", "--forget", task);
    CLI_EXPECT(&cli, STATUS_NOT_FOUND, "run", "-d", "/no/such/program");
    assert_string_equal(cli.out, "");
    test_contains(cli.err, "/no/such/program");
    free(task);
    cli_done(&cli);
    daemon_end();
}

/* A signal handler that ends it; KILL; one of several that is not there. */
static void test_kill(void **state)
{
    static const char trap[] =
        "trap 'echo caught; exit 4' USR1; echo ready; while :; do sleep 0.02; done";
    struct cli cli = {0};
    char *one, *other;

    (void)state;
    daemon_begin(NULL);
    one = DAEMON_DETACH("sh", "-c", trap);
    other = DAEMON_DETACH("sleep", "1000");
    do /* until it has set its trap */
        CLI_EXPECT(&cli, 0, "logs", one);
    while (strcmp(cli.out, "ready\n") != 0);
    CLI_EXPECT(&cli, 0, "ps");
    test_contains(cli.out, " running ");
    CLI_EXPECT(&cli, STATUS_FAILED, "kill", "-s", "usr1", "999", one);
    test_contains(cli.err, "999");
    CLI_EXPECT(&cli, 4, "wait", one);
    CLI_EXPECT(&cli, STATUS_FAILED, "kill", one);
    test_contains(cli.err, "the task has ended");
    CLI_EXPECT(&cli, 0, "kill", other);
    CLI_EXPECT(&cli, 128 + SIGTERM, "wait", other);
    free(one);
    one = DAEMON_DETACH("sh", "-c", "trap '' TERM; sleep 1000");
    CLI_EXPECT(&cli, 0, "kill", "-s9", one);
    CLI_EXPECT(&cli, 128 + SIGKILL, "wait", one);
    CLI_EXPECT(&cli, 0, "ps");
    test_contains(cli.out, " killed KILL ");
    CLI_EXPECT(&cli, STATUS_FAILED, "kill", "-s", "nonsense", one);
    cli_done(&cli);
    free(one);
    free(other);
    daemon_end();
}

static const char *followed;

static void say_more(struct cli *cli)
{
    struct cli kill = {0};

    cli_wait_for(cli, "ready\n");
    CLI_EXPECT(&kill, 0, "kill", "-s", "USR1", followed);
    cli_wait_for(cli, "more\n");
    CLI_EXPECT(&kill, 0, "kill", "-s", "USR2", followed);
    cli_done(&kill);
}

static void test_logs_follow(void **state)
{
    struct cli cli = {.meanwhile = say_more};
    char *task;

    (void)state;
    daemon_begin(NULL);
    task = DAEMON_DETACH("sh", "-c",
                         "trap 'echo more' USR1; trap 'echo end >&2; exit 3' USR2; echo ready; "
                         "while :; do sleep 0.02; done");
    followed = task;
    CLI_EXPECT(&cli, 0, "logs", "--follow", task);
    assert_string_equal(cli.out, "ready\nmore\n");
    assert_string_equal(cli.err, "end\n");
    cli_done(&cli);
    free(task);
    daemon_end();
}

/* The last MiB is kept, and the number that is told is exactly what is missing. */
static void test_logs_of_much(void **state)
{
    enum { LINES = 400000, WIDTH = 8 };
    struct cli cli = {0};
    unsigned long long lost = 0;
    size_t len;
    char *task, last[32];

    (void)state;
    daemon_begin(NULL);
    task = DAEMON_DETACH("sh", "-c", "seq -f %07.0f 1 400000; echo done >&2");
    CLI_EXPECT(&cli, 0, "wait", task);
    CLI_EXPECT(&cli, 0, "logs", task);
    len = strlen(cli.out);
    assert_int_equal(sscanf(cli.err, "crib: stdout: %llu bytes are lost here", &lost), 1);
    assert_int_equal(lost + len, LINES * WIDTH);
    assert_true(len >= 1 << 20);
    snprintf(last, sizeof(last), "%07d\n", LINES);
    assert_string_equal(cli.out + len - WIDTH, last);
    snprintf(last, sizeof(last), "%07llu\n", lost / WIDTH + 1);
    assert_int_equal(strncmp(cli.out, last + lost % WIDTH, WIDTH - lost % WIDTH), 0);
    test_contains(cli.err, "done\n");
    cli.output_file = "/dev/full";
    CLI_EXPECT(&cli, STATUS_FAILED, "logs", task);
    test_contains(cli.err, "stdout: No space left on device");
    cli_done(&cli);
    free(task);
    daemon_end();
}

/* Reading another client's output would take it away. */
static void test_logs_of_a_clients_task(void **state)
{
    struct cli cli = {0};
    char number[32];
    uint64_t task;

    (void)state;
    daemon_begin(NULL);
    task = cribd_spawn(&cribd, "/bin/sh", (const char *[]){"-c", "echo mine", NULL}, NULL);
    cribd_wait(&cribd, task, CRIB__TASK_STATE__ENDING);
    snprintf(number, sizeof(number), "%llu", (unsigned long long)task);
    CLI_EXPECT(&cli, STATUS_FAILED, "logs", number);
    test_contains(cli.err, "not detached");
    CLI_EXPECT(&cli, STATUS_FAILED, "attach", number);
    test_contains(cli.err, "not detached");
    assert_string_equal(cribd_output(&cribd, task, 1), "mine\n");
    CLI_EXPECT(&cli, 0, "wait", number);
    cli_done(&cli);
    daemon_end();
}

static void test_inspect_and_info(void **state)
{
    struct cli cli = {0};
    char *task, text[128];

    (void)state;
    daemon_begin(NULL);
    task = DAEMON_DETACH("sh", "-c", "printf 12345; exit 2");
    CLI_EXPECT(&cli, 2, "wait", task);
    CLI_EXPECT(&cli, 0, "inspect", task);
    assert_int_equal(cli_lines(cli.out, ""), 1);
    assert_int_equal(node_json_check((struct node_json){cli.out, strlen(cli.out)}), 0);
    snprintf(text, sizeof(text), "{\"info\":{\"task\":%s,\"state\":\"ENDED\"", task);
    test_contains(cli.out, text);
    snprintf(text, sizeof(text), "\"uid\":%u", (unsigned)getuid());
    test_contains(cli.out, getuid() ? text : "\"pid\":"); /* what is 0 is left out */
    test_contains(cli.out, "\"args\":[\"-c\",\"printf 12345; exit 2\"]");
    test_contains(cli.out, "\"detached\":true");
    test_contains(cli.out, "\"verdict\":\"exited\",\"status\":2");
    test_contains(cli.out, "\"receipt\":[{");
    test_contains(cli.out, "{\"stream\":1,\"next\":5,\"end\":true}");
    CLI_EXPECT(&cli, 0, "info");
    test_contains(cli.out, "version: " CRIB_VERSION "\n");
    snprintf(text, sizeof(text), "peer_uid: %u\n", (unsigned)getuid());
    test_contains(cli.out, text);
    test_contains(cli.out, "policies: [default, ");
    test_contains(cli.out, "tasks: 0\n");
    test_contains(cli.out, "draining: false\n");
    test_contains(cli.out, "max_message: ");
    cli_done(&cli);
    free(task);
    daemon_end();
}

/* Detached tasks start where crib did, with what it was given. */
static void test_surroundings(void **state)
{
    char *dir, *task, *before = getcwd(NULL, 0);
    struct cli cli = {0};

    (void)state;
    daemon_begin(NULL);
    dir = cli_dir();
    assert_int_equal(chdir(dir), 0);
    test_write("data", "bound\n", 6, 0644);
    test_write("script", "#!/bin/sh\ncat /tmp/data; echo $PASSED $SET\n", 43, 0755);
    test_write("mine.yaml", "extends: [default]\n", 19, 0600);
    setenv("PASSED", "on", 1);
    task = DAEMON_DETACH("-p", "./mine.yaml", "--bind", "data:/tmp/data", "-e", "PASSED", "-e",
                         "SET=1", "./script");
    unsetenv("PASSED");
    assert_int_equal(chdir(before), 0);
    CLI_EXPECT(&cli, 0, "wait", task);
    CLI_EXPECT(&cli, 0, "logs", task);
    assert_string_equal(cli.out, "bound\non 1\n");
    cli_done(&cli);
    free(before);
    free(task);
    free(dir);
    daemon_end();
}

/* What a task is called can be anything; what ps says is for a terminal. */
static void test_ps_is_harmless(void **state)
{
    struct cli cli = {0};
    char *task, *many[40] = {NULL};

    (void)state;
    daemon_begin(NULL);
    task = DAEMON_DETACH("--label", "\x1b[2Jx\ny", "true", "\x1b]0;title\a", "\xff\n\xc2\x9b");
    CLI_EXPECT(&cli, 0, "wait", task);
    CLI_EXPECT(&cli, 0, "ps");
    assert_int_equal(cli_lines(cli.out, ""), 2);
    for (const char *at = cli.out; *at; at++)
        assert_true(((unsigned char)*at >= 0x20 && *at != 0x7f) || *at == '\n');
    assert_null(strstr(cli.out, "\xc2\x9b"));
    test_contains(cli.out, "?[2Jx?y");
    /* in the order of their numbers */
    for (int i = 0; i < 40; i++)
        many[i] = DAEMON_DETACH("true");
    CLI_EXPECT(&cli, 0, "ps");
    assert_int_equal(cli_lines(cli.out, ""), 42);
    for (int i = 0; i < 40; i++) {
        test_contains(cli.out, many[i]);
        free(many[i]);
    }
    cli_done(&cli);
    free(task);
    daemon_end();
}

static void test_usage(void **state)
{
    static const char *const numbers[] = {"x", "0", "-1", "1x", "99999999999999999999", ""};
    static const char *const commands[] = {"wait", "kill", "logs", "attach", "inspect", "forget"};
    struct cli cli = {0};

    (void)state;
    daemon_begin(NULL);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        for (size_t j = 0; j < sizeof(commands) / sizeof(commands[0]); j++) {
            CLI_EXPECT(&cli, STATUS_FAILED, commands[j], "--", numbers[i]);
            test_contains(cli.err, "is no number of a task");
        }
    CLI_EXPECT(&cli, STATUS_FAILED, "run", "--label", "x", "true");
    test_contains(cli.err, "--label is for --detach");
    cli.want_result = true;
    CLI_EXPECT(&cli, STATUS_FAILED, "run", "-d", "--json", "--result-fd", "9", "true");
    test_contains(cli.err, "not for --detach");
    cli.want_result = false;
    CLI_EXPECT(&cli, STATUS_FAILED, "exec", "-d", "true");
    CLI_EXPECT(&cli, STATUS_FAILED, "wait", "1", "2");
    CLI_EXPECT(&cli, STATUS_FAILED, "ps", "1");
    CLI_EXPECT(&cli, STATUS_FAILED, "run", "--socket=", "-d", "true");
    cli_done(&cli);
    daemon_end();
}

static void test_no_daemon(void **state)
{
    static const char *const commands[] = {"wait", "kill", "logs", "attach", "inspect", "forget"};
    struct cli cli = {0};
    char *dir = test_dir(), path[300];

    (void)state;
    snprintf(path, sizeof(path), "%s/nobody", dir);
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        CLI_EXPECT(&cli, STATUS_FAILED, commands[i], "--socket", path, "1");
        test_contains(cli.err, path);
    }
    CLI_EXPECT(&cli, STATUS_FAILED, "run", "-d", "--socket", path, "true");
    CLI_EXPECT(&cli, STATUS_FAILED, "ps", "--socket", path);
    CLI_EXPECT(&cli, STATUS_FAILED, "info", "--socket", path);
    /* Where a user's own daemon would listen. */
    setenv("XDG_RUNTIME_DIR", dir, 1);
    snprintf(path, sizeof(path), "%s/crib.sock", dir);
    test_write(path, "", 0, 0600);
    CLI_EXPECT(&cli, STATUS_FAILED, "ps");
    test_contains(cli.err, path);
    unsetenv("XDG_RUNTIME_DIR");
    cli_done(&cli);
    free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life),
        cmocka_unit_test(test_wait_tells_as_run_does),
        cmocka_unit_test(test_kill),
        cmocka_unit_test(test_logs_follow),
        cmocka_unit_test(test_logs_of_much),
        cmocka_unit_test(test_logs_of_a_clients_task),
        cmocka_unit_test(test_inspect_and_info),
        cmocka_unit_test(test_surroundings),
        cmocka_unit_test(test_ps_is_harmless),
        cmocka_unit_test(test_usage),
        cmocka_unit_test(test_no_daemon),
    };

    return test_run(tests);
}
