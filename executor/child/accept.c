/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections of an address that this worker serves: by accepting them, or one with each packet of
 * the primary, which is answered with the packet's byte.
 */
#include "crib/child.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "child/socket.h"
#include "wire/rights.h"

/* One that is gone before it was accepted is nobody's business, but there may be others. */
static int accept_one(int fd)
{
    int connection;

    do
        connection = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
    while (connection < 0 && (errno == EINTR || errno == ECONNABORTED));
    if (connection >= 0)
        return connection;
    return errno == EINVAL ? -ECONNABORTED : -errno; /* it has been shut down */
}

/* As accept(2), which leaves a connection where it is when there is no number for it: one that
 * comes with a packet would be lost. */
static int check_room(int fd)
{
    int probe = fcntl(fd, F_DUPFD_CLOEXEC, 0);

    if (probe < 0)
        return -errno;
    close(probe);
    return 0;
}

/* Return: the fd of one packet; -ECONNABORTED the primary has closed its end. */
static int receive_one(int fd, char *ret_byte)
{
    int fds[RIGHTS_MAX], flags;
    size_t nfds;
    long n;

    do
        n = rights_receive(fd, ret_byte, 1, fds, &nfds, &flags);
    while (n == -ECONNRESET); /* told once; what the primary had sent before is still there */
    if (n < 0)
        return (int)n;
    if (n == 1 && nfds == 1 && !(flags & (MSG_TRUNC | MSG_CTRUNC)))
        return fds[0];
    rights_close(fds, nfds);
    if (flags & MSG_CTRUNC)
        return -EMFILE;
    return n == 0 && nfds == 0 ? -ECONNABORTED : -EPROTO;
}

static int take_one(int fd)
{
    int connection, r = check_room(fd);
    char byte;

    if (r < 0)
        return r;
    connection = receive_one(fd, &byte);
    if (connection < 0)
        return connection;
    r = socket_waits(connection, true);
    if (r < 0) {
        fd_close(&connection);
        return r;
    }
    (void)send(fd, &byte, 1, MSG_NOSIGNAL | MSG_DONTWAIT); /* heard or not: it is ours now */
    return connection;
}

int crib_child_accept(int fd)
{
    bool hands_over =
        socket_option(fd, SO_ACCEPTCONN) == 0 && socket_option(fd, SO_TYPE) == SOCK_SEQPACKET;

    return hands_over ? take_one(fd) : accept_one(fd);
}
