/* SPDX-License-Identifier: Apache-2.0 */
/* What systemd hands over, and what it is told. */
#include "daemon/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/auto.h"

#define STEP  "listen"
#define FIRST 3 /* SD_LISTEN_FDS_START */

/* Return: -1 it is not set, or no number. */
static long number_of(const char *name)
{
    const char *text = getenv(name);
    char *end;
    long n;

    if (!text || *text < '0' || *text > '9')
        return -1;
    errno = 0;
    n = strtol(text, &end, 10);
    return errno || *end ? -1 : n;
}

/* How many fds are there for us. Whoever we start is not to find the variables. */
static long take_count(void)
{
    long count = number_of("LISTEN_PID") == (long)getpid() ? number_of("LISTEN_FDS") : 0;

    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_PIDFDID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    return count;
}

static bool has_option(int sock, int option, int value)
{
    socklen_t size = sizeof(int);
    int got;

    return getsockopt(sock, SOL_SOCKET, option, &got, &size) == 0 && got == value;
}

static bool is_ours(int sock)
{
    return has_option(sock, SO_DOMAIN, AF_UNIX) && has_option(sock, SO_TYPE, SOCK_STREAM) &&
           has_option(sock, SO_ACCEPTCONN, 1);
}

int listen_inherited(struct listener *ret, struct crib_error *err)
{
    long count = take_count();
    int flags;

    if (count == 0)
        return 0;
    if (count != 1)
        return fail_text(err, -EINVAL, STEP, -1, NULL, "LISTEN_FDS: one socket is wanted");
    if (!is_ours(FIRST))
        return fail_text(err, -EINVAL, STEP, -1, NULL,
                         "LISTEN_FDS: fd 3 does not listen as a Unix stream socket");
    flags = fcntl(FIRST, F_GETFL);
    if (flags < 0 || fcntl(FIRST, F_SETFL, flags | O_NONBLOCK) < 0 ||
        fcntl(FIRST, F_SETFD, FD_CLOEXEC) < 0)
        return fail_sys(err, -errno, STEP, -1, NULL, "LISTEN_FDS");
    *ret = (struct listener){.sock = FIRST, .lock = -1};
    return 1;
}

/* `/path`, or `@name` for an abstract one. */
static int address_of(const char *text, struct sockaddr_un *ret, socklen_t *ret_len)
{
    size_t len = strlen(text);

    if ((text[0] != '/' && text[0] != '@') || len < 2)
        return -EAFNOSUPPORT;
    if (len >= sizeof(ret->sun_path))
        return -ENAMETOOLONG;
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(ret->sun_path, text, len);
    if (text[0] == '@')
        ret->sun_path[0] = '\0';
    *ret_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (text[0] == '/'));
    return 0;
}

int listen_notify(const char *state)
{
    const char *where = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address;
    AUTO_FD int sock = -1;
    socklen_t len;
    int r;

    if (!where || !*where)
        return 0;
    r = address_of(where, &address, &len);
    if (r < 0)
        return r;
    sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (sock < 0)
        return -errno;
    if (sendto(sock, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT,
               (const struct sockaddr *)&address, len) < 0)
        return -errno;
    return 0;
}
