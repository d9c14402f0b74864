/* SPDX-License-Identifier: Apache-2.0 */
/* --why: what the file system refuses a program, with the reason, the rule and an edit that holds.
 */
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/denials.h"

/* A place of the host that no policy shows, with a file in it. */
struct host {
    char *dir;
    char secret[512], policy[512];
};

static void write_file(const char *path, const char *text, mode_t mode)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static void begin(struct host *host)
{
    host->dir = cli_dir();
    snprintf(host->secret, sizeof(host->secret), "%s/secret", host->dir);
    snprintf(host->policy, sizeof(host->policy), "%s/p.yaml", host->dir);
    write_file(host->secret, "told\n", 0644);
}

static void end(struct host *host, struct cli *cli)
{
    cli_done(cli);
    free(host->dir);
}

static void set_policy(const struct host *host, const char *text)
{
    char all[4096];

    snprintf(all, sizeof(all), "extends: [default]\n%s\n", text);
    write_file(host->policy, all, 0644);
}

/* The one line of stderr that crib tells of a denial. */
static void must_tell(const struct cli *cli, const char *format, const char *path)
{
    char line[2048];

    snprintf(line, sizeof(line), format, path);
    if (!strstr(cli->err, line))
        fail_msg("'%s' is not in:\n%s", line, cli->err);
}

static void must_tell_nothing(const struct cli *cli)
{
    if (strstr(cli->err, "crib: "))
        fail_msg("told for nothing:\n%s", cli->err);
}

/* What is proposed in the last line that proposes anything, to be put into a policy. */
static char *edit_of(const struct cli *cli)
{
    const char *at = NULL, *next = cli->err;

    while ((next = strstr(next, "mounts: [")))
        at = next++;
    if (!at)
        fail_msg("no edit in:\n%s", cli->err);
    return strndup(at, strcspn(at, "\n"));
}

static void test_nothing_is_told_unasked(void **state)
{
    struct cli cli = {0};
    struct host host;

    (void)state;
    begin(&host);
    CLI_EXPECT(&cli, 1, "run", "cat", host.secret);
    must_tell_nothing(&cli);
    CLI_EXPECT(&cli, 1, "run", "--why", "-q", "cat", host.secret);
    must_tell_nothing(&cli);
    end(&host, &cli);
}

static void test_a_hidden_file_and_its_edit(void **state)
{
    struct cli cli = {0};
    struct host host;
    char *edit;

    (void)state;
    begin(&host);
    CLI_EXPECT(&cli, 1, "run", "--why", "cat", host.secret);
    must_tell(&cli, "crib: denied: openat(%s) to read: ", host.secret);
    test_contains(cli.err, "ENOENT");
    test_contains(cli.err, "by cat ");
    edit = edit_of(&cli);
    set_policy(&host, edit);
    CLI_EXPECT(&cli, 0, "run", "--why", "-p", host.policy, "cat", host.secret);
    assert_string_equal(cli.out, "told\n");
    must_tell_nothing(&cli);
    free(edit);
    end(&host, &cli);
}

/* Missing inside and out: that is no policy's doing, however often a program asks. */
static void test_probing_makes_no_noise(void **state)
{
    struct cli cli = {0};

    (void)state;
    CLI_EXPECT(&cli, 0, "exec", "--why",
               "i=0; while [ $i -lt 1000 ]; do [ -e /nowhere/$i ] && exit 1; i=$((i+1)); done; "
               "[ -e /usr/no-such-file ] || [ -e /tmp/no-such-file-$$ ] || cat /etc/passwd");
    must_tell_nothing(&cli);
    cli_done(&cli);
}

static void test_read_only_and_its_edit(void **state)
{
    char policy[1024], target[1024];
    struct cli cli = {0};
    struct host host;
    char *edit;

    (void)state;
    begin(&host);
    snprintf(policy, sizeof(policy), "mounts:\n  - {target: %s}", host.dir);
    set_policy(&host, policy);
    snprintf(target, sizeof(target), "echo new >%s/new", host.dir);
    CLI_EXPECT(&cli, 2, "exec", "--why", "-p", host.policy, target);
    snprintf(target, sizeof(target), "openat(%s/new) to write: the mount at %s is read-only: EROFS",
             host.dir, host.dir);
    must_tell(&cli, "crib: denied: %s", target);
    must_tell(&cli, "%s:3:5", host.policy);
    edit = edit_of(&cli);
    set_policy(&host, edit);
    snprintf(target, sizeof(target), "echo new >%s/new && cat %s/new", host.dir, host.dir);
    CLI_EXPECT(&cli, 0, "exec", "--why", "-p", host.policy, target);
    assert_string_equal(cli.out, "new\n");
    must_tell_nothing(&cli);
    free(edit);
    end(&host, &cli);
}

static void test_the_root_and_usr_are_read_only(void **state)
{
    struct cli cli = {0};

    (void)state;
    CLI_EXPECT(&cli, 1, "run", "--why", "mkdir", "/made");
    test_contains(cli.err, "mkdir(/made) to make: no mount is there, and crib's own root is "
                           "read-only: EROFS");
    test_contains(cli.err, "mounts: [{type: tmpfs, target: /made, mode: 01777}]");
    CLI_EXPECT(&cli, 1, "run", "--why", "mkdir", "/usr/made");
    test_contains(cli.err, "mkdir(/usr/made) to make: the mount at /usr is read-only: EROFS");
    cli_done(&cli);
}

static void test_a_bind_of_the_task(void **state)
{
    struct cli cli = {0};
    struct host host;
    char bind[1024];

    (void)state;
    begin(&host);
    snprintf(bind, sizeof(bind), "%s:/in", host.dir);
    CLI_EXPECT(&cli, 2, "exec", "--why", "--bind", bind, "echo x >/in/new");
    test_contains(cli.err, "openat(/in/new) to write: the mount at /in is read-only: EROFS");
    test_contains(cli.err, "--bind");
    test_contains(cli.err, "`:rw` at the end of that --bind");
    strcat(bind, ":rw");
    CLI_EXPECT(&cli, 0, "exec", "--why", "--bind", bind, "echo x >/in/new");
    must_tell_nothing(&cli);
    end(&host, &cli);
}

static void test_no_exec(void **state)
{
    struct cli cli = {0};
    struct host host;

    (void)state;
    begin(&host);
    set_policy(&host, "mounts:\n  - {type: tmpfs, target: /run, mode: 01777, exec: false}");
    CLI_EXPECT(&cli, 126, "exec", "--why", "-p", host.policy, "cp /bin/true /run/t; /run/t");
    test_contains(cli.err, "execve(/run/t) to run: the mount at /run lets nothing be executed: "
                           "EACCES");
    must_tell(&cli, "`exec: true` for the mount of /run at %s:3:5", host.policy);
    set_policy(&host, "mounts:\n  - {type: tmpfs, target: /run, mode: 01777, exec: true}");
    CLI_EXPECT(&cli, 0, "exec", "--why", "-p", host.policy, "cp /bin/true /run/t; /run/t");
    must_tell_nothing(&cli);
    end(&host, &cli);
}

/* Its own file or somebody else's: neither mount nor policy is the reason. */
static void test_permissions(void **state)
{
    struct cli cli = {0};
    struct host host;
    char bind[1024];

    (void)state;
    begin(&host);
    assert_int_equal(chmod(host.secret, 0), 0);
    snprintf(bind, sizeof(bind), "%s:/in", host.dir);
    CLI_EXPECT(&cli, 1, "run", "--why", "--bind", bind, "cat", "/in/secret");
    test_contains(cli.err, "openat(/in/secret) to read: mode 0000, owner ");
    test_contains(cli.err, "no policy changes that: EACCES");
    assert_null(strstr(cli.err, "mounts: ["));
    end(&host, &cli);
}

/* What a program only asks for is told as well. */
static void test_access(void **state)
{
    struct cli cli = {0};

    (void)state;
    CLI_EXPECT(&cli, 1, "exec", "--why", "test -r /usr && test -x /usr/bin/env && test -w /usr");
    test_contains(cli.err, "(/usr) to write: ");
    assert_int_equal(cli_lines(cli.err, "crib: denied: "), 1);
    cli_done(&cli);
}

static void test_no_devices(void **state)
{
    struct cli cli = {0};

    (void)state;
    CLI_EXPECT(&cli, 1, "exec", "--why", "--bind", "/dev:/in",
               "test -e /in/zero && cat /in/zero 2>/dev/null");
    test_contains(cli.err, "openat(/in/zero) to read: the mount at /in has no devices: EACCES");
    test_contains(cli.err, "mounts: [{source: /dev/zero, target: /in/zero, dev: true}]");
    assert_int_equal(cli_lines(cli.err, "crib: denied: "), 1);
    cli_done(&cli);
}

/* A missing file of which only the directory is on the host, by a call that makes names too. */
static void test_a_rename_of_nothing(void **state)
{
    struct cli cli = {0};

    (void)state;
    CLI_EXPECT(&cli, 0, "exec", "--why",
               "perl -e 'exit(rename(\"/tmp/crib-no-such-file\", \"/tmp/x\"))'");
    must_tell_nothing(&cli);
    cli_done(&cli);
}

/* However a path is written, it is told where it leads. */
static void test_ways_to_a_path(void **state)
{
    char bind[1024], link[1024], line[1024];
    struct cli cli = {0};
    struct host host;

    (void)state;
    begin(&host);
    snprintf(line, sizeof(line), "..%s", host.secret);
    CLI_EXPECT(&cli, 1, "run", "--why", "-C", "/usr", "cat", line);
    must_tell(&cli, "crib: denied: openat(%s) to read: ", host.secret);

    snprintf(line, sizeof(line), "ln -s %s /tmp/link; cat /tmp/link", host.secret);
    CLI_EXPECT(&cli, 1, "exec", "--why", line);
    must_tell(&cli, "crib: denied: openat(%s) to read: ", host.secret);

    snprintf(link, sizeof(link), "%s/sub", host.dir);
    assert_int_equal(mkdir(link, 0777), 0);
    snprintf(link, sizeof(link), "%s/sub/file", host.dir);
    write_file(link, "", 0666);
    snprintf(bind, sizeof(bind), "%s:/in", host.dir);
    CLI_EXPECT(&cli, 1, "run", "--why", "--bind", bind, "rm", "-r", "/in/sub");
    test_contains(cli.err,
                  "unlinkat(/in/sub/file) to remove: the mount at /in is read-only: EROFS");
    end(&host, &cli);
}

static void test_with_landlock(void **state)
{
    struct cli cli = {0};
    struct host host;

    (void)state;
    begin(&host);
    set_policy(&host, "landlock: preferred");
    CLI_EXPECT(&cli, 1, "exec", "--why", "-p", host.policy,
               "echo x >/tmp/x && cat /tmp/x && mkdir /usr/x 2>/dev/null");
    assert_string_equal(cli.out, "x\n");
    test_contains(cli.err, "mkdir(/usr/x) to make: the mount at /usr is read-only: EROFS");
    assert_int_equal(cli_lines(cli.err, "crib: denied:"), 1);
    end(&host, &cli);
}

/* A read-only mount lets what is written to a FIFO through; the second wall does not. */
static void test_what_landlock_alone_refuses(void **state)
{
    char path[1024], bind[1024];
    struct cli cli = {0};
    struct host host;

    (void)state;
    if (syscall(SYS_landlock_create_ruleset, NULL, 0, 1) <= 0)
        test_skip("this kernel has no Landlock");
    begin(&host);
    snprintf(path, sizeof(path), "%s/fifo", host.dir);
    assert_int_equal(mkfifo(path, 0666), 0);
    assert_int_equal(chmod(path, 0666), 0);
    set_policy(&host, "landlock: required");
    snprintf(bind, sizeof(bind), "%s:/in", host.dir);
    CLI_EXPECT(&cli, 2, "exec", "--why", "-p", host.policy, "--bind", bind, "echo x >/in/fifo");
    test_contains(cli.err, "openat(/in/fifo) to write: Landlock lets nothing be written there: "
                           "EACCES");
    end(&host, &cli);
}

/* Each is another and was asked for; a flood is cut and counted. The policy's denials come besides.
 */
static void test_many_are_told(void **state)
{
    struct cli cli = {0};

    (void)state;
    CLI_EXPECT(&cli, 0, "exec", "--why",
               "i=0; while [ $i -lt 210 ]; do mkdir /usr/new$i 2>/dev/null; i=$((i+1)); done; "
               "unshare -n true 2>/dev/null; true");
    assert_int_equal(cli_lines(cli.err, "crib: denied: mkdir(/usr/new"), DENIALS_FILES);
    assert_int_equal(cli_lines(cli.err, "crib: denied: unshare("), 1);
    assert_int_equal(cli_lines(cli.err, "crib: denied: 10 more paths"), 1);
    cli_done(&cli);
}

/* The filter's denials and those of files stand beside one another; only calls that the filter
 * denied are counted as such. */
static void test_in_the_result(void **state)
{
    struct cli cli = {.want_result = true};
    struct host host;

    (void)state;
    begin(&host);
    CLI_EXPECT(&cli, 1, "run", "--why", "--json", "--result-fd", "9", "cat", host.secret);
    assert_non_null(cli.result);
    must_tell(&cli, "crib: denied: openat(%s) to read: ", host.secret);
    test_contains(cli.result, "\"by\":\"files\"");
    test_contains(cli.result, "\"answer\":\"ENOENT\"");
    end(&host, &cli);
}

static void test_where_it_belongs(void **state)
{
    struct cli cli = {0};

    (void)state;
    CLI_EXPECT(&cli, STATUS_FAILED, "plan", "--why", "true");
    CLI_EXPECT(&cli, 0, "run", "--help");
    test_contains(cli.out, "--why");
    test_contains(cli.out, "takes longer");
    cli_done(&cli);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_told_unasked),
        cmocka_unit_test(test_a_hidden_file_and_its_edit),
        cmocka_unit_test(test_probing_makes_no_noise),
        cmocka_unit_test(test_read_only_and_its_edit),
        cmocka_unit_test(test_the_root_and_usr_are_read_only),
        cmocka_unit_test(test_a_bind_of_the_task),
        cmocka_unit_test(test_no_exec),
        cmocka_unit_test(test_permissions),
        cmocka_unit_test(test_access),
        cmocka_unit_test(test_no_devices),
        cmocka_unit_test(test_a_rename_of_nothing),
        cmocka_unit_test(test_ways_to_a_path),
        cmocka_unit_test(test_with_landlock),
        cmocka_unit_test(test_what_landlock_alone_refuses),
        cmocka_unit_test(test_many_are_told),
        cmocka_unit_test(test_in_the_result),
        cmocka_unit_test(test_where_it_belongs),
    };

    setenv("LC_ALL", "C", 1); /* else the C library looks for files of its own */
    return test_run(tests);
}
