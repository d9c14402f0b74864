/* SPDX-License-Identifier: Apache-2.0 */
/* crib policy learn: its file, its words, and clumsy or hostile use. */
#include "cli/cli.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/command.h"

struct place {
    char *dir;
    char work[512], policy[512];
    struct cli cli;
};

static void start(struct place *p)
{
    *p = (struct place){.dir = cli_dir()};
    snprintf(p->work, sizeof(p->work), "%s/work", p->dir);
    snprintf(p->policy, sizeof(p->policy), "%s/p.yaml", p->dir);
    assert_int_equal(mkdir(p->work, 0777), 0);
    assert_int_equal(chmod(p->work, 0777), 0);
}

static void end(struct place *p)
{
    cli_done(&p->cli);
    free(p->dir);
}

#define LEARN(p, expected, ...)                                                                    \
    CLI_EXPECT(&(p)->cli, expected, "policy", "learn", "-o", (p)->policy, "-C", (p)->work, "--",   \
               __VA_ARGS__)
#define RUN(p, expected, ...)                                                                      \
    CLI_EXPECT(&(p)->cli, expected, "run", "-p", (p)->policy, "-C", (p)->work, "--", __VA_ARGS__)

static char *policy_of(const struct place *p)
{
    return test_read(p->policy, NULL);
}

static void contains(const struct place *p, const char *part)
{
    char *text = policy_of(p);

    test_contains(text, part);
    free(text);
}

/* Nothing was written, nor left beside it. */
static void nothing_written(const struct place *p)
{
    assert_int_equal(rmdir(p->work), 0);
    assert_int_equal(rmdir(p->dir), 0); /* so it is empty */
}

static void test_what_is_learnt_is_enough(void **state)
{
    struct place p;

    (void)state;
    start(&p);
    LEARN(&p, 0, "sh", "-c", "echo hello > a; cat a");
    assert_string_equal(p.cli.out, "hello\n");
    test_contains(p.cli.err, "try it with: crib run -p ");
    RUN(&p, 0, "sh", "-c", "echo hello > a; cat a");
    assert_string_equal(p.cli.out, "hello\n");
    assert_string_equal(p.cli.err, "");
    CLI_EXPECT(&p.cli, 0, "policy", "check", p.policy);
    CLI_EXPECT(&p.cli, 0, "policy", "lint", p.policy);
    RUN(&p, 2, "ls", "/etc/passwd");
    end(&p);
}

static void test_runs_merge(void **state)
{
    struct place p;
    char *once, *again;

    (void)state;
    start(&p);
    LEARN(&p, 0, "cat", "/dev/null");
    LEARN(&p, 0, "sh", "-c", "ls / >/dev/null");
    contains(&p, " -- cat /dev/null\n# run 2: ");
    contains(&p, "about: learnt from cat, sh\n");
    contains(&p, "- {target: /dev/null, write: true, dev: true} # runs 1, 2\n");
    contains(&p, "- openat # runs 1, 2\n");
    contains(&p, "- wait4 # run 2\n");
    RUN(&p, 0, "cat", "/dev/null");
    RUN(&p, 0, "sh", "-c", "ls / >/dev/null");
    once = policy_of(&p);
    LEARN(&p, 0, "cat", "/dev/null");
    again = policy_of(&p);
    assert_string_equal(again, once);
    free(once);
    free(again);
    end(&p);
}

static void test_a_person_may_edit_it(void **state)
{
    struct place p;
    char *text, *edited;

    (void)state;
    start(&p);
    LEARN(&p, 0, "cat", "/dev/null");
    text = policy_of(&p);
    assert_true(asprintf(&edited, "# mine\n%slimits: {wall_time: 30s}\n", text) > 0);
    test_write(p.policy, edited, strlen(edited), 0644);
    LEARN(&p, 0, "true");
    contains(&p, "# mine\n# Learnt by");
    contains(&p, "limits: {wall_time: 30s}\n");
    contains(&p, "# run 2: ");
    free(edited);
    assert_true(asprintf(&edited, "%slimits: {wall_time: 30s} # why\n", text) > 0);
    test_write(p.policy, edited, strlen(edited), 0644);
    LEARN(&p, STATUS_FAILED, "true");
    test_contains(p.cli.err, "this comment would be lost");
    free(edited);
    free(text);
    end(&p);
}

static void test_a_file_of_somebody_else_is_kept(void **state)
{
    static const char theirs[] = "about: theirs\n";
    struct place p;

    (void)state;
    start(&p);
    test_write(p.policy, theirs, strlen(theirs), 0644);
    LEARN(&p, STATUS_FAILED, "sh", "-c", "echo > ran");
    test_contains(p.cli.err, "was not learnt: it names no run");
    contains(&p, theirs);
    assert_int_equal(rmdir(p.work), 0); /* it never ran */
    assert_int_equal(mkdir(p.work, 0777), 0);
    CLI_EXPECT(&p.cli, 0, "policy", "learn", "--force", "-o", p.policy, "-C", p.work, "true");
    contains(&p, "about: learnt from true\n");
    end(&p);
}

static void test_a_program_that_cannot_be(void **state)
{
    struct place p;

    (void)state;
    start(&p);
    LEARN(&p, STATUS_NOT_FOUND, "no-such-program");
    nothing_written(&p);
    end(&p);
    start(&p);
    LEARN(&p, STATUS_UNRUNNABLE, "/etc/passwd");
    nothing_written(&p);
    end(&p);
}

static void test_a_file_that_cannot_be(void **state)
{
    struct place p;

    (void)state;
    start(&p);
    snprintf(p.policy, sizeof(p.policy), "%s/none/p.yaml", p.dir);
    LEARN(&p, STATUS_FAILED, "sh", "-c", "echo > ran");
    test_contains(p.cli.err, "none/p.yaml: No such file or directory");
    assert_int_equal(rmdir(p.work), 0); /* it never ran */
    snprintf(p.policy, sizeof(p.policy), "%s", p.dir);
    CLI_EXPECT(&p.cli, STATUS_FAILED, "policy", "learn", "-o", p.policy, "true");
    test_contains(p.cli.err, "Is a directory");
    end(&p);
}

static void test_how_it_ended_is_told(void **state)
{
    struct place p;

    (void)state;
    start(&p);
    LEARN(&p, 0, "sh", "-c", "exit 3");
    test_contains(p.cli.err, "it exited with 3");
    LEARN(&p, 0, "sh", "-c", "kill -9 $$");
    test_contains(p.cli.err, "signal 9 ended it");
    contains(&p, "- kill # run 2\n");
    CLI_EXPECT(&p.cli, 0, "policy", "learn", "-o", p.policy, "--timeout", "200ms", "sleep", "100");
    test_contains(p.cli.err, "ended it");
    end(&p);
}

static void interrupt(struct cli *cli)
{
    cli_wait_for(cli, "ready");
    kill(cli->pid, SIGINT);
}

/* A server that is learnt from is ended by hand. */
static void test_an_interrupt_is_passed_on(void **state)
{
    struct place p;

    (void)state;
    start(&p);
    p.cli.meanwhile = interrupt;
    LEARN(&p, 0, "sh", "-c", "trap 'echo over; exit' INT; echo ready; sleep 100 & wait");
    assert_string_equal(p.cli.out, "ready\nover\n");
    contains(&p, "- rt_sigreturn # run 1\n");
    end(&p);
}

static void test_without_a_file(void **state)
{
    struct place p;

    (void)state;
    start(&p);
    CLI_EXPECT(&p.cli, 0, "policy", "learn", "-C", p.work, "--", "echo", "hello");
    test_contains(p.cli.err, "hello\n");
    test_contains(p.cli.out, "about: learnt from echo\n");
    assert_null(strstr(p.cli.out, "hello\n\n"));
    test_write(p.policy, p.cli.out, strlen(p.cli.out), 0644);
    RUN(&p, 0, "echo", "hello");
    end(&p);
}

static void test_dangers_are_told(void **state)
{
    struct place p;

    (void)state;
    start(&p);
    LEARN(&p, 0, "sh", "-c", "unshare -m true; true");
    test_contains(p.cli.err, "dangerous: unshare: ");
    test_contains(p.cli.err, "add to `reason`: {grant: unshare, why: ");
    contains(&p, "- unshare(flags within CLONE_NEWNS) # run 1\n");
    CLI_EXPECT(&p.cli, STATUS_INVALID, "policy", "lint", p.policy);
    end(&p);
}

static void test_usage(void **state)
{
    struct place p;

    (void)state;
    start(&p);
    CLI_EXPECT(&p.cli, STATUS_FAILED, "policy", "learn");
    test_contains(p.cli.err, "needs a program");
    CLI_EXPECT(&p.cli, STATUS_FAILED, "policy", "learn", "--minimize");
    CLI_EXPECT(&p.cli, STATUS_FAILED, "policy", "learn", "--bind", "/", "true");
    CLI_EXPECT(&p.cli, 0, "policy", "learn", "--help");
    test_contains(p.cli.out, "--minimize");
    LEARN(&p, 0, "true");
    CLI_EXPECT(&p.cli, STATUS_FAILED, "policy", "learn", "-C", "/no-such-directory", "true");
    test_contains(p.cli.err, "No such file or directory");
    setenv("CRIB_SOCKET", "/run/none.sock", 1);
    LEARN(&p, STATUS_FAILED, "true");
    test_contains(p.cli.err, "not under a daemon: give --socket '' or unset CRIB_SOCKET");
    CLI_EXPECT(&p.cli, 0, "policy", "learn", "--socket", "", "-o", p.policy, "true");
    unsetenv("CRIB_SOCKET");
    end(&p);
}

/* What a program and its words are called does not become a part of the policy. */
static void test_names_are_no_yaml(void **state)
{
    struct place p;
    char odd[700], file[900];

    (void)state;
    start(&p);
    snprintf(odd, sizeof(odd), "%s/a\": {b}, # [c]\n", p.work);
    assert_int_equal(mkdir(odd, 0755), 0);
    snprintf(file, sizeof(file), "%s/\xff'", odd);
    test_write(file, "x\n", 2, 0644);
    LEARN(&p, 0, "sh", "-c", "cat \"$1\"", "x\nmounts:\n  - {target: /root}\n# run 9: x", file);
    RUN(&p, 0, "cat", file);
    assert_string_equal(p.cli.out, "x\n");
    LEARN(&p, 0, "sh", "-c", "cat \"$1\"", "x\nmounts:\n  - {target: /root}\n# run 9: x", file);
    CLI_EXPECT(&p.cli, 0, "policy", "show", p.policy);
    assert_null(strstr(p.cli.out, "/root"));
    end(&p);
}

/* More different calls than are kept. */
static void test_very_many_calls(void **state)
{
    struct place p;

    (void)state;
    start(&p);
    LEARN(&p, 0, "/usr/bin/python3", "-c",
          "import fcntl, os\n"
          "for i in range(20000):\n"
          "    try: fcntl.ioctl(0, 0x10000 + i)\n"
          "    except OSError: pass\n"
          "    try: os.stat('/no/such/%d' % i)\n"
          "    except OSError: pass\n");
    contains(&p, "- ioctl # run 1\n");
    test_contains(p.cli.err, "ioctl was called in more than 32 ways");
    end(&p);
}

static void test_minimize(void **state)
{
    struct place p;
    char *text;

    (void)state;
    start(&p);
    LEARN(&p, 0, "sh", "-c", "echo hello > a; sort a");
    CLI_EXPECT(&p.cli, 0, "policy", "learn", "--minimize", "-o", p.policy);
    test_contains(p.cli.err, "minimize: looked at ");
    text = policy_of(&p);
    assert_null(strstr(text, "set_robust_list"));
    assert_null(strstr(text, "/etc/ld.so.cache"));
    test_contains(text, "- {type: host, target: /usr} # run 1\n");
    test_contains(text, "- openat # run 1\n");
    free(text);
    RUN(&p, 0, "sh", "-c", "echo hello > a; sort a");
    assert_string_equal(p.cli.out, "hello\n");
    end(&p);
}

/* What cannot be compared is not touched. */
static void test_minimize_what_is_never_the_same(void **state)
{
    static const char *const line = "test -e a && rm a && exit 1; echo > a";
    struct place p;
    char *before, *after;

    (void)state;
    start(&p);
    LEARN(&p, 0, "sh", "-c", line);
    LEARN(&p, 0, "sh", "-c", line);
    before = policy_of(&p);
    CLI_EXPECT(&p.cli, STATUS_FAILED, "policy", "learn", "--minimize", "-o", p.policy);
    test_contains(p.cli.err, "run 1 does not end the same way twice");
    after = policy_of(&p);
    assert_string_equal(after, before);
    free(before);
    free(after);
    end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_learnt_is_enough),
        cmocka_unit_test(test_runs_merge),
        cmocka_unit_test(test_a_person_may_edit_it),
        cmocka_unit_test(test_a_file_of_somebody_else_is_kept),
        cmocka_unit_test(test_a_program_that_cannot_be),
        cmocka_unit_test(test_a_file_that_cannot_be),
        cmocka_unit_test(test_how_it_ended_is_told),
        cmocka_unit_test(test_an_interrupt_is_passed_on),
        cmocka_unit_test(test_without_a_file),
        cmocka_unit_test(test_dangers_are_told),
        cmocka_unit_test(test_usage),
        cmocka_unit_test(test_names_are_no_yaml),
        cmocka_unit_test(test_very_many_calls),
        cmocka_unit_test(test_minimize),
        cmocka_unit_test(test_minimize_what_is_never_the_same),
    };

    setenv("PATH", "/usr/local/bin:/usr/bin:/bin", 1);
    return test_run(tests);
}
