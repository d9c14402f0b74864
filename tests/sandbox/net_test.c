/* SPDX-License-Identifier: Apache-2.0 */
/* The network: an empty one with lo up, or the host's as a client; no socket of outside otherwise.
 */
#include "sandbox/sandbox.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* A listening socket of the host's. Return: the fd and the port. */
static int host_server(int *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

/* An abstract socket of the host's. */
static int host_abstract(char *ret_name, size_t size)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int len = snprintf(ret_name, size, "@crib-test-%d", (int)getpid());

    memcpy(address.sun_path + 1, ret_name + 1, (size_t)len - 1);
    assert_int_equal(bind(fd, (struct sockaddr *)&address,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)len)),
                     0);
    assert_int_equal(listen(fd, 16), 0);
    return fd;
}

static void test_the_default_makes_no_sockets_but_local_ones(void **state)
{
    static const struct {
        const char *name;
        int family, type;
    } rows[] = {
        {"inet", 2, 1},    {"inet6", 10, 1}, {"inet raw", 2, 3}, {"netlink", 16, 3},
        {"packet", 17, 3}, {"alg", 38, 5},   {"vsock", 40, 1},   {"bluetooth", 31, 3},
        {"can", 29, 3},    {"xdp", 44, 3},   {"key", 15, 3},     {"tipc", 30, 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char verbs[64];
        struct sandbox box;

        sandbox_init(&box);
        snprintf(verbs, sizeof(verbs), "socket %d %d , socket 1 1", rows[i].family, rows[i].type);
        sandbox_probe(&box, verbs);
        if (strcmp(box.out, "socket EPERM\nsocket ok\n") != 0)
            fail_msg("%s: %s", rows[i].name, box.out);
        sandbox_done(&box);
    }
}

static void test_strict_makes_none(void **state)
{
    char *out = sandbox_output("strict", "socket 1 1 , socket 2 1");

    (void)state;
    assert_string_equal(out, "socket EPERM\nsocket EPERM\n");
    free(out);
}

/* No interface but lo, which is up. */
static void test_only_lo_and_it_is_up(void **state)
{
    static const char *const policies[] = {"default", "shell"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        char *out = sandbox_output(policies[i], "interfaces");

        assert_string_equal(out, "lo up\n");
        free(out);
    }
}

static void test_lo_works(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.options.policy = "shell";
    sandbox_expect(&box, "loopback", 0);
    assert_string_equal(box.out, "socket ok\nbind ok\nlisten ok\nconnect ok\naccept ok\nsend ok\n"
                                 "receive ok\n");
    sandbox_done(&box);
}

static void test_lo_stays_down_when_the_policy_says_so(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.rules = "extends: [shell]\nnet: {loopback: false}\n";
    sandbox_expect(&box, "interfaces", 0);
    assert_string_equal(box.out, "lo down\n");
    sandbox_done(&box);
}

/* It is another lo than the host's: nothing that listens there can be reached. */
static void test_the_hosts_localhost_is_not_reached(void **state)
{
    int port, server = host_server(&port);
    char verbs[64];
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.options.policy = "shell";
    snprintf(verbs, sizeof(verbs), "connect inet 127.0.0.1 %d", port);
    sandbox_probe(&box, verbs);
    sandbox_says(box.out, "127.0.0.1", "ECONNREFUSED");
    sandbox_probe(&box, "connect inet 192.0.2.1 80");
    sandbox_says_one(box.out, "192.0.2.1", "ENETUNREACH");
    sandbox_done(&box);
    close(server);
}

static void test_abstract_sockets_of_the_host_are_not_reached(void **state)
{
    static const char *const policies[] = {"default", "strict", "network", "shell"};
    char name[64], verbs[128];
    int server = host_abstract(name, sizeof(name));

    (void)state;
    for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
        struct sandbox box;

        sandbox_init(&box);
        box.options.policy = policies[i];
        snprintf(verbs, sizeof(verbs), "connect unix %s", name);
        sandbox_probe(&box, verbs);
        assert_null(strstr(box.out, " ok"));
        sandbox_done(&box);
    }
    close(server);
}

/* In the host's own network namespace it is Landlock that keeps them out of reach. */
static void test_nor_by_a_task_on_the_hosts_network(void **state)
{
    char name[64], verbs[128];
    int server = host_abstract(name, sizeof(name));
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.rules = "extends: [default]\nnamespaces: {net: host}\nlandlock: required\n";
    snprintf(verbs, sizeof(verbs), "connect unix %s", name);
    sandbox_probe(&box, verbs);
    if (box.code < 0) {
        close(server);
        test_skip("Landlock here has no scopes: %s", box.error.detail);
    }
    sandbox_says(box.out, name, "EPERM");
    box.rules = "extends: [default]\nnamespaces: {net: host}\nlandlock: required\n"
                "net: {abstract_sockets: true}\n";
    sandbox_probe(&box, verbs);
    sandbox_says(box.out, name, "ok");
    sandbox_done(&box);
    close(server);
}

/* One with a name in a directory that the task sees is the grant of whoever bound that directory.
 */
static void test_sockets_with_a_name_need_a_bind(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char *dir = test_dir(), verbs[300];
    struct crib_bind grant = {.target = "/sockets"};
    int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sandbox box;

    (void)state;
    assert_int_equal(chmod(dir, 0777), 0);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/s", dir);
    assert_int_equal(bind(server, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(chmod(address.sun_path, 0777), 0);
    assert_int_equal(listen(server, 16), 0);
    sandbox_init(&box);
    snprintf(verbs, sizeof(verbs), "connect unix %s", address.sun_path);
    sandbox_probe(&box, verbs);
    sandbox_says(box.out, address.sun_path, "ENOENT");
    grant.source = dir;
    grant.write = true;
    box.options.binds = &grant;
    box.options.bind_count = 1;
    sandbox_probe(&box, "connect unix /sockets/s");
    sandbox_says(box.out, "/sockets/s", "ok");
    sandbox_done(&box);
    close(server);
    free(dir);
}

static void test_network_is_a_client(void **state)
{
    int port, server = host_server(&port);
    char verbs[256];
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.options.policy = "network";
    snprintf(verbs, sizeof(verbs), "connect inet 127.0.0.1 %d , bind inet 127.0.0.1 0", port);
    sandbox_probe(&box, verbs);
    assert_string_equal(box.out, "127.0.0.1 ok\n127.0.0.1 EPERM\n");
    /* listen without bind takes a port too. */
    sandbox_probe(
        &box, "loopback , syscall 50 -1 1 , socket 2 3 , socket 2 2 , socket 16 3 , socket 17 3");
    sandbox_says(box.out, "listen", "EPERM");
    sandbox_says(box.out, "50", "EPERM");
    test_contains(box.out, "socket EPERM\nsocket ok\nsocket EPERM\nsocket EPERM\n");
    sandbox_done(&box);
    close(server);
}

static void test_network_can_ask_for_names(void **state)
{
    struct sandbox box;

    (void)state;
    if (access("/etc/resolv.conf", R_OK) < 0)
        test_skip("this host has no /etc/resolv.conf");
    sandbox_init(&box);
    box.options.policy = "network";
    sandbox_expect(&box, "open r /etc/resolv.conf", 0);
    sandbox_done(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_default_makes_no_sockets_but_local_ones),
        cmocka_unit_test(test_strict_makes_none),
        cmocka_unit_test(test_only_lo_and_it_is_up),
        cmocka_unit_test(test_lo_works),
        cmocka_unit_test(test_lo_stays_down_when_the_policy_says_so),
        cmocka_unit_test(test_the_hosts_localhost_is_not_reached),
        cmocka_unit_test(test_abstract_sockets_of_the_host_are_not_reached),
        cmocka_unit_test(test_nor_by_a_task_on_the_hosts_network),
        cmocka_unit_test(test_sockets_with_a_name_need_a_bind),
        cmocka_unit_test(test_network_is_a_client),
        cmocka_unit_test(test_network_can_ask_for_names),
    };

    return sandbox_test_run(tests);
}
