/* SPDX-License-Identifier: Apache-2.0 */
/* crib policy: explain, diff, fmt, lint, export; and denials with an errno of their own. */
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"

static const char work[] = "# What is before the first field is kept.\n"
                           "\n"
                           "about: work\n"
                           "extends: [shell]\n"
                           "syscalls:\n"
                           "  allow:\n"
                           "    - ptrace\n"
                           "  deny:\n"
                           "    - socket(domain==10) -> EAFNOSUPPORT\n"
                           "    - mkdir -> ENOTDIR\n"
                           "    - mkdirat -> ENOTDIR\n";

static const char serving[] = "extends: [worker]\nlisten: ['tcp:[0::1]:80-80', 'tcp:*:80']\n";

static const char ordered[] = "extends: [default]\nsyscalls:\n  deny:\n    - mkdir\n"
                              "    - mkdir(mode <= 0777) -> ENOTDIR\n";

struct files {
    char *dir;
    char path[512];
};

static void start(struct files *f, const char *text)
{
    f->dir = cli_dir();
    snprintf(f->path, sizeof(f->path), "%s/work.yaml", f->dir);
    test_write(f->path, text, strlen(text), 0644);
}

static void end(struct files *f, struct cli *cli)
{
    cli_done(cli);
    unlink(f->path);
    free(f->dir);
}

static void test_explain(void **state)
{
    struct cli cli = {0};
    struct files f;

    (void)state;
    start(&f, work);
    CLI_EXPECT(&cli, 0, "policy", "explain", f.path, "socket(AF_INET, SOCK_STREAM)");
    test_contains(cli.out, "socket(AF_INET, SOCK_STREAM): allowed\n"
                           "  allow socket(domain == AF_INET)\n    shell.yaml:");
    test_contains(cli.out, "work.yaml:4:11");
    CLI_EXPECT(&cli, STATUS_INVALID, "policy", "explain", f.path, "socket(domain=AF_INET6)");
    test_contains(cli.out, "denied with EAFNOSUPPORT");
    test_contains(cli.out, "work.yaml:9:7");
    CLI_EXPECT(&cli, STATUS_INVALID, "policy", "explain", f.path, "socket(AF_VSOCK)");
    test_contains(cli.out, "denied with EPERM\n  no entry names it");
    CLI_EXPECT(&cli, STATUS_INVALID, "policy", "explain", f.path, "socket");
    test_contains(cli.out, "it depends on the arguments");
    CLI_EXPECT(&cli, 0, "policy", "explain", f.path, "read");
    test_contains(cli.out, "in @basic-io (groups/basic-io.yaml:");
    CLI_EXPECT(&cli, 0, "policy", "explain", "open", "ptrace");
    CLI_EXPECT(&cli, STATUS_FAILED, "policy", "explain", f.path, "raed");
    test_contains(cli.err, "did you mean 'read'?");
    CLI_EXPECT(&cli, STATUS_FAILED, "policy", "explain", f.path);
    end(&f, &cli);
}

static void test_diff(void **state)
{
    struct cli cli = {0};
    struct files f;

    (void)state;
    start(&f, work);
    CLI_EXPECT(&cli, 0, "policy", "diff", "default", "default");
    assert_string_equal(cli.out, "");
    CLI_EXPECT(&cli, STATUS_INVALID, "policy", "diff", "shell", f.path);
    test_contains(cli.out, "ptrace:\n- denied\n+ allowed\n");
    test_contains(cli.out, "mkdir, mkdirat:\n- allowed\n+ denied with ENOTDIR\n");
    CLI_EXPECT(&cli, STATUS_INVALID, "policy", "diff", "default", "strict");
    test_contains(cli.out, "strict grants nothing that default does not.\n");
    test_contains(cli.out, "+ limits:\n+   open_files: 64\n");
    test_write(f.path, serving, strlen(serving), 0644);
    CLI_EXPECT(&cli, STATUS_INVALID, "policy", "diff", "worker", f.path);
    test_contains(cli.out, "+ listen:\n+ - tcp:[::1]:80\n+ listen:\n+ - tcp:*:80\n");
    test_contains(cli.out, "worker grants nothing that ");
    end(&f, &cli);
}

/* What is printed means the same, and is printed as it is. */
static void test_fmt(void **state)
{
    struct cli cli = {0}, again = {0};
    struct files f;

    (void)state;
    start(&f, work);
    CLI_EXPECT(&cli, 0, "policy", "fmt", f.path);
    test_contains(cli.out, "# What is before the first field is kept.\n\nabout: work\n");
    test_contains(cli.out, "socket(domain == AF_INET6) -> EAFNOSUPPORT");
    test_write(f.path, cli.out, strlen(cli.out), 0644);
    CLI_EXPECT(&again, 0, "policy", "fmt", f.path);
    assert_string_equal(cli.out, again.out);
    test_write(f.path, serving, strlen(serving), 0644);
    CLI_EXPECT(&again, 0, "policy", "fmt", f.path);
    assert_string_equal(again.out, "extends:\n- worker\nlisten:\n- tcp:[::1]:80\n- tcp:*:80\n");
    test_write(f.path, "about: x # why\n", 15, 0644);
    CLI_EXPECT(&again, STATUS_FAILED, "policy", "fmt", f.path);
    test_contains(again.err, "line 1 may be a comment, which would be lost");
    cli_done(&again);
    end(&f, &cli);
}

static void test_lint(void **state)
{
    struct cli cli = {0};
    struct files f;

    (void)state;
    start(&f, work);
    CLI_EXPECT(&cli, 0, "policy", "lint", "default", "judge", "node", "shell", "network", "strict",
               "worker", "open");
    CLI_EXPECT(&cli, STATUS_INVALID, "policy", "lint", "default", f.path);
    test_contains(cli.out, "work.yaml:7:7: ptrace is granted without a reason");
    assert_int_equal(cli_lines(cli.out, "/"), 1);
    end(&f, &cli);
}

static void test_export(void **state)
{
    struct cli cli = {0};
    char text[600];
    struct files f, profile;

    (void)state;
    start(&f, work);
    CLI_EXPECT(&cli, 0, "policy", "export", "--oci", f.path);
    test_contains(cli.out, "\"defaultAction\":\"SCMP_ACT_ERRNO\"");
    profile.dir = cli_dir();
    snprintf(profile.path, sizeof(profile.path), "%s/profile.json", profile.dir);
    test_write(profile.path, cli.out, strlen(cli.out), 0644);
    snprintf(text, sizeof(text), "syscalls:\n  profile: %s\n", profile.path);
    test_write(f.path, text, strlen(text), 0644);
    CLI_EXPECT(&cli, STATUS_INVALID, "policy", "explain", f.path, "mkdir");
    test_contains(cli.out, "denied with ENOTDIR");
    CLI_EXPECT(&cli, 0, "policy", "explain", f.path, "socket(AF_INET, 1)");
    CLI_EXPECT(&cli, STATUS_FAILED, "policy", "export", "shell", "--oci");
    unlink(profile.path);
    free(profile.dir);
    end(&f, &cli);
}

/* The answer comes from init, where there is a listener, or from the filter. */
static void test_a_denied_call_fails_with_its_errno(void **state)
{
    struct cli cli = {0};
    struct files f;

    (void)state;
    start(&f, work);
    CLI_EXPECT(&cli, 1, "run", "-p", f.path, "mkdir", "/tmp/new");
    test_contains(cli.err, "Not a directory");
    test_write(f.path, ordered, strlen(ordered), 0644);
    CLI_EXPECT(&cli, 1, "run", "-p", f.path, "mkdir", "/tmp/new");
    test_contains(cli.err, "Not a directory");
    end(&f, &cli);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_explain), cmocka_unit_test(test_diff),
        cmocka_unit_test(test_fmt),     cmocka_unit_test(test_lint),
        cmocka_unit_test(test_export),  cmocka_unit_test(test_a_denied_call_fails_with_its_errno),
    };

    return test_run(tests);
}
