/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: shutdown() for reading ends the listening of a TCP socket for everybody who holds it, and
 * leaves it free to be connected elsewhere; shutdown() for writing changes nothing of a listener.
 * Source: inet_shutdown() of the kernel
 * crib: policies/worker.yaml lets workers shut down for writing alone.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "apart.h"

static int listener(struct sockaddr_in *ret)
{
    socklen_t len = sizeof(*ret);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    *ret = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)ret, len), 0);
    assert_int_equal(listen(fd, 4), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)ret, &len), 0);
    return fd;
}

static int listens(int fd)
{
    socklen_t len = sizeof(int);
    int is = -1;

    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is, &len), 0);
    return is;
}

static void test_for_writing(void **state)
{
    struct sockaddr_in address, other;
    int fd = listener(&address), elsewhere = listener(&other);

    (void)state;
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    assert_true(listens(fd));
    assert_int_equal(connect(fd, (struct sockaddr *)&other, sizeof(other)), -1);
    close(elsewhere);
    close(fd);
}

static void test_for_reading(void **state)
{
    (void)state;
    for (int both = 0; both < 2; both++) {
        struct sockaddr_in address, other;
        int fd = listener(&address), elsewhere = listener(&other);
        int shared = fcntl(fd, F_DUPFD_CLOEXEC, 3);

        assert_int_equal(shutdown(shared, both ? SHUT_RDWR : SHUT_RD), 0);
        assert_false(listens(fd));
        assert_int_equal(connect(fd, (struct sockaddr *)&other, sizeof(other)), 0);
        close(elsewhere);
        close(shared);
        close(fd);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_for_writing),
        cmocka_unit_test(test_for_reading),
    };

    return test_run(tests);
}
