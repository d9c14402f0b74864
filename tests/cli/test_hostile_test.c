/* SPDX-License-Identifier: Apache-2.0 */
/* crib test: cases that hang, flood, lie or leave traps, and what stays behind of them: nothing. */
#include "cli/cli.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"

static char *tmp;   /* TMPDIR of the crib under test, and nobody else's */
static char *files; /* case files */

static unsigned entries(const char *dir)
{
    DIR *d = opendir(dir);
    unsigned count = 0;

    assert_non_null(d);
    while (readdir(d))
        count++;
    closedir(d);
    return count - 2;
}

static void run_file(struct cli *cli, const char *name, const char *text, int status)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/%s", files, name);
    test_write(path, text, strlen(text), 0644);
    CLI_EXPECT(cli, status, "test", path);
    assert_int_equal(entries(tmp), 0);
}

static void test_a_case_that_hangs_is_ended(void **state)
{
    struct cli cli = {0};

    (void)state;
    run_file(&cli, "hang.yaml",
             "defaults: {timeout: 200ms}\n"
             "cases:\n"
             "- {name: sleeps, run: [sleep, '1000']}\n"
             "- {name: ignores, exec: \"trap '' TERM; while :; do :; done\"}\n"
             "- {name: leaves children, exec: \"(trap '' TERM HUP; sleep 1000) & exit 0\"}\n",
             STATUS_TEST_FAILED);
    test_contains(cli.out, "sleeps\n  end: expected exit status 0, got wall_timeout");
    test_contains(cli.out, "ignores\n  end: expected exit status 0, got wall_timeout");
    test_contains(cli.out, "2 failed, 1 of 3 passed");
    cli_done(&cli);
}

static void test_a_flood_is_cut(void **state)
{
    struct cli cli = {0};

    (void)state;
    run_file(&cli, "flood.yaml",
             "cases:\n"
             "- {name: stdout, run: [\"yes\"]}\n"
             "- {name: stderr, exec: yes >&2, max_output: 10}\n"
             "- {name: exactly as much, exec: printf 1234567890, max_output: 10,\n"
             "   expect: {stdout: {exact: '1234567890'}}}\n"
             "- {name: as expected, run: [\"yes\"], max_output: 4, expect: {verdict: output,\n"
             "   stdout: {exact: \"y\\ny\\n\"}}}\n",
             STATUS_TEST_FAILED);
    test_contains(cli.out, "stdout\n  end: expected exit status 0, got output");
    test_contains(cli.out, ": more output than `max_output`\n");
    test_contains(cli.out, "2 failed, 2 of 4 passed");
    cli_done(&cli);
}

/* What is in the place of a file to be read back, or on the way to it. */
static void test_traps_for_whoever_reads_files_back(void **state)
{
    struct cli cli = {0};

    (void)state;
    run_file(&cli, "traps.yaml",
             "cases:\n"
             "- name: link\n"
             "  exec: ln -s /etc/passwd x\n"
             "  expect: {files: [{path: x, content: {contains: ['root:']}}]}\n"
             "- name: way\n"
             "  exec: rmdir d && ln -s /etc d\n"
             "  files: [{path: d, dir: true}]\n"
             "  expect: {files: [{path: d/passwd, content: {contains: ['root:']}}]}\n"
             "- name: proc\n"
             "  exec: ln -s /proc/self/root x\n"
             "  expect: {files: [{path: x/etc/passwd, content: {contains: ['root:']}}]}\n"
             "- name: fifo\n"
             "  exec: mkfifo x\n"
             "  expect: {files: [{path: x, content: {exact: ''}}]}\n"
             "- name: closed\n"
             "  exec: 'mkdir -p a/b/c; echo x > a/b/c/d; chmod 0 a/b/c a/b a'\n"
             "  expect: {files: [{path: y, absent: true}]}\n",
             STATUS_TEST_FAILED);
    test_contains(cli.out, "link\n  file x: a symlink, which is not followed\n");
    test_contains(cli.out, "way\n  file d/passwd: a symlink, which is not followed\n");
    test_contains(cli.out, "proc\n  file x/etc/passwd: a symlink, which is not followed\n");
    test_contains(cli.out, "fifo\n  file x: not a regular file\n");
    test_contains(cli.out, "4 failed, 1 of 5 passed");
    assert_null(strstr(cli.out, "root:x"));
    cli_done(&cli);
}

static void test_cases_do_not_see_each_other(void **state)
{
    struct cli cli = {0};

    (void)state;
    run_file(&cli, "apart.yaml",
             "defaults: {at: /case, exec: 'ls -A | wc -l; ls .. | grep -c case; echo x > mine',\n"
             "           expect: {stdout: {exact: \"0\\n1\\n\"}}}\n"
             "cases: [{name: a}, {name: b}, {name: c}, {name: d}]\n",
             0);
    cli_done(&cli);
}

/* A module that answers, one that says what nobody expected, one that says too much. */
static void test_messages(void **state)
{
    static const char format[] =
        "defaults: {own_policy: {extends: [default]}}\n"
        "cases:\n"
        "- name: echo\n"
        "  fork: [%s, echo]\n"
        "  send: [{data: '1'}, {type: t, data: two}, {data: ''}]\n"
        "  expect: {messages: [{type: json, data: {exact: '1'}}, {type: t, data: {exact: two}},\n"
        "           {data: {exact: ''}}]}\n"
        "- name: other\n"
        "  fork: [%s, echo]\n"
        "  send: [{data: '1'}, {data: '2'}]\n"
        "  expect: {messages: [{type: t, data: {exact: '9'}}]}\n"
        "- name: broken\n"
        "  fork: [%s, huge]\n"
        "  expect: {messages: [{type: json}]}\n";
    const char *module = cli_program("module");
    struct cli cli = {0};
    char text[4096];

    (void)state;
    snprintf(text, sizeof(text), format, module, module, module);
    run_file(&cli, "fork.yaml", text, STATUS_TEST_FAILED);
    test_contains(cli.out, "other\n  message 0: expected type \"t\", got \"json\"\n");
    test_contains(cli.out, "  message 0 differs in line 1");
    test_contains(cli.out, "  messages: expected 1, got 2\n      message 1: 2\n");
    test_contains(cli.out, "broken\n");
    test_contains(cli.out, "2 failed, 1 of 3 passed");
    cli_done(&cli);
}

/* Calls that end, stop or never come back to whoever makes them: they have reached the kernel. */
static void test_lines_are_asked_of_the_kernel(void **state)
{
    struct cli cli = {0};

    (void)state;
    run_file(&cli, "lines.yaml",
             "extends: [default]\n"
             "syscalls: {kill: [getppid], log: [getuid]}\n"
             "expect:\n"
             "  allow: [\"pause()\", \"fork()\", \"vfork()\", clone(SIGCHLD),\n"
             "          \"kill(0, SIGKILL)\", \"exit(7)\", \"exit_group(200)\", rt_sigreturn,\n"
             "          getuid, \"clone(CLONE_VM|CLONE_VFORK|SIGCHLD)\", \"select()\"]\n"
             "  deny: [getppid, mount, clone3, \"ioctl(0, TIOCSTI)\", \"kexec_load\"]\n",
             0);
    test_contains(cli.out, "all 16 passed");
    cli_done(&cli);
}

static void test_lines_that_are_not_so(void **state)
{
    struct cli cli = {0};

    (void)state;
    run_file(&cli, "lines.yaml",
             "extends: [default]\n"
             "syscalls: {kill: [getppid]}\n"
             "expect:\n"
             "  allow: [getppid, mount, clone3, socket]\n"
             "  deny: [read, \"ioctl(0, TCGETS)\"]\n",
             STATUS_TEST_FAILED);
    assert_int_equal(cli_lines(cli.out, "FAIL "), 6);
    assert_int_equal(cli_lines(cli.out, "  the compiled filter: expected "), 6);
    assert_int_equal(cli_lines(cli.out, "  the kernel: expected "), 6);
    test_contains(cli.out, "allow mount\n  the compiled filter: expected allowed, got denied: "
                           "mount(");
    test_contains(cli.out, "deny read\n  the compiled filter: expected denied, got allowed: read(");
    cli_done(&cli);
}

/* The least that a policy must allow is enough for the prober. */
static void test_the_prober_needs_next_to_nothing(void **state)
{
    struct cli cli = {0};

    (void)state;
    run_file(&cli, "least.yaml",
             "syscalls: {allow: [execve, exit_group, getpid]}\n"
             "expect: {allow: [getpid, execve, exit_group], deny: [read, write, exit, brk, mmap,\n"
             "         arch_prctl, set_tid_address, rt_sigreturn, getppid, socket]}\n",
             0);
    cli_done(&cli);
}

static void interrupt(struct cli *cli)
{
    cli_wait_for(cli, "quick");
    kill(cli->pid, SIGTERM);
}

static void test_interrupted(void **state)
{
    struct cli cli = {.meanwhile = interrupt};

    (void)state;
    run_file(&cli, "long.yaml",
             "cases:\n"
             "- {name: quick, exec: exit 1, files: [{path: x}]}\n"
             "- {name: slow, run: [sleep, '1000'], files: [{path: x}], timeout: 10m}\n"
             "- {name: slower, run: [sleep, '1000'], timeout: 10m}\n"
             "- {name: last, run: [sleep, '1000'], timeout: 10m}\n",
             STATUS_TEST_FAILED);
    test_contains(cli.out, "interrupted: 0 passed, 1 failed, 3 not run\n");
    cli_done(&cli);
}

/* More at once than there are descriptors for: fewer at once, and nothing fails. */
static void test_few_descriptors(void **state)
{
    struct cli cli = {.program = "/bin/sh"};
    char path[512], line[600], text[8192];
    int len = snprintf(text, sizeof(text), "cases:\n");

    (void)state;
    for (int i = 0; i < 60; i++)
        len += snprintf(text + len, sizeof(text) - (size_t)len,
                        "- {name: n%d, exec: sleep 0.3, stdin: x}\n", i);
    snprintf(path, sizeof(path), "%s/few.yaml", files);
    test_write(path, text, (size_t)len, 0644);
    snprintf(line, sizeof(line), "ulimit -Sn 160; exec %s test -j 256 %s", cli_program("crib"),
             path);
    CLI_EXPECT(&cli, 0, "-c", line);
    test_contains(cli.out, "all 60 passed");
    cli_done(&cli);
}

static void test_nobody_listens(void **state)
{
    struct cli cli = {.output_file = "/dev/full"};

    (void)state;
    run_file(&cli, "x.yaml", "cases: [{name: a, exec: exit 1}]", STATUS_TEST_FAILED);
    test_contains(cli.err, "stdout: ");
    cli_done(&cli);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_case_that_hangs_is_ended),
        cmocka_unit_test(test_a_flood_is_cut),
        cmocka_unit_test(test_traps_for_whoever_reads_files_back),
        cmocka_unit_test(test_cases_do_not_see_each_other),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_lines_are_asked_of_the_kernel),
        cmocka_unit_test(test_lines_that_are_not_so),
        cmocka_unit_test(test_the_prober_needs_next_to_nothing),
        cmocka_unit_test(test_interrupted),
        cmocka_unit_test(test_few_descriptors),
        cmocka_unit_test(test_nobody_listens),
    };
    int r;

    files = cli_dir();
    tmp = cli_dir();
    setenv("TMPDIR", tmp, 1);
    r = test_run(tests);
    free(files);
    free(tmp);
    return r;
}
