/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: one message carries at most 253 file descriptors.
 * Source: unix(7) SCM_RIGHTS
 * crib: crib allows 64 with a message and receives with room for 253, so that none is ever
 * lost unseen.
 */
#include <sys/socket.h>

#include "apart.h"
#include "wire/rights.h"

/* As rights_send(), but with as many as wanted. Return: bytes; negative errno. */
static long send_fds(int sock, int fd, size_t nfds)
{
    union {
        char space[CMSG_SPACE(sizeof(int) * 300)];
        struct cmsghdr head;
    } control = {{0}};
    struct iovec iov = {.iov_base = (char *)"x", .iov_len = 1};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = &control,
                         .msg_controllen = CMSG_SPACE(sizeof(int) * nfds)};
    long n;

    control.head.cmsg_level = SOL_SOCKET;
    control.head.cmsg_type = SCM_RIGHTS;
    control.head.cmsg_len = CMSG_LEN(sizeof(int) * nfds);
    for (size_t i = 0; i < nfds; i++)
        memcpy(CMSG_DATA(&control.head) + i * sizeof(int), &fd, sizeof(int));
    n = sendmsg(sock, &msg, MSG_NOSIGNAL);
    return n < 0 ? -errno : n;
}

static void test_253_and_no_more(void **state)
{
    int ends[2], fds[RIGHTS_MAX], flags;
    size_t nfds;
    char byte;

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    assert_int_equal(send_fds(ends[0], ends[0], 254), -EINVAL);
    assert_int_equal(send_fds(ends[0], ends[0], 253), 1);
    assert_int_equal(rights_receive(ends[1], &byte, 1, fds, &nfds, &flags), 1);
    assert_int_equal(nfds, 253);
    rights_close(fds, nfds);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_253_and_no_more),
    };

    return test_run(tests);
}
