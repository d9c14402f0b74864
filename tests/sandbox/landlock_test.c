/* SPDX-License-Identifier: Apache-2.0 */
/* Landlock, stacked on top: what the mounts let through, it need not; ports are held. */
#include "sandbox/sandbox.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static long abi(void)
{
    return syscall(SYS_landlock_create_ruleset, NULL, 0, 1);
}

static void test_the_receipt_tells_of_it(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    sandbox_expect(&box, "echo ran", 0);
    test_contains(box.json, "\"landlock\"");
    sandbox_done(&box);
}

/* A device on a read-only mount may be written to as far as mounts go; Landlock says no. */
static void test_it_holds_by_itself(void **state)
{
    struct sandbox box;

    (void)state;
    if (abi() <= 0)
        test_skip("this kernel has no Landlock");
    sandbox_init(&box);
    box.rules = "extends: [strict]\nlandlock: required\n";
    sandbox_probe(&box, "open r /dev/random , open w /dev/random");
    assert_string_equal(box.out, "/dev/random ok\n/dev/random EACCES\n");
    box.rules = "extends: [strict]\nlandlock: off\n";
    sandbox_probe(&box, "open r /dev/random , open w /dev/random");
    assert_string_equal(box.out, "/dev/random ok\n/dev/random ok\n");
    sandbox_done(&box);
}

/* A file that was given for reading lies on the host's own mount, and /proc/self/fd leads back to
 * it. */
static void test_what_is_given_for_reading_stays_so(void **state)
{
    struct crib_stdio stdio[] = {{.kind = CRIB_FD}, {.kind = CRIB_PIPE}, {.kind = CRIB_PIPE}};
    char *dir = test_dir(), path[512], *data;
    struct sandbox box;

    (void)state;
    if (abi() <= 0)
        test_skip("this kernel has no Landlock");
    assert_int_equal(chmod(dir, 0777), 0);
    snprintf(path, sizeof(path), "%s/given", dir);
    test_write(path, "given\n", 6, 0666);
    stdio[0].from = open(path, O_RDONLY | O_CLOEXEC);
    sandbox_init(&box);
    box.options.stdio = stdio;
    box.options.stdio_count = 3;
    sandbox_probe(&box, "copy , write /proc/self/fd/0 owned , write /dev/stdin owned");
    assert_string_equal(box.out, "given\n/proc/self/fd/0 EACCES\n/dev/stdin EACCES\n");
    close(stdio[0].from);
    data = test_read(path, NULL);
    assert_string_equal(data, "given\n");
    free(data);
    sandbox_done(&box);
    free(dir);
}

/* What the mounts allow, it allows too. */
static void test_it_takes_nothing_that_was_granted(void **state)
{
    char *dir = test_dir();
    struct crib_bind bind = {.source = dir, .target = "/box", .write = true};
    struct sandbox box;

    (void)state;
    assert_int_equal(chmod(dir, 0777), 0);
    sandbox_init(&box);
    box.rules = "extends: [default]\nlandlock: preferred\n";
    box.options.binds = &bind;
    box.options.bind_count = 1;
    sandbox_expect(&box,
                   "write /box/a x , mkdir /box/d , link /box/a /box/d/b , symlink a /box/l , "
                   "unlink /box/a , write /tmp/t x , mkdir /tmp/d , link /tmp/t /tmp/d/t , "
                   "copyself /tmp/p 0755 , write /dev/null x , exec /tmp/p echo ran",
                   0);
    assert_null(strstr(box.out, " E"));
    test_contains(box.out, "ran\n");
    sandbox_done(&box);
    free(dir);
}

static int host_server(int *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

static void test_only_named_ports_are_reached(void **state)
{
    int port[2], server[2] = {host_server(&port[0]), host_server(&port[1])};
    char rules[256], verbs[128];
    struct sandbox box;

    (void)state;
    if (abi() < 4) {
        close(server[0]);
        close(server[1]);
        test_skip("Landlock here knows no ports");
    }
    sandbox_init(&box);
    snprintf(rules, sizeof(rules),
             "extends: [network]\nlandlock: required\nnet: {connect_ports: [%d]}\n", port[0]);
    box.rules = rules;
    snprintf(verbs, sizeof(verbs), "connect inet 127.0.0.1 %d , connect inet 127.0.0.1 %d", port[0],
             port[1]);
    sandbox_probe(&box, verbs);
    assert_string_equal(box.out, "127.0.0.1 ok\n127.0.0.1 EACCES\n");
    sandbox_done(&box);
    close(server[0]);
    close(server[1]);
}

static void test_ports_without_landlock_are_refused(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.rules = "extends: [network]\nlandlock: off\nnet: {connect_ports: [80]}\n";
    sandbox_probe(&box, "echo ran");
    assert_true(box.code < 0);
    assert_string_equal(box.error.step, "net");
    sandbox_done(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_receipt_tells_of_it),
        cmocka_unit_test(test_it_holds_by_itself),
        cmocka_unit_test(test_what_is_given_for_reading_stays_so),
        cmocka_unit_test(test_it_takes_nothing_that_was_granted),
        cmocka_unit_test(test_only_named_ports_are_reached),
        cmocka_unit_test(test_ports_without_landlock_are_refused),
    };

    return sandbox_test_run(tests);
}
