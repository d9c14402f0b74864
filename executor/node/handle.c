/* SPDX-License-Identifier: Apache-2.0 */
#include "node/handle.h"

#include <stddef.h>
#include <sys/socket.h>
#include <sys/stat.h>

static int option(int fd, int name)
{
    socklen_t len = sizeof(int);
    int value = -1;

    return getsockopt(fd, SOL_SOCKET, name, &value, &len) < 0 ? -1 : value;
}

static const char *datagrams(int domain, bool native)
{
    if (domain == AF_UNIX)
        return NULL;
    if (native)
        return "\"type\":\"dgram.Native\"";
    return domain == AF_INET ? "\"type\":\"dgram.Socket\",\"dgramType\":\"udp4\""
                             : "\"type\":\"dgram.Socket\",\"dgramType\":\"udp6\"";
}

static const char *bytes(bool listens, bool native)
{
    if (native)
        return "\"type\":\"net.Native\"";
    return listens ? "\"type\":\"net.Server\"" : "\"type\":\"net.Socket\"";
}

const char *node_handle_type(int fd, bool native)
{
    struct stat st;
    int domain;

    if (fstat(fd, &st) < 0)
        return NULL;
    if (S_ISFIFO(st.st_mode))
        return bytes(false, native);
    if (!S_ISSOCK(st.st_mode))
        return NULL;
    domain = option(fd, SO_DOMAIN);
    if (domain != AF_INET && domain != AF_INET6 && domain != AF_UNIX)
        return NULL;
    if (option(fd, SO_TYPE) == SOCK_DGRAM)
        return datagrams(domain, native);
    return option(fd, SO_TYPE) == SOCK_STREAM ? bytes(option(fd, SO_ACCEPTCONN) == 1, native)
                                              : NULL;
}
