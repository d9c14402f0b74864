/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an fd from elsewhere is.
 *
 * Runs in: the task.
 */
#ifndef CHILD_SOCKET_H
#define CHILD_SOCKET_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/socket.h>

/* @name: of SOL_SOCKET, a number. Return: its value; negative errno: -ENOTSOCK, -EBADF. */
static inline int socket_option(int fd, int name)
{
    int value = 0;
    socklen_t size = sizeof(value);

    return getsockopt(fd, SOL_SOCKET, name, &value, &size) < 0 ? -errno : value;
}

/* Whether calls on it wait, for all who share its open file description. Return: 0; negative
 * errno. */
static inline int socket_waits(int fd, bool waits)
{
    int flags = fcntl(fd, F_GETFL), wanted = waits ? flags & ~O_NONBLOCK : flags | O_NONBLOCK;

    if (flags >= 0 && flags != wanted)
        flags = fcntl(fd, F_SETFL, wanted);
    return flags < 0 ? -errno : 0;
}

#endif
