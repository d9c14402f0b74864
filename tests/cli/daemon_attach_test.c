/* SPDX-License-Identifier: Apache-2.0 */
/* crib attach: a detached task's streams on our own. */
#include "cli/daemon.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/command.h"

static void test_both_ways(void **state)
{
    struct cli cli = {.input = "hello\nthere\n"};
    char *task;

    (void)state;
    daemon_begin(NULL);
    task = DAEMON_DETACH("sh", "-c", "echo before; cat; echo error >&2; exit 6");
    CLI_EXPECT(&cli, 6, "attach", task);
    assert_string_equal(cli.out, "before\nhello\nthere\n");
    assert_string_equal(cli.err, "error\n");
    cli.input = NULL;
    CLI_EXPECT(&cli, 6, "attach", task); /* it has ended */
    assert_string_equal(cli.out, "before\nhello\nthere\n");
    cli_done(&cli);
    free(task);
    daemon_end();
}

/* From a file, which is no thing to be polled. */
static void test_from_a_file(void **state)
{
    struct cli cli = {0};
    char *task, *dir, path[4096], *text = calloc(1, 300001);

    (void)state;
    daemon_begin(NULL);
    dir = cli_dir();
    for (size_t i = 0; i < 300000; i++)
        text[i] = (char)('a' + i % 23);
    snprintf(path, sizeof(path), "%s/input", dir);
    test_write(path, text, 300000, 0644);
    cli.input_file = path;
    task = DAEMON_DETACH("cat");
    CLI_EXPECT(&cli, 0, "attach", task);
    assert_string_equal(cli.out, text);
    cli_done(&cli);
    free(text);
    free(task);
    free(dir);
    daemon_end();
}

/* Through two pipes, the daemon's queue and its ring, and not a byte is lost: attach reads as fast
 * as it comes, but a detached task does not wait for it. So the task says how much it has heard. */
static void test_much_input(void **state)
{
    const size_t len = 8 << 20;
    char *text = malloc(len + 1), *task;
    struct cli cli = {.input = text};

    (void)state;
    assert_non_null(text);
    for (size_t i = 0; i < len; i++)
        text[i] = (char)('!' + i % 89);
    text[len] = '\0';
    daemon_begin(NULL);
    task = DAEMON_DETACH("sh", "-c", "wc -c");
    CLI_EXPECT(&cli, 0, "attach", task);
    assert_string_equal(cli.out, "8388608\n");
    cli_done(&cli);
    free(text);
    free(task);
    daemon_end();
}

/* A task that does not want its input ends attach by its own end. */
static void test_unwanted_input(void **state)
{
    const size_t len = 8 << 20;
    char *text = malloc(len + 1), *task;
    struct cli cli = {.input = text};

    (void)state;
    assert_non_null(text);
    memset(text, 'x', len);
    text[0] = '\n';
    text[len] = '\0';
    daemon_begin(NULL);
    task = DAEMON_DETACH("sh", "-c", "read x; exit 4");
    CLI_EXPECT(&cli, 4, "attach", task);
    cli_done(&cli);
    free(text);
    free(task);
    daemon_end();
}

static const char *attached;

static void end_task(struct cli *cli)
{
    struct cli kill = {0};

    cli_wait_for(cli, "closed\n");
    CLI_EXPECT(&kill, 0, "kill", "-s", "USR1", attached);
    cli_done(&kill);
}

/* One that closes its input, and goes on. */
static void test_input_closed_inside(void **state)
{
    const size_t len = 8 << 20;
    struct cli cli = {.meanwhile = end_task};
    char *dir, *task, path[4096], *text = calloc(1, len);

    (void)state;
    assert_non_null(text);
    daemon_begin(NULL);
    dir = cli_dir();
    text[0] = '\n';
    snprintf(path, sizeof(path), "%s/input", dir);
    test_write(path, text, len, 0644);
    cli.input_file = path;
    task = DAEMON_DETACH("sh", "-c",
                         "trap 'exit 5' USR1; read x; exec <&-; echo closed; "
                         "while :; do sleep 0.02; done");
    attached = task;
    CLI_EXPECT(&cli, 5, "attach", task);
    assert_string_equal(cli.err, "");
    cli_done(&cli);
    free(text);
    free(task);
    free(dir);
    daemon_end();
}

static void leave(struct cli *cli)
{
    cli_wait_for(cli, "ready\n");
    kill(cli->pid, SIGINT);
}

/* SIGINT ends attach, not the task, which can be attached to again. */
static void test_leave_and_come_back(void **state)
{
    struct cli cli = {.meanwhile = leave};
    int input[2];
    char *task, path[64];

    (void)state;
    daemon_begin(NULL);
    assert_int_equal(pipe2(input, O_CLOEXEC), 0);
    snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)getpid(), input[0]);
    task = DAEMON_DETACH("sh", "-c", "echo ready; cat");
    cli.input_file = path;
    CLI_EXPECT(&cli, 1000 + SIGINT, "attach", task);
    cli.meanwhile = NULL;
    cli.input_file = NULL;
    CLI_EXPECT(&cli, 0, "ps");
    test_contains(cli.out, " running ");
    cli.input = "again\n";
    CLI_EXPECT(&cli, 0, "attach", task);
    assert_string_equal(cli.out, "ready\nagain\n");
    cli_done(&cli);
    close(input[0]);
    close(input[1]);
    free(task);
    daemon_end();
}

static void kill_daemon(struct cli *cli)
{
    cli_wait_for(cli, "ready\n");
    cribd_kill(&cribd);
}

static void test_daemon_is_killed(void **state)
{
    struct cli cli = {.meanwhile = kill_daemon};
    char *task;

    (void)state;
    daemon_begin(NULL);
    task = DAEMON_DETACH("sh", "-c", "echo ready; exec sleep 1000");
    CLI_EXPECT(&cli, STATUS_FAILED, "attach", task);
    test_contains(cli.err, "crib: ");
    cribd_restart(&cribd);
    cli.meanwhile = NULL;
    CLI_EXPECT(&cli, STATUS_FAILED, "attach", task); /* it went with its daemon */
    cli_done(&cli);
    free(task);
    daemon_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_ways),           cmocka_unit_test(test_from_a_file),
        cmocka_unit_test(test_much_input),          cmocka_unit_test(test_unwanted_input),
        cmocka_unit_test(test_input_closed_inside), cmocka_unit_test(test_leave_and_come_back),
        cmocka_unit_test(test_daemon_is_killed),
    };

    return test_run(tests);
}
