/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crib-stub as a child: it ends as its task does, passes signals on, gives the task its fds and no
 * other, and ends the task when its parent goes.
 */
#include "support/support.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define CONTROL 3 /* with three fds of the task's */

struct child {
    pid_t pid;
    int out, control; /* our ends */
};

struct ended {
    int status;    /* as waitpid() has it */
    char *out;     /* stdout and stderr */
    char *control; /* events */
};

/* The stub lies beside the test, where every id can look. */
static const char *stub(void)
{
    return "./crib-stub";
}

static char *request(const char *fields)
{
    char *text;

    assert_true(asprintf(&text, "{\"version\":\"%s\",\"parent\":%d,\"fds\":%d%s%s}", CRIB_VERSION,
                         (int)getpid(), CONTROL, *fields ? "," : "", fields) > 0);
    return text;
}

/* In the new process: 0 is /dev/null, 1 and 2 a pipe, 3 a socket. */
static void become(char *const *argv, char *const *env, int out, int control)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    out = fcntl(out, F_DUPFD_CLOEXEC, 10);
    control = fcntl(control, F_DUPFD_CLOEXEC, 10);
    if (dup2(null, 0) == 0 && dup2(out, 1) == 1 && dup2(out, 2) == 2 &&
        dup2(control, CONTROL) == CONTROL)
        execve(stub(), argv, env);
    _exit(99);
}

static struct child start_argv(char *const *argv, char *const *env)
{
    struct child child;
    int out[2], control[2];

    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control), 0);
    child.pid = fork();
    if (child.pid == 0)
        become(argv, env, out[1], control[1]);
    assert_true(child.pid > 0);
    close(out[1]);
    close(control[1]);
    child.out = out[0];
    child.control = control[0];
    return child;
}

/* Runs `sh -c LINE`. @fields: more of the request. */
static struct child start(const char *fields, const char *line)
{
    char *text = request(fields);
    char *argv[] = {(char *)"crib-stub", text, (char *)"sh", (char *)"-c", (char *)line, NULL};
    struct child child = start_argv(argv, (char *[]){(char *)"PATH=/usr/bin:/bin", NULL});

    free(text);
    return child;
}

static char *read_all(int fd)
{
    size_t len = 0, size = 64 * 1024;
    char *text = malloc(size);
    ssize_t n;

    assert_non_null(text);
    while (len < size - 1 && (n = read(fd, text + len, size - 1 - len)) > 0)
        len += (size_t)n;
    text[len] = '\0';
    close(fd);
    return text;
}

static struct ended finish(struct child child)
{
    struct ended ended;

    ended.out = read_all(child.out);
    ended.control = read_all(child.control);
    assert_int_equal(waitpid(child.pid, &ended.status, 0), child.pid);
    return ended;
}

static void done(struct ended *ended)
{
    free(ended->out);
    free(ended->control);
}

static void wait_for(struct child *child, const char *text)
{
    char seen[256] = "";
    size_t len = 0;

    while (!strstr(seen, text)) {
        ssize_t n = read(child->out, seen + len, sizeof(seen) - 1 - len);

        assert_true(n > 0);
        len += (size_t)n;
        seen[len] = '\0';
    }
}

#define FILE_SH "\"file\":\"/bin/sh\""

static void test_status(void **state)
{
    struct ended ended = finish(start(FILE_SH, "echo out; exit 7"));

    (void)state;
    assert_true(WIFEXITED(ended.status));
    assert_int_equal(WEXITSTATUS(ended.status), 7);
    assert_string_equal(ended.out, "out\n");
    test_contains(ended.control, "{\"view\":{");
    test_contains(ended.control, "{\"started\":true}\n");
    test_contains(ended.control, "{\"result\":{\"verdict\":\"exited\",\"status\":7,");
    done(&ended);
}

static void test_signal(void **state)
{
    struct ended ended = finish(start(FILE_SH, "kill -USR1 $$"));

    (void)state;
    assert_true(WIFSIGNALED(ended.status));
    assert_int_equal(WTERMSIG(ended.status), SIGUSR1);
    test_contains(ended.control, "\"verdict\":\"signaled\"");
    done(&ended);
}

static void test_passed_on(void **state)
{
    struct child child =
        start(FILE_SH, "trap 'echo got; exit 5' HUP; echo ready; while :; do sleep 0.05; done");
    struct ended ended;

    (void)state;
    wait_for(&child, "ready\n");
    assert_int_equal(kill(child.pid, SIGHUP), 0);
    ended = finish(child);
    assert_true(WIFEXITED(ended.status));
    assert_int_equal(WEXITSTATUS(ended.status), 5);
    assert_string_equal(ended.out, "got\n");
    done(&ended);
}

static void test_fds(void **state)
{
    struct ended ended = finish(start(FILE_SH, "cd /proc/self/fd && echo *"));

    (void)state;
    assert_string_equal(ended.out, "0 1 2 3\n"); /* 3 is the directory that is read */
    done(&ended);
}

/* Its own copies are closed: else the end of a stream would be seen only with its own end. */
static void test_lets_go(void **state)
{
    struct child child = start(FILE_SH, "exec >&- 2>&-; sleep 60");
    struct ended ended = {0};

    (void)state;
    ended.out = read_all(child.out);
    assert_int_equal(waitpid(child.pid, NULL, WNOHANG), 0);
    assert_int_equal(kill(child.pid, SIGTERM), 0);
    ended.control = read_all(child.control);
    assert_int_equal(waitpid(child.pid, &ended.status, 0), child.pid);
    assert_int_equal(WTERMSIG(ended.status), SIGTERM);
    done(&ended);
}

/* What a task holds open is ours to read from: it ends when the last of it has. */
static void expect_gone(int out)
{
    char *rest = read_all(out);

    free(rest);
}

static void test_killed(void **state)
{
    struct child child = start(FILE_SH, "sleep 60 & echo ready; sleep 60");
    int status;

    (void)state;
    wait_for(&child, "ready\n");
    assert_int_equal(kill(child.pid, SIGKILL), 0);
    expect_gone(child.out);
    close(child.control);
    assert_int_equal(waitpid(child.pid, &status, 0), child.pid);
    assert_int_equal(WTERMSIG(status), SIGKILL);
}

/* A parent in between, which is killed. */
static void test_parent(void **state)
{
    int out[2];
    pid_t parent;
    char ready[8];

    (void)state;
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    parent = fork();
    if (parent == 0) {
        struct child child = start(FILE_SH, "sleep 60 & echo ready; sleep 60");

        wait_for(&child, "ready\n");
        (void)!write(out[1], "ready\n", 6);
        pause();
        _exit(0);
    }
    close(out[1]);
    assert_int_equal(read(out[0], ready, sizeof(ready)), 6);
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    assert_int_equal(kill(parent, SIGKILL), 0);
    assert_int_equal(waitpid(parent, NULL, 0), parent);
    assert_true(waitpid(-1, NULL, 0) > 0); /* the stub, which has ended its task first */
    while (waitpid(-1, NULL, 0) > 0)
        ;
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
    close(out[0]);
}

static void test_env(void **state)
{
    char *text = request("\"file\":\"/usr/bin/env\",\"whole_env\":true");
    char *argv[] = {(char *)"crib-stub", text, (char *)"env", NULL};
    char *env[] = {(char *)"A=1", (char *)"UV_USE_IO_URING=x", NULL};
    struct ended ended = finish(start_argv(argv, env));

    (void)state;
    assert_string_equal(ended.out, "A=1\nUV_USE_IO_URING=x\n");
    done(&ended);
    free(text);
}

static void test_env_passed(void **state)
{
    char *text = request("\"file\":\"/usr/bin/env\",\"env\":[\"B=2\"]");
    char *argv[] = {(char *)"crib-stub", text, (char *)"env", NULL};
    char *env[] = {(char *)"TOKEN=secret", (char *)"PATH=/usr/bin", NULL};
    struct ended ended = finish(start_argv(argv, env));

    (void)state;
    test_contains(ended.out, "B=2\n");
    test_contains(ended.out, "PATH=/usr/bin\n");
    assert_null(strstr(ended.out, "TOKEN"));
    done(&ended);
    free(text);
}

/* Each is refused, and nothing runs. */
static void test_refused(void **state)
{
    static const char *const cases[][2] = {
        {FILE_SH ",\"policy\":\"no-such\"", "no policy is named 'no-such'"},
        {FILE_SH ",\"own_policy\":\"{\\\"limits\\\":{\\\"memroy\\\":1}}\"", "memroy"},
        {"\"file\":\"/no/such\"", "program /no/such"},
        {FILE_SH ",\"cwd\":\"/no/such\"", "cwd /no/such"},
        {FILE_SH ",\"uid\":0", "0 is refused"},
        {FILE_SH ",\"socket\":\"/no/such\"", "daemon /no/such"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ended ended = finish(start(cases[i][0], "echo ran"));

        assert_true(WIFEXITED(ended.status));
        assert_int_equal(WEXITSTATUS(ended.status), 127);
        assert_string_equal(ended.out, "");
        test_contains(ended.control, "\"error\":");
        test_contains(ended.control, cases[i][1]);
        assert_null(strstr(ended.control, "started"));
        done(&ended);
    }
}

static void expect_refused(const char *text, const char *why)
{
    char *argv[] = {(char *)"crib-stub", (char *)text,       (char *)"sh",
                    (char *)"-c",        (char *)"echo ran", NULL};
    struct ended ended = finish(start_argv(argv, (char *[]){NULL}));

    assert_int_equal(WEXITSTATUS(ended.status), 127);
    assert_null(strstr(ended.out, "ran\n"));
    assert_true(strstr(ended.out, why) || strstr(ended.control, why));
    done(&ended);
}

static void test_nonsense(void **state)
{
    (void)state;
    expect_refused("no request", "crib-stub: ");
    expect_refused("{}", "0 fds");
    expect_refused("{\"fds\":3,\"version\":\"0.0.1\"}", "of version");
    expect_refused("{\"fds\":3,\"unknown\":1}", "unknown key");
    expect_refused("{\"fds\":4,\"version\":\"0.0.1\"}", "no socket and no file");
    expect_refused("{\"fds\":3,\"version\":\"" CRIB_VERSION "\",\"parent\":1,\"file\":\"/bin/sh\"}",
                   "parent");
}

int main(void)
{
    const struct CMUnitTest stub_tests[] = {
        cmocka_unit_test(test_status),     cmocka_unit_test(test_signal),
        cmocka_unit_test(test_passed_on),  cmocka_unit_test(test_fds),
        cmocka_unit_test(test_lets_go),    cmocka_unit_test(test_killed),
        cmocka_unit_test(test_parent),     cmocka_unit_test(test_env),
        cmocka_unit_test(test_env_passed), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_nonsense),
    };

    return test_run(stub_tests);
}
