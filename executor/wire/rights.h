/* SPDX-License-Identifier: Apache-2.0 */
/*
 * File descriptors beside bytes: SCM_RIGHTS in one call each way. Inline, so that crib-init needs
 * no file more for it.
 *
 * Runs in: any process.
 * Owns: received fds belong to the caller.
 * Source: unix(7), cmsg(3)
 */
#ifndef WIRE_RIGHTS_H
#define WIRE_RIGHTS_H

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RIGHTS_MAX 253 /* SCM_MAX_FD of the kernel */

union rights_control {
    char space[CMSG_SPACE(sizeof(int) * RIGHTS_MAX)];
    struct cmsghdr align;
};

static inline void rights_close(const int *fds, size_t nfds)
{
    for (size_t i = 0; i < nfds; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

/**
 * rights_send_as() - Send bytes once, fds attached to the first of them; raises no signal
 * @nfds:  at most RIGHTS_MAX
 * @flags: of sendmsg(2), as MSG_DONTWAIT
 *
 * Return: bytes sent, and then all fds with them; negative errno: nothing was sent
 */
static inline long rights_send_as(int sock, const void *data, size_t len, const int *fds,
                                  size_t nfds, int flags)
{
    struct iovec iov = {.iov_base = (void *)data, .iov_len = len};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    union rights_control control;
    ssize_t n;

    if (nfds > RIGHTS_MAX)
        return -EMFILE;
    if (nfds > 0) {
        struct cmsghdr *head;

        memset(&control, 0, CMSG_SPACE(sizeof(int) * nfds));
        msg.msg_control = &control;
        msg.msg_controllen = CMSG_SPACE(sizeof(int) * nfds);
        head = CMSG_FIRSTHDR(&msg);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(sizeof(int) * nfds);
        memcpy(CMSG_DATA(head), fds, sizeof(int) * nfds);
    }
    do
        n = sendmsg(sock, &msg, MSG_NOSIGNAL | flags);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

static inline long rights_send(int sock, const void *data, size_t len, const int *fds, size_t nfds)
{
    return rights_send_as(sock, data, len, fds, nfds, 0);
}

/* Copies the fds out of what arrived; at most RIGHTS_MAX, all that the control buffer can hold. */
static inline size_t rights_collect(struct msghdr *msg, int fds[RIGHTS_MAX])
{
    size_t count = 0;

    for (struct cmsghdr *head = CMSG_FIRSTHDR(msg); head; head = CMSG_NXTHDR(msg, head)) {
        size_t n;

        if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS)
            continue;
        n = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        if (n > RIGHTS_MAX - count)
            n = RIGHTS_MAX - count;
        memcpy(fds + count, CMSG_DATA(head), n * sizeof(int));
        count += n;
    }
    return count;
}

/**
 * rights_receive_as() - Receive once, with whatever fds come along
 * @how:       flags of recvmsg(2), as MSG_DONTWAIT
 * @fds:       filled, CLOEXEC; room for every fd the kernel can hand over in one call
 * @ret_nfds:  how many; 0 on failure
 * @ret_flags: MSG_TRUNC: the packet was longer; MSG_CTRUNC: fds were lost, mostly because this
 *             process may open no more
 *
 * Return: bytes received; 0 at the end; negative errno
 */
static inline long rights_receive_as(int sock, void *data, size_t size, int how,
                                     int fds[RIGHTS_MAX], size_t *ret_nfds, int *ret_flags)
{
    struct iovec iov = {.iov_base = data, .iov_len = size};
    union rights_control control;
    struct msghdr msg;
    ssize_t n;

    *ret_nfds = 0;
    *ret_flags = 0;
    do {
        msg = (struct msghdr){.msg_iov = &iov,
                              .msg_iovlen = 1,
                              .msg_control = &control,
                              .msg_controllen = sizeof(control)};
        n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC | how);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    *ret_nfds = rights_collect(&msg, fds);
    *ret_flags = msg.msg_flags;
    return n;
}

static inline long rights_receive(int sock, void *data, size_t size, int fds[RIGHTS_MAX],
                                  size_t *ret_nfds, int *ret_flags)
{
    return rights_receive_as(sock, data, size, 0, fds, ret_nfds, ret_flags);
}

#endif
