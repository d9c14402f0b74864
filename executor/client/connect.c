/* SPDX-License-Identifier: Apache-2.0 */
#include "client/connect.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "base/auto.h"
#include "base/clock.h"

#define LOWEST 3 /* of our own fds: 0 to 2 stay closed where the caller has closed them */

static int refuse(int code, const char *path, struct crib_error *err)
{
    switch (code) {
    case -ENOENT:
        return fail_text(err, code, "daemon", -1, path,
                         "no socket is there: start cribd, or name the socket that it has");
    case -ECONNREFUSED:
        return fail_text(err, code, "daemon", -1, path,
                         "nobody listens there any more: start cribd");
    case -EACCES:
        return fail_text(err, code, "daemon", -1, path,
                         "this user may not connect: the socket's owner and mode say who may");
    case -ETIMEDOUT:
        return fail_text(err, code, "daemon", -1, path, "it takes no connections");
    default:
        return fail_sys(err, code, "daemon", -1, path, "connect");
    }
}

static int fill_address(const char *path, struct sockaddr_un *address, struct crib_error *err)
{
    size_t len = strlen(path);

    memset(address, 0, sizeof(*address));
    address->sun_family = AF_UNIX;
    if (len == 0)
        return fail_text(err, -EINVAL, "daemon", -1, NULL, "the path of its socket is empty");
    if (len >= sizeof(address->sun_path))
        return fail_text(err, -ENAMETOOLONG, "daemon", -1, path,
                         "%zu bytes, a socket's path has at most %zu", len,
                         sizeof(address->sun_path) - 1);
    memcpy(address->sun_path, path, len);
    return 0;
}

/* A full backlog makes connect() wait as long as a send may. */
static int connect_until(int sock, const struct sockaddr_un *address, uint64_t due_us)
{
    for (;;) {
        uint64_t now = clock_us(), left = due_us > now ? due_us - now : 0;
        struct timeval limit = {.tv_sec = (time_t)(left / 1000000),
                                .tv_usec = (suseconds_t)(left % 1000000)};

        if (left == 0)
            return -ETIMEDOUT;
        setsockopt(sock, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
        if (connect(sock, (const struct sockaddr *)address, sizeof(*address)) == 0)
            return 0;
        if (errno != EINTR && errno != EAGAIN)
            return -errno;
    }
}

/* Return: @sock or a copy above 2, taken from it; negative errno. */
static int finish(int *sock)
{
    int flags = fcntl(*sock, F_GETFL);

    if (flags < 0 || fcntl(*sock, F_SETFL, flags | O_NONBLOCK) < 0)
        return -errno;
    return *sock >= LOWEST ? fd_take(sock) : fd_copy(*sock, LOWEST);
}

int connect_path(const char *path, uint64_t due_us, struct crib_error *err)
{
    AUTO_FD int sock = -1;
    struct sockaddr_un address;
    int r = fill_address(path, &address, err);

    if (r < 0)
        return r;
    sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    r = sock < 0 ? -errno : connect_until(sock, &address, due_us);
    if (r == 0)
        r = finish(&sock);
    return r < 0 ? refuse(r, path, err) : r;
}

int connect_wait(int sock, short events, uint64_t due_us)
{
    struct pollfd fd = {.fd = sock, .events = events};

    for (;;) {
        uint64_t now = clock_us(), left = due_us > now ? (due_us - now + 999) / 1000 : 0;
        int n;

        if (left == 0)
            return -ETIMEDOUT;
        n = poll(&fd, 1, left > INT_MAX ? INT_MAX : (int)left);
        if (n > 0)
            return fd.revents;
        if (n < 0 && errno != EINTR)
            return -errno;
    }
}
