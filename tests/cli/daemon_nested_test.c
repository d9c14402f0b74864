/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crib inside a task of the daemon that it asks: whatever the site allows, it gets no more than the
 * task that it is in. The site of these tests allows everything to everybody.
 */
#include "cli/daemon.h"

#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/command.h"

static char *dir; /* what nobody inside sees, but for DIR/in */
/* Under ASan: the check wants ptrace, which a task has not. */
#define NO_LEAK_CHECK "ASAN_OPTIONS=detect_leaks=0"

static char secret[PATH_MAX], parent[PATH_MAX], command[PATH_MAX];
static char made[64]; /* below the host's /tmp, which `open` can write to */

static char *in_dir(char path[PATH_MAX], const char *name)
{
    snprintf(path, PATH_MAX, "%s/%s", dir, name);
    return path;
}

static void write_in(const char *name, const char *text)
{
    char path[PATH_MAX];

    test_write(in_dir(path, name), text, strlen(text), 0644);
}

static void begin(void)
{
    char path[PATH_MAX], text[4 * PATH_MAX], *program;
    size_t len;

    daemon_begin("rules: [{policies: ['*'], widest: '*', binds: write}]");
    dir = cli_dir();
    assert_int_equal(mkdir(in_dir(path, "in"), 0755), 0);
    chmod(path, 0755);
    write_in("secret", "secret\n");
    in_dir(secret, "secret");
    snprintf(made, sizeof(made), "/tmp/crib-nested-%d", (int)getpid());
    in_dir(parent, "parent.yaml");
    program = test_read(cli_program("crib"), &len);
    test_write(in_dir(command, "in/crib"), program, len, 0755);
    free(program);
    assert_int_equal(chdir(dir), 0); /* `open` starts where its caller is */
    /* Sockets, crib and the daemon's directory: more than most have, less than the host's. */
    snprintf(text, sizeof(text),
             "extends: [default]\n"
             "mounts:\n"
             "- {target: %s, write: true}\n"
             "- {target: %s/in}\n"
             "syscalls:\n"
             "  allow: ['@network-io']\n"
             "  deny: [mkdir, mkdirat]\n",
             cribd.dir, dir);
    write_in("parent.yaml", text);
}

static void end(void)
{
    assert_int_equal(chdir("/"), 0);
    free(dir);
    daemon_end();
}

/* Runs crib with these words inside a task. */
static void inside(struct cli *cli, const char *const *words)
{
    const char *all[32] = {"run",         "-q", "-p",          parent, "-e",
                           "CRIB_SOCKET", "-e", NO_LEAK_CHECK, command};
    size_t n = 9;

    for (size_t i = 0; words[i]; i++)
        all[n++] = words[i];
    cli_run(cli, all);
}

#define INSIDE(cli, expected, ...)                                                                 \
    do {                                                                                           \
        inside(cli, (const char *const[]){__VA_ARGS__, NULL});                                     \
        cli_status(cli, expected, __FILE__, __LINE__);                                             \
    } while (0)

static void test_it_works(void **state)
{
    struct cli cli = {.input = "in\n"};

    (void)state;
    begin();
    INSIDE(&cli, 0, "run", "cat");
    assert_string_equal(cli.out, "in\n");
    INSIDE(&cli, 3, "run", "-p", "strict", "sh", "-c", "exit 3");
    INSIDE(&cli, 0, "plan", "-p", "open", "true");
    test_contains(cli.out, "mechanism: ceiling\n  asked: task ");
    test_contains(cli.out, "applied: cut down to it\n");
    cli_done(&cli);
    end();
}

/* A policy by name that is as wide as can be. */
static void test_named(void **state)
{
    char host[64] = "";
    struct cli cli = {0};

    (void)state;
    begin();
    /* outside it is what it says: the test can fail */
    CLI_EXPECT(&cli, 0, "run", "-p", "open", "cat", secret);
    assert_string_equal(cli.out, "secret\n");
    CLI_EXPECT(&cli, 0, "run", "-p", "open", "mkdir", made);
    rmdir(made);

    INSIDE(&cli, 1, "run", "-p", "open", "cat", secret);
    assert_string_equal(cli.out, "");
    INSIDE(&cli, 1, "run", "-q", "-p", "open", "mkdir", made);
    test_contains(cli.err, "Operation not permitted");
    assert_int_equal(access(made, F_OK), -1);
    assert_true(readlink("/proc/self/ns/net", host, sizeof(host) - 1) > 0);
    INSIDE(&cli, 0, "run", "-p", "open", "readlink", "/proc/self/ns/net");
    test_contains(cli.out, "net:[");
    assert_null(strstr(cli.out, host));
    INSIDE(&cli, STATUS_FAILED, "run", "-p", "network", "true");
    test_contains(cli.err, "mounts[");
    cli_done(&cli);
    end();
}

/* A policy of its own, and what is asked for beside a policy. */
static void test_inline(void **state)
{
    char wide[PATH_MAX], bind[PATH_MAX + 8], tool[PATH_MAX];
    struct cli cli = {0};

    (void)state;
    begin();
    write_in("in/wide.yaml", "extends: [open]\ncaps: {keep: [CAP_CHOWN, CAP_NET_ADMIN]}\n"
                             "limits: {core: true}\n");
    in_dir(wide, "in/wide.yaml");
    INSIDE(&cli, 0, "run", "-p", wide, "grep", "CapEff", "/proc/self/status");
    test_contains(cli.out, "0000000000000000");
    INSIDE(&cli, 1, "run", "-p", wide, "cat", secret);
    snprintf(bind, sizeof(bind), "%s:/tmp/x", dir);
    INSIDE(&cli, STATUS_FAILED, "run", "--bind", bind, "true");
    test_contains(cli.err, "task.mounts[0]");
    write_in("in/wide.yaml", "extends: [default]\nmounts: [{target: /etc/shadow}]\n");
    INSIDE(&cli, STATUS_FAILED, "run", "-p", wide, "true");
    test_contains(cli.err, "/etc/shadow: the widest policy does not show this source");
    /* a program of the host's that is not shown inside */
    write_in("tool", "#!/bin/sh\necho ran\n");
    chmod(in_dir(tool, "tool"), 0755);
    CLI_EXPECT(&cli, 0, "run", tool);
    INSIDE(&cli, STATUS_UNRUNNABLE, "run", tool);
    test_contains(cli.err, "the policy does not show it");
    INSIDE(&cli, STATUS_FAILED, "run", "-d", "true");
    test_contains(cli.err, "detached");
    cli_done(&cli);
    end();
}

static void test_grandchild(void **state)
{
    struct cli cli = {0};

    (void)state;
    begin();
    INSIDE(&cli, 0, "run", "-p", "open", "-e", "CRIB_SOCKET", "-e", NO_LEAK_CHECK, command, "run",
           "-p", "open", "echo", "deep");
    assert_string_equal(cli.out, "deep\n");
    INSIDE(&cli, 1, "run", "-p", "open", "-e", "CRIB_SOCKET", "-e", NO_LEAK_CHECK, command, "run",
           "-p", "open", "cat", secret);
    assert_string_equal(cli.out, "");
    /* what the one between gave up, nobody below has again */
    INSIDE(&cli, 1, "run", "-p", "open", "-e", "CRIB_SOCKET", "-e", NO_LEAK_CHECK, command, "run",
           "-q", "-p", "open", "mkdir", made);
    cli_done(&cli);
    end();
}

/* Other tasks of the same user may have more: it knows nothing of them. */
static void test_other_tasks(void **state)
{
    char *number;
    struct cli cli = {0};

    (void)state;
    begin();
    number = daemon_detach((const char *const[]){"sleep", "100", NULL});
    CLI_EXPECT(&cli, 0, "ps");
    test_contains(cli.out, "sleep 100");
    INSIDE(&cli, 0, "ps");
    assert_null(strstr(cli.out, "sleep"));
    INSIDE(&cli, STATUS_FAILED, "kill", number);
    test_contains(cli.err, "no task");
    INSIDE(&cli, STATUS_FAILED, "attach", number);
    INSIDE(&cli, STATUS_FAILED, "logs", number);
    CLI_EXPECT(&cli, 0, "kill", number);
    cli_done(&cli);
    free(number);
    end();
}

/* A container of somebody else's is no task. */
static void test_container(void **state)
{
    struct cli cli = {.program = "/usr/bin/unshare"};
    char *number;

    (void)state;
    begin();
    number = daemon_detach((const char *const[]){"sleep", "100", NULL});
    CLI_EXPECT(&cli, 0, "--user", "--map-current-user", "--pid", "--fork", command, "run", "-p",
               "open", "cat", secret);
    assert_string_equal(cli.out, "secret\n");
    CLI_EXPECT(&cli, 0, "--user", "--map-current-user", "--pid", "--fork", "unshare", "--user",
               "--map-current-user", "--pid", "--fork", command, "run", "-p", "open", "cat",
               secret);
    CLI_EXPECT(&cli, 0, "--user", "--map-current-user", "--pid", "--fork", command, "plan", "-p",
               "open", "true");
    assert_null(strstr(cli.out, "ceiling"));
    cli.program = NULL;
    CLI_EXPECT(&cli, 0, "kill", number);
    cli_done(&cli);
    free(number);
    end();
}

/* One more pid namespace between the task and its client makes no difference. */
static void test_container_inside(void **state)
{
    char text[4 * PATH_MAX];
    struct cli cli = {0};

    (void)state;
    begin();
    snprintf(text, sizeof(text),
             "extends: [open]\nnamespaces: {mount: new}\n"
             "mounts:\n- {type: host, target: /bin}\n- {type: host, target: /lib}\n"
             "- {type: host, target: /lib64, optional: true}\n- {target: /usr}\n"
             "- {type: proc, target: /proc, write: true}\n- {type: tmpfs, target: /tmp}\n"
             "- {target: %s, write: true}\n- {target: %s}\n",
             cribd.dir, command);
    write_in("parent.yaml", text);
    CLI_EXPECT(&cli, 0, "run", "-p", parent, "-e", "CRIB_SOCKET", "/usr/bin/unshare", "--user",
               "--map-current-user", "--pid", "--fork", command, "plan", "-p", "open", "true");
    test_contains(cli.out, "mechanism: ceiling\n  asked: task ");
    CLI_EXPECT(&cli, 1, "run", "-p", parent, "-e", "CRIB_SOCKET", "/usr/bin/unshare", "--user",
               "--map-current-user", "--pid", "--fork", command, "run", "-p", "open", "cat",
               secret);
    assert_string_equal(cli.out, "");
    cli_done(&cli);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_works),         cmocka_unit_test(test_named),
        cmocka_unit_test(test_inline),           cmocka_unit_test(test_grandchild),
        cmocka_unit_test(test_other_tasks),      cmocka_unit_test(test_container),
        cmocka_unit_test(test_container_inside),
    };

    return test_run(tests);
}
