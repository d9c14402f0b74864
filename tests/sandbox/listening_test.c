/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets that listen, handed over as systemd does it: a program that knows LISTEN_FDS serves them
 * without a right to the network.
 */
#include "sandbox/sandbox.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"

/* A socket that listens, and a client that has connected. */
struct served {
    int listener, client;
};

static struct served serve(int family)
{
    struct sockaddr_storage where = {.ss_family = (sa_family_t)family};
    socklen_t size = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(sa_family_t);
    struct served ret = {socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0),
                         socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)};

    if (family == AF_INET)
        ((struct sockaddr_in *)&where)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(ret.listener, (struct sockaddr *)&where, size), 0);
    assert_int_equal(listen(ret.listener, 5), 0);
    size = sizeof(where);
    assert_int_equal(getsockname(ret.listener, (struct sockaddr *)&where, &size), 0);
    assert_int_equal(connect(ret.client, (struct sockaddr *)&where, size), 0);
    return ret;
}

static void served_done(struct served *served)
{
    fd_close(&served->listener);
    fd_close(&served->client);
}

/* What the task has said to the client: `FD of PID`. */
static void must_hear(const struct served *served, int fd)
{
    char text[64] = "", start[16];
    ssize_t n = recv(served->client, text, sizeof(text) - 1, MSG_DONTWAIT);

    assert_true(n > 0);
    snprintf(start, sizeof(start), "%d of ", fd);
    assert_memory_equal(text, start, strlen(start));
    assert_true(atoi(text + strlen(start)) > 1);
}

static void test_a_task_serves_what_it_is_handed(void **state)
{
    struct served tcp = serve(AF_INET), local = serve(AF_UNIX);
    const struct crib_stdio stdio[] = {{.kind = CRIB_NULL},
                                       {.kind = CRIB_PIPE},
                                       {.kind = CRIB_PIPE},
                                       {.kind = CRIB_FD, .from = tcp.listener},
                                       {.kind = CRIB_FD, .from = local.listener}};
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.options.stdio = stdio;
    box.options.stdio_count = 5;
    box.options.listen_fds = 2;
    sandbox_expect(&box, "listen-fds , fds", 0);
    test_contains(box.out, "LISTEN_FDS 2\nLISTEN_PID own\nfd 3 ok\nfd 4 ok\n");
    test_contains(box.out, "\n3 socket rw\n4 socket rw\n");
    assert_null(strstr(box.out, "\n5 "));
    must_hear(&tcp, 3);
    must_hear(&local, 4);
    sandbox_done(&box);
    served_done(&tcp);
    served_done(&local);
}

static void test_with_a_channel_behind_them(void **state)
{
    struct served tcp = serve(AF_INET);
    const struct crib_stdio stdio[] = {{.kind = CRIB_NULL},
                                       {.kind = CRIB_PIPE},
                                       {.kind = CRIB_PIPE},
                                       {.kind = CRIB_FD, .from = tcp.listener}};
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.fork = true;
    box.options.stdio = stdio;
    box.options.stdio_count = 4;
    box.options.listen_fds = 1;
    sandbox_expect(&box, "listen-fds , env", 0);
    test_contains(box.out, "LISTEN_FDS 1\nLISTEN_PID own\nfd 3 ok\n");
    test_contains(box.out, "CRIB_CHANNEL_FD=4\n");
    must_hear(&tcp, 3);
    sandbox_done(&box);
    served_done(&tcp);
}

/* It goes with the pid: over an exec, but not to a child. */
static void test_the_pid_is_that_of_the_program(void **state)
{
    struct served tcp = serve(AF_INET);
    const struct crib_stdio stdio[] = {{.kind = CRIB_NULL},
                                       {.kind = CRIB_PIPE},
                                       {.kind = CRIB_PIPE},
                                       {.kind = CRIB_FD, .from = tcp.listener}};
    struct sandbox box;
    char verbs[4200];

    (void)state;
    sandbox_init(&box);
    box.options.stdio = stdio;
    box.options.stdio_count = 4;
    box.options.listen_fds = 1;
    sandbox_expect(&box, "forked listen-fds", 0);
    assert_string_equal(box.out, "LISTEN_FDS 1\nLISTEN_PID another's\nforked exited 1\n");
    snprintf(verbs, sizeof(verbs), "exec %s listen-fds", sandbox_probe_path());
    sandbox_expect(&box, verbs, 0);
    assert_string_equal(box.out, "LISTEN_FDS 1\nLISTEN_PID own\nfd 3 ok\n");
    sandbox_done(&box);
    served_done(&tcp);
}

/* The number is written before the filter is there, and as sd_listen_fds() reads it. */
static void test_a_filter_need_not_allow_getpid(void **state)
{
    struct served tcp = serve(AF_INET);
    const struct crib_stdio stdio[] = {{.kind = CRIB_NULL},
                                       {.kind = CRIB_PIPE},
                                       {.kind = CRIB_PIPE},
                                       {.kind = CRIB_FD, .from = tcp.listener}};
    struct sandbox box;
    const char *at;
    char *end;

    (void)state;
    sandbox_init(&box);
    box.rules = "extends: [default]\nsyscalls:\n  deny: [getpid]\n";
    box.options.stdio = stdio;
    box.options.stdio_count = 4;
    box.options.listen_fds = 1;
    sandbox_expect(&box, "env", 0);
    at = strstr(box.out, "LISTEN_PID=");
    assert_non_null(at);
    at += strlen("LISTEN_PID=");
    assert_in_range(*at, '1', '9');
    assert_true(strtol(at, &end, 0) > 1);
    assert_int_equal(*end, '\n');
    sandbox_done(&box);
    served_done(&tcp);
}

static void test_the_callers_own_do_not_pass(void **state)
{
    static const char *const own[] = {"LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES",
                                      "CRIB_WORKER_ID"};
    struct sandbox box;

    (void)state;
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        setenv(own[i], "1", 1);
    sandbox_init(&box);
    box.rules = "extends: [default]\nenv: {pass: [\"*\"]}\n";
    sandbox_expect(&box, "env", 0);
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        assert_null(strstr(box.out, own[i]));
        unsetenv(own[i]);
    }
    sandbox_done(&box);
}

static void test_what_is_not_handed_over_is_refused(void **state)
{
    struct crib_stdio stdio[] = {
        {.kind = CRIB_NULL}, {.kind = CRIB_PIPE}, {.kind = CRIB_PIPE}, {.kind = CRIB_PIPE}};
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.options.stdio = stdio;
    box.options.stdio_count = 4;
    for (unsigned listening = 1; listening; listening *= 8) {
        box.options.listen_fds = listening;
        sandbox_probe(&box, "listen-fds");
        assert_int_equal(box.code, -EINVAL);
        assert_string_equal(box.error.step, "listen_fds");
        assert_false(box.spawned);
    }
    sandbox_done(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_task_serves_what_it_is_handed),
        cmocka_unit_test(test_with_a_channel_behind_them),
        cmocka_unit_test(test_the_pid_is_that_of_the_program),
        cmocka_unit_test(test_a_filter_need_not_allow_getpid),
        cmocka_unit_test(test_the_callers_own_do_not_pass),
        cmocka_unit_test(test_what_is_not_handed_over_is_refused),
    };

    return sandbox_test_run(tests);
}
