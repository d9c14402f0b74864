/* SPDX-License-Identifier: Apache-2.0 */
/* crib test: many cases, which of them fail, how that is told, and how it ends. */
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "cli/command.h"

#define CASES 200

struct suite_dir {
    char *dir;
    char path[512]; /* of the case file */
};

static void put(struct suite_dir *s, const char *name, const char *text)
{
    s->dir = cli_dir();
    snprintf(s->path, sizeof(s->path), "%s/%s", s->dir, name);
    test_write(s->path, text, strlen(text), 0644);
}

/* Every case of @text fits on its lines. Runs them, and holds what comes of it to @status. */
static void run_text(struct cli *cli, const char *text, int status)
{
    struct suite_dir s;

    put(&s, "cases.yaml", text);
    CLI_EXPECT(cli, status, "test", s.path);
    free(s.dir);
}

/* Case i says its number; every 7th is expected to say another one, and so fails. */
static bool fails(int i)
{
    return i % 7 == 3;
}

static void put_many(struct suite_dir *s)
{
    struct buf text = {0};

    buf_text(&text, "cases:\n");
    for (int i = 0; i < CASES; i++)
        buf_printf(&text,
                   "- name: case-%d\n"
                   "  exec: echo %d\n"
                   "  expect: {stdout: {exact: \"%d\\n\"}}\n",
                   i, i, fails(i) ? i + 1000 : i);
    assert_int_equal(buf_append(&text, "", 1), 0);
    put(s, "many.yaml", (char *)text.data);
    buf_done(&text);
}

/* The failed ones, all of them and no other, in the order of the file. */
static void check_failed(const char *out)
{
    const char *at = out;
    char line[64];

    for (int i = 0; i < CASES; i++) {
        snprintf(line, sizeof(line), ": case-%d\n", i);
        if (!fails(i)) {
            assert_null(strstr(out, line));
            continue;
        }
        at = strstr(at, line);
        if (!at)
            fail_msg("case %d is missing, or not in its place:\n%.4000s", i, out);
        snprintf(line, sizeof(line), "    - %d\\n\n    + %d\\n\n", i + 1000, i);
        test_contains(at, line);
    }
}

static void test_many_cases(void **state)
{
    static const char *const jobs[] = {"-j1", "-j8", "--jobs=256"};
    struct cli cli = {0};
    struct suite_dir s;

    (void)state;
    put_many(&s);
    for (size_t i = 0; i < 3; i++) {
        CLI_EXPECT(&cli, STATUS_TEST_FAILED, "test", jobs[i], s.path);
        check_failed(cli.out);
        test_contains(cli.out, "\n29 failed, 171 of 200 passed in ");
        assert_int_equal(cli_lines(cli.out, "FAIL "), 29);
        assert_string_equal(cli.err, "");
    }
    cli_done(&cli);
    free(s.dir);
}

static void test_filter_chooses(void **state)
{
    struct cli cli = {0};
    struct suite_dir s;

    (void)state;
    put_many(&s);
    CLI_EXPECT(&cli, 0, "test", "--filter", "case-1", s.path);
    assert_int_equal(strncmp(cli.out, "1 passed in ", 12), 0);
    CLI_EXPECT(&cli, STATUS_TEST_FAILED, "test", "--filter=case-1?", s.path);
    test_contains(cli.out, "2 failed, 8 of 10 passed"); /* 10 and 17 */
    CLI_EXPECT(&cli, STATUS_TEST_USAGE, "test", "--filter", "case", s.path);
    test_contains(cli.err, "no case is called 'case'");
    assert_string_equal(cli.out, "");
    cli_done(&cli);
    free(s.dir);
}

static void test_tap(void **state)
{
    struct cli cli = {0};
    struct suite_dir s;
    char line[600], *at;

    (void)state;
    put_many(&s);
    CLI_EXPECT(&cli, STATUS_TEST_FAILED, "test", "--tap", "-j4", s.path);
    assert_int_equal(strncmp(cli.out, "TAP version 14\n1..200\n", 22), 0);
    assert_int_equal(cli_lines(cli.out, "ok "), 171);
    assert_int_equal(cli_lines(cli.out, "not ok "), 29);
    assert_int_equal(cli_lines(cli.out, "  ---"), 29);
    at = cli.out;
    for (int i = 0; i < CASES; i++) {
        snprintf(line, sizeof(line), "%sok %d - %s: case-%d\n", fails(i) ? "not " : "", i + 1,
                 s.path, i);
        at = strstr(at, line);
        if (!at)
            fail_msg("missing, or not in its place: %s", line);
    }
    cli_done(&cli);
    free(s.dir);
}

static void test_junit(void **state)
{
    struct cli cli = {0};
    struct suite_dir s;
    char file[600], *text;

    (void)state;
    put_many(&s);
    snprintf(file, sizeof(file), "%s/junit.xml", s.dir);
    CLI_EXPECT(&cli, STATUS_TEST_FAILED, "test", "--junit", file, s.path);
    text = test_read(file, NULL);
    test_contains(text, "<testsuites tests=\"200\" failures=\"29\" errors=\"0\" skipped=\"0\"");
    assert_int_equal(cli_lines(text, "    <testcase name=\"case-"), 200);
    assert_int_equal(cli_lines(text, "      <failure message=\"stdout differs"), 29);
    free(text);
    CLI_EXPECT(&cli, STATUS_TEST_USAGE, "test", "--junit", "/no/such/dir/x", s.path);
    test_contains(cli.err, "/no/such/dir/x");
    assert_string_equal(cli.out, ""); /* and nothing was run for it */
    cli_done(&cli);
    free(s.dir);
}

static void test_bad_usage(void **state)
{
    static const char *const bad[][4] = {
        {"test", NULL},
        {"test", "-j0", ".", NULL},
        {"test", "-j", "257", NULL},
        {"test", "-jx", ".", NULL},
        {"test", "--no-such-option", ".", NULL},
        {"test", "--policy=open", ".", NULL},
        {"test", "/no/such/file.yaml", NULL},
        {"test", "/dev/null", NULL},
        {"test", "", NULL},
    };
    struct cli cli = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        cli_run(&cli, bad[i]);
        cli_status(&cli, STATUS_TEST_USAGE, __FILE__, __LINE__);
        assert_string_equal(cli.out, "");
        assert_int_equal(strncmp(cli.err, "crib: ", 6), 0);
    }
    run_text(&cli, "cases:\n- {name: a, rum: [x]}\n", STATUS_TEST_USAGE);
    test_contains(cli.err, "cases.yaml:2:13: unknown key 'cases[0].rum', did you mean 'run'?");
    CLI_EXPECT(&cli, 0, "test", "--help");
    test_contains(cli.out, "--junit FILE");
    cli_done(&cli);
}

/* One wrong file among several: nothing of the others is run. */
static void test_nothing_runs_before_all_is_read(void **state)
{
    struct cli cli = {0};
    struct suite_dir good, bad;

    (void)state;
    put(&good, "good.yaml", "cases: [{name: a, exec: exit 1}]");
    put(&bad, "bad.yaml", "cases: [{name: a}]");
    CLI_EXPECT(&cli, STATUS_TEST_USAGE, "test", good.path, bad.path);
    assert_string_equal(cli.out, "");
    CLI_EXPECT(&cli, STATUS_TEST_FAILED, "test", good.path, good.path);
    test_contains(cli.out, "2 failed, 0 of 2 passed");
    cli_done(&cli);
    free(good.dir);
    free(bad.dir);
}

/* Each way in which something may be other than expected, and what is said of it. */
static void test_what_is_told_of_failures(void **state)
{
    static const struct {
        const char *test, *told;
    } rows[] = {
        {"exec: exit 3", "end: expected exit status 0, got exit status 3\n"},
        {"exec: exit 3\n  expect: {status: 4}", "expected exit status 4, got exit status 3\n"},
        {"exec: kill -KILL $$", "expected exit status 0, got signal KILL\n"},
        {"exec: exit 0\n  expect: {signal: TERM}", "expected signal TERM, got exit status 0\n"},
        {"exec: exit 0\n  expect: {verdict: filter}", "expected filter, got exit status 0\n"},
        {"exec: 'echo why >&2; exit 1'", "stderr is:\n      why\\n\n"},
        {"exec: echo x\n  expect: {stdout: {contains: [y]}}", "stdout does not contain \"y\""},
        {"exec: echo x\n  expect: {stdout: {regex: ['^y']}}", "stdout does not match \"^y\""},
        {"exec: echo x >&2\n  expect: {stderr: {lacks: [x]}}", "stderr contains what it must not"},
        {"exec: 'true'\n  expect: {denials: [{call: mount}]}",
         "denials: none is {call: mount}\n  denials: there was none\n"},
        {"exec: unshare -U true\n  expect: {status: 1, no_other_denials: true}",
         "denials: not expected:\n      unshare(flags=CLONE_NEWUSER): EPERM\n"},
        {"exec: unshare -U true\n  expect: {status: 1, denials: [{call: mount}]}",
         "denied:\n      unshare(flags=CLONE_NEWUSER): EPERM\n"},
        {"exec: 'true'\n  expect: {at_least: {wall_time: 1h}}",
         "wall_time: expected at least 3600000 ms, got "},
        {"exec: 'true'\n  expect: {at_most: {peak_memory: 1}}",
         "peak_memory: expected at most 1 bytes, got "},
        {"exec: 'true'\n  expect: {files: [{path: x, content: {exact: y}}]}",
         "file x: No such file or directory\n"},
        {"exec: echo z > x\n  expect: {files: [{path: x, content: {exact: y}}]}",
         "file x differs in line 1, column 1 (byte 0):\n"},
        {"exec: echo z > x\n  expect: {files: [{path: x, absent: true}]}",
         "file x: it is there, and should not be\n"},
        {"exec: 'echo z > x; chmod 640 x'\n  expect: {files: [{path: x, mode: 0600}]}",
         "file x: expected mode 0600, got 0640\n"},
        {"exec: ln -s /etc/passwd x\n  expect: {files: [{path: x, content: {exact: y}}]}",
         "file x: a symlink, which is not followed\n"},
        {"run: [no-such-program]", "got setup_failed: exec no-such-program: No such file"},
    };
    struct cli cli = {0};
    char text[512];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(text, sizeof(text), "cases:\n- name: a\n  %s\n", rows[i].test);
        run_text(&cli, text, STATUS_TEST_FAILED);
        test_contains(cli.out, "cases.yaml:2: a\n");
        test_contains(cli.out, rows[i].told);
    }
    cli_done(&cli);
}

/* What is known of a denial is matched, and shown where nothing matches. */
static void test_denials_have_reasons(void **state)
{
    static const char policy[] =
        "own_policy: {extends: [default], syscalls: {deny: [unshare -> EACCES]}}";
    static const char *const met[] = {
        "call: unshare, by: filter, program: unshare, answer: EACCES",
        "by: f*",
        "program: '*'",
        "rule: '*syscalls.deny*'",
    };
    static const char *const unmet[] = {"by: limit", "program: sh", "object: '*'",
                                        "rule: '*:99:*'"};
    struct cli cli = {0};
    char text[512];

    (void)state;
    for (size_t i = 0; i < sizeof(met) / sizeof(met[0]); i++) {
        snprintf(text, sizeof(text),
                 "cases:\n- name: a\n  %s\n  exec: unshare -U true\n"
                 "  expect: {status: 1, denials: [{%s}]}\n",
                 policy, met[i]);
        run_text(&cli, text, 0);
    }
    for (size_t i = 0; i < sizeof(unmet) / sizeof(unmet[0]); i++) {
        snprintf(text, sizeof(text),
                 "cases:\n- name: a\n  %s\n  exec: unshare -U true\n"
                 "  expect: {status: 1, denials: [{%s}]}\n",
                 policy, unmet[i]);
        run_text(&cli, text, STATUS_TEST_FAILED);
        test_contains(cli.out, "unshare(flags=CLONE_NEWUSER): EACCES\n          program: unshare");
    }
    cli_done(&cli);
}

/* A terminal's worth of escapes in a task's output stays on paper. */
static void test_output_cannot_drive_the_terminal(void **state)
{
    struct cli cli = {0};

    (void)state;
    run_text(&cli,
             "cases:\n- name: a\n  exec: 'printf \"\\\\033[2J\\\\r\\\\233x\\\\0y\"; exit 1'\n"
             "  expect: {stdout: {exact: z}}\n",
             STATUS_TEST_FAILED);
    test_contains(cli.out, "+ \\x1b[2J\\r\\x9bx\\x00y\n");
    for (const char *at = cli.out; *at; at++)
        assert_true((unsigned char)*at >= ' ' || *at == '\n');
    cli_done(&cli);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_cases),
        cmocka_unit_test(test_filter_chooses),
        cmocka_unit_test(test_tap),
        cmocka_unit_test(test_junit),
        cmocka_unit_test(test_bad_usage),
        cmocka_unit_test(test_nothing_runs_before_all_is_read),
        cmocka_unit_test(test_what_is_told_of_failures),
        cmocka_unit_test(test_denials_have_reasons),
        cmocka_unit_test(test_output_cannot_drive_the_terminal),
    };

    return test_run(tests);
}
