/* SPDX-License-Identifier: Apache-2.0 */
/* Each shipped policy runs what it is for, and refuses what it is not. */
#include "sandbox/sandbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NO (-1) /* any end but exit status 0 */

struct row {
    const char *policies; /* between spaces */
    const char *file;     /* searched in PATH */
    const char *args[5];
    int status;
    const char *out; /* part of stdout; NULL: whatever */
};

#define ALL " default strict network shell open "

static const struct row rows[] = {
    {ALL, "true", {NULL}, 0, ""},
    {ALL, "false", {NULL}, 1, ""},
    {ALL, "echo", {"hello", NULL}, 0, "hello\n"},
    {ALL, "cat", {"/etc/ld.so.conf", NULL}, 0, "ld.so.conf.d"},
    {ALL, "sh", {"-c", "echo $((6 * 7))", NULL}, 0, "42\n"},
    {" default network shell open ", "sh", {"-c", "echo a | tr a b", NULL}, 0, "b\n"},
    {" default network shell open ", "sh", {"-c", "x=$(echo sub); echo $x", NULL}, 0, "sub\n"},
    {" strict ", "sh", {"-c", "/usr/bin/true; echo $? | cat", NULL}, NO, NULL},
    {" default network shell open ", "ps", {"ax", "-o", "comm", NULL}, 0, "ps\n"},
    {" default network shell open ", "uptime", {NULL}, 0, "load average"},
    {" strict ", "ps", {"ax", NULL}, NO, NULL},
    {ALL, "python3", {"-c", "print(sum(range(10)))", NULL}, 0, "45\n"},
    {" default network shell open ",
     "python3",
     {"-c", "import subprocess; print(subprocess.check_output(['echo', 'x']))", NULL},
     0,
     "b'x\\n'"},
    {" default network shell open ",
     "python3",
     {"-c",
      "import threading as t; x = t.Thread(target=lambda: print('thread')); x.start(); x.join()",
      NULL},
     0,
     "thread\n"},
    {ALL,
     "python3",
     {"-c", "import tempfile; tempfile.TemporaryFile().write(b'x'); print('ok')", NULL},
     0,
     "ok\n"},
    {" default strict network shell ", "sh", {"-c", "echo x >/usr/x", NULL}, NO, NULL},
    {" default strict network shell ", "cat", {"/etc/shadow", NULL}, NO, NULL},
    {" default network shell ",
     "sh",
     {"-c", "id -u; id -g; ls / >/tmp/x && cat /tmp/x", NULL},
     0,
     "usr\n"},
    {" default network shell ", "unshare", {"-U", "true", NULL}, NO, NULL},
    {" default network shell ", "mount", {"-t", "tmpfs", "x", "/tmp", NULL}, NO, NULL},
    {" default strict ", "python3", {"-c", "import socket; socket.socket()", NULL}, NO, NULL},
    {" network shell open ",
     "python3",
     {"-c", "import socket; socket.socket(); print('s')", NULL},
     0,
     "s\n"},
    {" shell ",
     "python3",
     {"-c",
      "import socket as s; a = s.create_server(('127.0.0.1', 0)); b = "
      "s.create_connection(a.getsockname()); "
      "b.send(b'x'); print(a.accept()[0].recv(1))",
      NULL},
     0,
     "b'x'"},
    {" default network shell open ", "date", {"+%Y", NULL}, 0, "20"},
    {" default network shell open ",
     "sh",
     {"-c", "sleep 0.01 & wait; kill -0 $$ && echo fine", NULL},
     0,
     "fine\n"},
    {" default network shell open ",
     "sh",
     {"-c", "echo out; echo err >&2; ls -la /dev/stdout >/dev/null", NULL},
     0,
     "out\n"},
    {" default network shell open ",
     "sh",
     {"-c", "find /usr/lib -maxdepth 1 | sort | head -1 | wc -l", NULL},
     0,
     "1\n"},
    {" shell ", "sh", {"-c", "echo x >/var/tmp/x && cat /tmp/x", NULL}, 0, "x\n"},
    {" default network shell open ",
     "perl",
     {"-e", "print join(',', map { $_ * 2 } 1..3)", NULL},
     0,
     "2,4,6"},
    {" default network shell open ", "awk", {"BEGIN { print 1 + 1 }", NULL}, 0, "2\n"},
    {" default shell ", "git", {"--version", NULL}, 0, "git version"},
    {" default shell ", "gcc", {"--version", NULL}, 0, "gcc"},
};

static bool is_there(const char *name)
{
    static const char *const dirs[] = {"/usr/bin", "/bin", "/usr/local/bin"};

    for (size_t i = 0; i < 3; i++) {
        char path[256];

        snprintf(path, sizeof(path), "%s/%s", dirs[i], name);
        if (access(path, X_OK) == 0)
            return true;
    }
    return false;
}

static void check(const struct row *row, const char *policy)
{
    struct sandbox box;
    char text[1024];

    sandbox_init(&box);
    box.options.policy = policy;
    sandbox_run(&box, row->file, row->args);
    if (row->status == NO) {
        if (box.result.verdict == CRIB_EXITED && box.result.status == 0)
            fail_msg("%s under %s: went well: %s", row->file, policy, box.out);
    } else if (box.error.code || box.result.verdict != CRIB_EXITED ||
               box.result.status != row->status || (row->out && !strstr(box.out, row->out))) {
        fail_msg("%s %s under %s: %s verdict %d status %d signal %d\nstdout: %s\nstderr: %s\n"
                 "denied: %s",
                 row->file, row->args[1] ? row->args[1] : "", policy,
                 box.error.code ? crib_error_text(&box.error, text, sizeof(text)) : "",
                 (int)box.result.verdict, box.result.status, box.result.signal, box.out, box.err,
                 box.denied);
    }
    sandbox_done(&box);
}

static void test_programs_under_policies(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (const char *const *name = crib_policy_names(); *name; name++) {
            char word[64];

            snprintf(word, sizeof(word), " %s ", *name);
            if (strstr(rows[i].policies, word) && is_there(rows[i].file))
                check(&rows[i], *name);
        }
}

static void test_these_are_shipped(void **state)
{
    static const char *const names[] = {"default", "judge", "network", "node",
                                        "open",    "shell", "strict",  "worker"};
    size_t count = 0;

    (void)state;
    for (const char *const *name = crib_policy_names(); *name; name++)
        count++;
    assert_int_equal(count, sizeof(names) / sizeof(names[0]));
    for (size_t i = 0; i < count; i++)
        assert_string_equal(crib_policy_names()[i], names[i]);
}

/* An ordinary day's work makes no denials: who sees one may take it seriously. */
static void test_ordinary_programs_are_not_denied_anything(void **state)
{
    static const struct {
        const char *file, *args[3];
    } quiet[] = {
        {"true", {NULL}},
        {"ls", {"/usr", NULL}},
        {"sh", {"-c", "echo a | cat", NULL}},
        {"uptime", {NULL}},
        {"sort", {"/etc/ld.so.conf", NULL}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(quiet) / sizeof(quiet[0]); i++) {
        struct sandbox box;

        sandbox_init(&box);
        sandbox_run(&box, quiet[i].file, quiet[i].args);
        if (box.denied[0])
            fail_msg("%s: %s", quiet[i].file, box.denied);
        sandbox_done(&box);
    }
}

/* A base that is not in the directories but shipped was found: no error is left behind. */
static void test_success_leaves_no_error(void **state)
{
    static const char text[] = "extends: [default]\n";
    struct crib_error err = {0};
    crib_policy *policy = NULL;

    (void)state;
    assert_int_equal(crib_policy_parse("x.yaml", text, strlen(text), &policy, &err), 0);
    assert_int_equal(err.code, 0);
    crib_policy_free(policy);
    assert_int_equal(crib_policy_load("strict", &policy, &err), 0);
    assert_int_equal(err.code, 0);
    crib_policy_free(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_these_are_shipped),
        cmocka_unit_test(test_programs_under_policies),
        cmocka_unit_test(test_ordinary_programs_are_not_denied_anything),
        cmocka_unit_test(test_success_leaves_no_error),
    };

    return sandbox_test_run(tests);
}
