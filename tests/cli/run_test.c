/* SPDX-License-Identifier: Apache-2.0 */
/* crib run: exit statuses, what is handed on, where options end. */
#include "cli/cli.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/command.h"

static void test_status_is_the_tasks_own(void **state)
{
    static const char *const codes[] = {"0", "1", "7", "124", "125", "126", "127", "255"};
    struct cli cli = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        char line[32];

        snprintf(line, sizeof(line), "exit %s", codes[i]);
        CLI_EXPECT(&cli, atoi(codes[i]), "run", "sh", "-c", line);
        assert_string_equal(cli.err, "");
    }
    cli_done(&cli);
}

static void test_status_of_a_signal(void **state)
{
    struct cli cli = {0};

    (void)state;
    CLI_EXPECT(&cli, 128 + SIGTERM, "run", "sh", "-c", "kill -TERM $$");
    CLI_EXPECT(&cli, 128 + SIGKILL, "run", "sh", "-c", "kill -KILL $$");
    CLI_EXPECT(&cli, 128 + SIGPIPE, "run", "sh", "-c", "kill -PIPE $$");
    cli_done(&cli);
}

static void test_not_found(void **state)
{
    struct cli cli = {0};

    (void)state;
    CLI_EXPECT(&cli, STATUS_NOT_FOUND, "run", "no-such-program-here");
    test_contains(cli.err, "no-such-program-here");
    CLI_EXPECT(&cli, STATUS_NOT_FOUND, "run", "/no/such/program");
    test_contains(cli.err, "/no/such/program");
    CLI_EXPECT(&cli, STATUS_NOT_FOUND, "run", "./no-such-program-here");
    test_contains(cli.err, "no-such-program-here");
    CLI_EXPECT(&cli, STATUS_NOT_FOUND, "run", "--", "--bind");
    test_contains(cli.err, "--bind");
    cli_done(&cli);
}

static void test_not_executable(void **state)
{
    struct cli cli = {0};
    char *dir = cli_dir(), file[4096], empty[4096];

    (void)state;
    snprintf(file, sizeof(file), "%s/plain", dir);
    snprintf(empty, sizeof(empty), "%s/noise", dir);
    test_write(file, "#!/bin/sh\n", 10, 0644);
    test_write(empty, "\1\2\3\4\5\6\7\10", 8, 0755);
    CLI_EXPECT(&cli, STATUS_UNRUNNABLE, "run", file);
    test_contains(cli.err, file);
    test_contains(cli.err, "not executable");
    CLI_EXPECT(&cli, STATUS_UNRUNNABLE, "run", empty);
    test_contains(cli.err, "Exec format error");
    CLI_EXPECT(&cli, STATUS_UNRUNNABLE, "run", dir);
    test_contains(cli.err, "Is a directory");
    cli_done(&cli);
    free(dir);
}

/* A missing directory is another error than a missing program, and names the directory. */
static void test_missing_cwd(void **state)
{
    struct cli cli = {0};

    (void)state;
    CLI_EXPECT(&cli, STATUS_FAILED, "run", "-C", "/no/such/directory", "true");
    test_contains(cli.err, "cwd");
    test_contains(cli.err, "/no/such/directory");
    test_contains(cli.err, "No such file or directory");
    cli_done(&cli);
}

static void test_timeout(void **state)
{
    struct cli cli = {0};

    (void)state;
    CLI_EXPECT(&cli, STATUS_TIMEOUT, "run", "--timeout", "200ms", "sleep", "50");
    CLI_EXPECT(&cli, STATUS_TIMEOUT, "run", "--timeout=300ms", "--kill-signal", "usr1", "sh", "-c",
               "trap 'echo got usr1; exit 0' USR1; while :; do sleep 0.02; done");
    assert_string_equal(cli.out, "got usr1\n");
    CLI_EXPECT(&cli, STATUS_TIMEOUT, "run", "--timeout=200ms", "sh", "-c",
               "trap '' TERM; while :; do sleep 0.02; done");
    CLI_EXPECT(&cli, 3, "run", "--timeout", "50s", "sh", "-c", "exit 3");
    cli_done(&cli);
}

/* Everything behind the program's name is the program's; a value may look like an option. */
static void test_options_end_at_the_program(void **state)
{
    struct cli cli = {0};

    (void)state;
    CLI_EXPECT(&cli, 0, "run", "printf", "%s,", "--bind", "x", "-p", "--", "--help");
    assert_string_equal(cli.out, "--bind,x,-p,--,--help,");
    CLI_EXPECT(&cli, 0, "run", "--", "printf", "%s,", "--bind", "x");
    assert_string_equal(cli.out, "--bind,x,");
    CLI_EXPECT(&cli, 0, "run", "-q", "--", "printf", "%s", "--");
    assert_string_equal(cli.out, "--");
    cli.input = "echo $0";
    CLI_EXPECT(&cli, 0, "run", "--argv0", "--bind", "/bin/sh", "-s");
    assert_string_equal(cli.out, "--bind\n");
    cli.input = NULL;
    CLI_EXPECT(&cli, STATUS_FAILED, "run", "-p", "--x", "true");
    test_contains(cli.err, "--x");
    CLI_EXPECT(&cli, STATUS_FAILED, "run", "--policy", "--json", "true");
    test_contains(cli.err, "--json");
    cli_done(&cli);
}

static void test_stdio_is_handed_on(void **state)
{
    struct cli cli = {.input = "a line\nand another"};

    (void)state;
    CLI_EXPECT(&cli, 0, "run", "cat");
    assert_string_equal(cli.out, "a line\nand another");
    assert_string_equal(cli.err, "");
    CLI_EXPECT(&cli, 0, "run", "sh", "-c", "cat >&2");
    assert_string_equal(cli.err, "a line\nand another");
    assert_string_equal(cli.out, "");
    cli_done(&cli);
}

static void test_environment(void **state)
{
    struct cli cli = {0};

    (void)state;
    setenv("CRIB_TEST_HERE", "from outside", 1);
    unsetenv("CRIB_TEST_NOWHERE");
    CLI_EXPECT(&cli, 0, "run", "env");
    assert_null(strstr(cli.out, "CRIB_TEST"));
    assert_int_equal(cli_lines(cli.out, "PATH="), 1);
    CLI_EXPECT(&cli, 0, "run", "-e", "CRIB_TEST_HERE", "-e", "CRIB_TEST_NOWHERE", "-eA=b=c",
               "--env=EMPTY=", "env");
    assert_int_equal(cli_lines(cli.out, "CRIB_TEST_HERE=from outside\n"), 1);
    assert_null(strstr(cli.out, "CRIB_TEST_NOWHERE"));
    assert_int_equal(cli_lines(cli.out, "A=b=c\n"), 1);
    assert_int_equal(cli_lines(cli.out, "EMPTY=\n"), 1);
    CLI_EXPECT(&cli, 0, "run", "--clear-env", "-e", "ONLY=this", "/usr/bin/env");
    assert_string_equal(cli.out, "ONLY=this\n");
    CLI_EXPECT(&cli, 0, "run", "--clear-env", "/usr/bin/env");
    assert_string_equal(cli.out, "");
    unsetenv("CRIB_TEST_HERE");
    cli_done(&cli);
}

static void test_cwd(void **state)
{
    struct cli cli = {0};

    (void)state;
    CLI_EXPECT(&cli, 0, "run", "pwd");
    assert_string_equal(cli.out, "/tmp\n");
    CLI_EXPECT(&cli, 0, "run", "-C/usr/bin", "pwd");
    assert_string_equal(cli.out, "/usr/bin\n");
    cli_done(&cli);
}

static void test_bind(void **state)
{
    struct cli cli = {0};
    char *dir = cli_dir(), file[4096], option[8192];

    (void)state;
    snprintf(file, sizeof(file), "%s/file", dir);
    test_write(file, "outside\n", 8, 0666);
    CLI_EXPECT(&cli, 0, "run", "--bind", dir, "cat", file);
    assert_string_equal(cli.out, "outside\n");
    snprintf(option, sizeof(option), "%s:/mnt/here", dir);
    CLI_EXPECT(&cli, 0, "run", "--bind", option, "sh", "-c",
               "cat /mnt/here/file; echo changed >/mnt/here/file || echo refused");
    test_contains(cli.out, "outside\nrefused\n");
    snprintf(option, sizeof(option), "%s:/mnt/here:rw", dir);
    CLI_EXPECT(&cli, 0, "run", "--bind", option, "sh", "-c", "echo changed >/mnt/here/file");
    CLI_EXPECT(&cli, 0, "run", "--bind", dir, "cat", file);
    assert_string_equal(cli.out, "changed\n");
    CLI_EXPECT(&cli, STATUS_FAILED, "run", "--bind", "/no/such/place", "true");
    test_contains(cli.err, "/no/such/place");
    cli_done(&cli);
    free(dir);
}

static void test_tmpfs(void **state)
{
    struct cli cli = {0};

    (void)state;
    CLI_EXPECT(&cli, 0, "run", "--tmpfs", "/scratch:1M", "sh", "-c",
               "cd /scratch && head -c 500000 /dev/zero >a && ! head -c 2000000 /dev/zero 2>&- >b");
    CLI_EXPECT(&cli, 0, "run", "--tmpfs", "/scratch", "sh", "-c",
               "cd /scratch && head -c 2000000 /dev/zero >b && echo well");
    assert_string_equal(cli.out, "well\n");
    cli_done(&cli);
}

static void test_ids(void **state)
{
    struct cli cli = {0};
    char own[32];

    (void)state;
    snprintf(own, sizeof(own), "%u", geteuid() == 0 ? 4321u : (unsigned)geteuid());
    CLI_EXPECT(&cli, 0, "run", "--uid", own, "id", "-u");
    assert_int_equal(atoi(cli.out), atoi(own));
    snprintf(own, sizeof(own), "%u", geteuid() == 0 ? 4321u : (unsigned)getegid());
    CLI_EXPECT(&cli, 0, "run", "--gid", own, "id", "-g");
    assert_int_equal(atoi(cli.out), atoi(own));
    if (geteuid() != 0) {
        CLI_EXPECT(&cli, STATUS_FAILED, "run", "--uid", "4321", "true");
        test_contains(cli.err, "ids");
    }
    cli_done(&cli);
}

static void terminate(struct cli *cli)
{
    cli_wait_for(cli, "ready");
    kill(cli->pid, SIGTERM);
}

static void interrupt(struct cli *cli)
{
    cli_wait_for(cli, "ready");
    kill(cli->pid, SIGINT);
}

static void hang_up(struct cli *cli)
{
    cli_wait_for(cli, "ready");
    kill(cli->pid, SIGHUP);
}

static void test_signals_are_passed_on(void **state)
{
    struct cli cli = {.meanwhile = terminate};

    (void)state;
    CLI_EXPECT(&cli, 9, "run", "sh", "-c",
               "trap 'exit 9' TERM; echo ready; while :; do sleep 0.02; done");
    CLI_EXPECT(&cli, 128 + SIGTERM, "run", "sh", "-c", "echo ready; exec sleep 50");
    cli.meanwhile = interrupt;
    CLI_EXPECT(&cli, 128 + SIGINT, "run", "sh", "-c", "echo ready; exec sleep 50");
    cli.meanwhile = hang_up;
    CLI_EXPECT(&cli, 128 + SIGHUP, "run", "sh", "-c", "echo ready; exec sleep 50");
    cli_done(&cli);
}

static bool has_ended(pid_t pid)
{
    siginfo_t info = {0};

    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT), 0);
    return info.si_pid == pid;
}

/* The pipe is full, and the program has ended or is about to. A second signal while crib closes
 * would end it at once: the next comes late.
 */
static void terminate_often(struct cli *cli)
{
    int waiting = 0, fd = open(cli->output_file, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

    assert_true(fd >= 0);
    for (int i = 0; i < 2000 && waiting < 65536; i++) {
        assert_int_equal(ioctl(fd, FIONREAD, &waiting), 0);
        usleep(10000);
    }
    assert_int_equal(waiting, 65536);
    for (int i = 0; i < 400 && !has_ended(cli->pid); i++) {
        if (i % 100 == 0)
            kill(cli->pid, SIGTERM);
        usleep(50000);
    }
    assert_true(has_ended(cli->pid));
    close(fd);
}

/* Its output waits in crib for a reader that never comes: then the signal is for crib. */
static void test_a_signal_when_only_the_output_is_left(void **state)
{
    static const char *const rules = "extends: [default]\nlimits: {output: 10M}\n";
    char *dir = cli_dir(), pipe[4096], policy[4096];
    struct cli cli = {.meanwhile = terminate_often, .output_file = pipe};
    int held;

    (void)state;
    snprintf(pipe, sizeof(pipe), "%s/pipe", dir);
    snprintf(policy, sizeof(policy), "%s/output.yaml", dir);
    assert_int_equal(mkfifo(pipe, 0600), 0);
    held = open(pipe, O_RDWR | O_CLOEXEC);
    assert_true(held >= 0);
    test_write(policy, rules, strlen(rules), 0644);
    CLI(&cli, "run", "--policy", policy, "head", "-c", "100000", "/dev/zero");
    assert_true(cli.status == 0 || cli.status == 128 + SIGTERM);
    close(held);
    cli_done(&cli);
    free(dir);
}

static void soon(struct cli *cli)
{
    usleep(cli->pause_us);
    kill(cli->pid, SIGTERM);
}

/* Also one that comes before there is a program: it ends crib or the program, but never is lost. */
static void test_early_signals(void **state)
{
    (void)state;
    for (unsigned us = 0; us < 10000; us += 500) {
        struct cli cli = {.meanwhile = soon, .pause_us = us};

        CLI(&cli, "run", "sleep", "20");
        if (cli.status != 1000 + SIGTERM)
            cli_status(&cli, 128 + SIGTERM, __FILE__, __LINE__);
        cli_done(&cli);
    }
}

static void test_ignored_signals_stay_ignored(void **state)
{
    struct cli cli = {.meanwhile = hang_up};
    void (*before)(int) = signal(SIGHUP, SIG_IGN);

    (void)state;
    CLI_EXPECT(&cli, 0, "run", "sh", "-c", "echo ready; sleep 0.3; exit 0");
    signal(SIGHUP, before);
    cli_done(&cli);
}

static void test_no_descriptors_are_handed_on(void **state)
{
    struct cli cli = {.want_result = true};

    (void)state;
    CLI_EXPECT(&cli, 0, "run", "sh", "-c", "ls /proc/self/fd; (echo forged >&9) 2>&- || echo none");
    test_contains(cli.out, "0\n1\n2\n3\nnone\n"); /* 3 is ls's own */
    assert_string_equal(cli.result, "");
    cli_done(&cli);
}

static void test_directory_as_stdin(void **state)
{
    struct cli cli = {.input_file = "/"};

    (void)state;
    CLI_EXPECT(&cli, STATUS_FAILED, "run", "true");
    test_contains(cli.err, "stdio");
    test_contains(cli.err, "directory");
    cli_done(&cli);
}

/* A closed descriptor stays as good as closed: nothing of ours is found in its place. */
static void test_closed_descriptors(void **state)
{
    struct cli cli = {0};

    (void)state;
    cli.closed = 1 << 1;
    CLI_EXPECT(&cli, 1, "run", "sh", "-c", "echo hello 2>/dev/null || exit 1");
    cli.closed = 1 << 0;
    CLI_EXPECT(&cli, 1, "run", "sh", "-c", "cat 2>/dev/null || exit 1");
    cli.closed = 1 << 2;
    CLI_EXPECT(&cli, 0, "run", "sh", "-c", "echo hello");
    assert_string_equal(cli.out, "hello\n");
    cli.closed = 7;
    CLI_EXPECT(&cli, 6, "run", "sh", "-c", "exit 6");
    cli_done(&cli);
}

static void many(struct cli *cli, const char *policy, int status, size_t count, size_t len)
{
    const char **words = calloc(count + 8, sizeof(*words));
    char *word = malloc(len + 1);

    assert_non_null(words);
    assert_non_null(word);
    memset(word, 'a', len);
    word[len] = '\0';
    memcpy(words, (const char *[]){"run", "--policy", policy, "sh", "-c", "echo $#,${#1}", "sh"},
           7 * sizeof(*words));
    for (size_t i = 0; i < count; i++)
        words[7 + i] = word;
    cli_run(cli, words);
    cli_status(cli, status, __FILE__, __LINE__);
    free(words);
    free(word);
}

static void test_many_and_long_arguments(void **state)
{
    struct cli cli = {0};

    (void)state;
    many(&cli, "default", 0, 100000, 1);
    assert_string_equal(cli.out, "100000,1\n");
    many(&cli, "default", 0, 1, 131071);
    assert_string_equal(cli.out, "1,131071\n");
    cli_done(&cli);
}

/* More than the kernel lets a task have, a quarter of its stack: one clear error. */
static void test_too_much_of_arguments(void **state)
{
    static const char rules[] = "extends: [default]\nlimits: {stack: 8M}\n";
    struct cli cli = {.large_args = true};
    char *dir = cli_dir(), policy[4096];

    (void)state;
    snprintf(policy, sizeof(policy), "%s/stack.yaml", dir);
    test_write(policy, rules, strlen(rules), 0644);
    many(&cli, policy, STATUS_FAILED, 40, 100000);
    test_contains(cli.err, "the arguments pass the ");
    assert_int_equal(cli_lines(cli.err, ""), 1);
    cli_done(&cli);
    free(dir);
}

/* A name that is read as one thing by us and as another by the system. */
static void test_paths_as_data(void **state)
{
    struct cli cli = {0};

    (void)state;
    CLI_EXPECT(&cli, STATUS_FAILED, "run", "-C", "/proc/self/fd/3", "true");
    CLI_EXPECT(&cli, STATUS_FAILED, "run", "--bind", "/:/usr/../..", "true");
    CLI_EXPECT(&cli, STATUS_FAILED, "run", "");
    test_contains(cli.err, "no file is named");
    cli_done(&cli);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status_is_the_tasks_own),
        cmocka_unit_test(test_status_of_a_signal),
        cmocka_unit_test(test_not_found),
        cmocka_unit_test(test_not_executable),
        cmocka_unit_test(test_missing_cwd),
        cmocka_unit_test(test_timeout),
        cmocka_unit_test(test_options_end_at_the_program),
        cmocka_unit_test(test_stdio_is_handed_on),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_cwd),
        cmocka_unit_test(test_bind),
        cmocka_unit_test(test_tmpfs),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_signals_are_passed_on),
        cmocka_unit_test(test_a_signal_when_only_the_output_is_left),
        cmocka_unit_test(test_early_signals),
        cmocka_unit_test(test_ignored_signals_stay_ignored),
        cmocka_unit_test(test_no_descriptors_are_handed_on),
        cmocka_unit_test(test_directory_as_stdin),
        cmocka_unit_test(test_closed_descriptors),
        cmocka_unit_test(test_many_and_long_arguments),
        cmocka_unit_test(test_too_much_of_arguments),
        cmocka_unit_test(test_paths_as_data),
    };

    return test_run(tests);
}
