/* SPDX-License-Identifier: Apache-2.0 */
/* Under the policies of workers a socket that is handed in can be served, and nothing else can be
 * made of it: no other socket, no connection, and nothing that ends it for those who share it. */
#include "sandbox/sandbox.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HANDED 3 /* the number that the task has it under */

static const char *const policies[] = {"worker", "node"};

static const char *const tricks[] = {
    "socket-inet", "socket-inet6", "socket-unix",   "socket-netlink", "socketpair", "filter",
    "steer",       "device",       "sendto",        "sendmsg",        "sendmmsg",   "disconnect",
    "connect",     "bind",         "shutdown-read", "shutdown-both",
};

static int listener(struct sockaddr_in *ret)
{
    socklen_t len = sizeof(*ret);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    *ret = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)ret, len), 0);
    assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)ret, &len), 0);
    return fd;
}

static int client(const struct sockaddr_in *address)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)address, sizeof(*address)), 0);
    return fd;
}

/* Runs the probe with the socket as fd 3. */
static void run(struct sandbox *box, const char *policy, int handed, const char *verbs)
{
    struct crib_stdio stdio[] = {{.kind = CRIB_NULL},
                                 {.kind = CRIB_PIPE},
                                 {.kind = CRIB_PIPE},
                                 {.kind = CRIB_FD, .from = handed}};

    sandbox_init(box);
    box->options.policy = policy;
    box->options.stdio = stdio;
    box->options.stdio_count = 4;
    sandbox_probe(box, verbs);
    box->options.stdio = NULL;
    box->options.stdio_count = 0;
    if (box->result.verdict != CRIB_EXITED || box->result.status != 0)
        fail_msg("%s: %s\n%s%s%s", policy, verbs, box->out, box->err, box->denied);
}

static void test_it_is_served(void **state)
{
    struct sockaddr_in address;

    (void)state;
    for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
        int fd = listener(&address), peer = client(&address);
        struct sandbox box;
        char answer[2];

        assert_int_equal(send(peer, "7", 1, MSG_NOSIGNAL), 1);
        run(&box, policies[i], fd, "answer 3");
        assert_null(strstr(box.out, " E"));
        assert_string_equal(box.denied, "");
        assert_int_equal(recv(peer, answer, 2, MSG_WAITALL), 1);
        assert_int_equal(answer[0], '7');
        sandbox_done(&box);
        close(peer);
        close(fd);
    }
}

static void test_it_stays_what_it_is(void **state)
{
    struct sockaddr_in address, other;

    (void)state;
    for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
        int fd = listener(&address), victim = listener(&other), peer;
        struct sandbox box;
        char verbs[64];

        snprintf(verbs, sizeof(verbs), "handed %d %u", HANDED, ntohs(other.sin_port));
        run(&box, policies[i], fd, verbs);
        for (size_t n = 0; n < sizeof(tricks) / sizeof(tricks[0]); n++)
            sandbox_says(box.out, tricks[n], "EPERM");
        sandbox_done(&box);
        /* nobody came to the other one, and this one goes on */
        assert_int_equal(poll(&(struct pollfd){.fd = victim, .events = POLLIN}, 1, 0), 0);
        peer = client(&address);
        close(peer);
        close(victim);
        close(fd);
    }
}

/* The same tricks where a policy is not made for it, so they are no idle ones: in its empty network
 * the task reaches what listens on the host. */
static void test_elsewhere_it_does_not(void **state)
{
    struct sockaddr_in address, other;
    int fd = listener(&address), victim = listener(&other);
    struct sandbox box;
    char verbs[64];

    (void)state;
    snprintf(verbs, sizeof(verbs), "handed %d %u", HANDED, ntohs(other.sin_port));
    run(&box, "default", fd, verbs);
    sandbox_says(box.out, "shutdown-read", "ok");
    sandbox_says(box.out, "disconnect", "ok");
    sandbox_says(box.out, "connect", "ok");
    sandbox_done(&box);
    assert_int_equal(poll(&(struct pollfd){.fd = victim, .events = POLLIN}, 1, 0), 1);
    close(victim);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_is_served),
        cmocka_unit_test(test_it_stays_what_it_is),
        cmocka_unit_test(test_elsewhere_it_does_not),
    };

    return sandbox_test_run(tests);
}
