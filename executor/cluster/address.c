/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/address.h"

#include <errno.h>
#include <string.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"

/* A worker that serves any host serves those that it may. */
static bool narrow(const struct listen_address *allowed, struct listen_address *asked)
{
    struct listen_address one = *asked;

    if (asked->kind == LISTEN_UNIX || asked->family != AF_UNSPEC || allowed->kind != asked->kind)
        return false;
    one.family = allowed->family;
    one.host = allowed->host;
    if (!listen_covers(allowed, &one))
        return false;
    *asked = one;
    return true;
}

int address_allowed(const struct listen_address *list, size_t count, struct listen_address *asked,
                    struct crib_error *err)
{
    char text[LISTEN_TEXT];

    for (size_t i = 0; i < count; i++)
        if (listen_covers(&list[i], asked))
            return 0;
    for (size_t i = 0; i < count; i++)
        if (narrow(&list[i], asked))
            return 0;
    listen_text(asked, text);
    return fail_text(err, -EACCES, "listen", -1, text,
                     "is not among the addresses that may be served: `listen` of the policy");
}

static socklen_t to_sockaddr(const struct listen_address *address, struct sockaddr_storage *ret)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;
    struct sockaddr_un *un = (struct sockaddr_un *)ret;

    memset(ret, 0, sizeof(*ret));
    switch (address->family) {
    case AF_UNIX:
        un->sun_family = AF_UNIX;
        memcpy(un->sun_path, address->path, sizeof(un->sun_path));
        return sizeof(*un);
    case AF_INET:
        v4->sin_family = AF_INET;
        v4->sin_port = htons(address->first);
        memcpy(&v4->sin_addr, &address->host, sizeof(v4->sin_addr));
        return sizeof(*v4);
    default:
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(address->first);
        v6->sin6_addr = address->family == AF_INET6 ? address->host : in6addr_any;
        return sizeof(*v6);
    }
}

static int set(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof(value)) < 0 ? -errno : 0;
}

/* Return: 0; negative errno. */
static int prepare(int fd, const struct listen_address *address, bool reuseport)
{
    int r = 0;

    if (address->kind == LISTEN_UNIX)
        return 0;
    if (address->kind == LISTEN_TCP)
        r = set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (r == 0 && reuseport)
        r = set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (r == 0 && address->family != AF_INET)
        r = set(fd, IPPROTO_IPV6, IPV6_V6ONLY, address->family == AF_INET6);
    return r;
}

/* Return: 0; negative errno. */
static int find_port(int fd, struct listen_address *address)
{
    struct sockaddr_storage bound;
    socklen_t len = sizeof(bound);

    if (address->kind == LISTEN_UNIX || address->first)
        return 0;
    if (getsockname(fd, (struct sockaddr *)&bound, &len) < 0)
        return -errno;
    address->first = address->last =
        ntohs(bound.ss_family == AF_INET ? ((struct sockaddr_in *)&bound)->sin_port
                                         : ((struct sockaddr_in6 *)&bound)->sin6_port);
    return 0;
}

/* Whether a path is a socket of this user's, and nobody is behind it: of a primary that was killed.
 */
static bool is_left(const struct sockaddr_un *un, socklen_t len)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct stat st;
    bool left = fd >= 0 && lstat(un->sun_path, &st) == 0 && S_ISSOCK(st.st_mode) &&
                st.st_uid == geteuid() && connect(fd, (const struct sockaddr *)un, len) < 0 &&
                errno == ECONNREFUSED;

    fd_close(&fd);
    return left;
}

/* Return: 0; negative errno. */
static int bind_it(int fd, const struct sockaddr_storage *to, socklen_t len)
{
    const struct sockaddr_un *un = (const struct sockaddr_un *)to;

    if (bind(fd, (const struct sockaddr *)to, len) == 0)
        return 0;
    if (errno != EADDRINUSE || to->ss_family != AF_UNIX)
        return -errno;
    if (!is_left(un, len) || unlink(un->sun_path) < 0)
        return -EADDRINUSE;
    return bind(fd, (const struct sockaddr *)to, len) < 0 ? -errno : 0;
}

/* Return: an fd; negative errno. */
static int bind_to(struct listen_address *address, bool reuseport)
{
    int family = address->family == AF_UNSPEC ? AF_INET6 : address->family, r;
    int type = address->kind == LISTEN_UDP ? SOCK_DGRAM : SOCK_STREAM;
    int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_storage storage;
    socklen_t len = to_sockaddr(address, &storage);

    if (fd < 0)
        return -errno;
    r = prepare(fd, address, reuseport);
    if (r == 0)
        r = bind_it(fd, &storage, len);
    if (r == 0)
        r = find_port(fd, address);
    if (r < 0)
        fd_close(&fd);
    return r < 0 ? r : fd;
}

int address_bind(struct listen_address *address, bool reuseport, struct crib_error *err)
{
    char text[LISTEN_TEXT];
    int fd = bind_to(address, reuseport);

    /* A host without IPv6 has no socket for both. */
    if (fd == -EAFNOSUPPORT && address->family == AF_UNSPEC) {
        address->family = AF_INET;
        address->host = (struct in6_addr){0};
        fd = bind_to(address, reuseport);
    }
    if (fd >= 0)
        return fd;
    listen_text(address, text);
    return fail_sys(err, fd, "listen", -1, text, "bind");
}

struct address_file address_file(const struct listen_address *address)
{
    struct statx stx;

    if (address->kind != LISTEN_UNIX ||
        statx(AT_FDCWD, address->path, AT_SYMLINK_NOFOLLOW, STATX_INO | STATX_BTIME, &stx) < 0)
        return (struct address_file){0};
    if (!(stx.stx_mask & STATX_BTIME))
        stx.stx_btime = (struct statx_timestamp){0};
    return (struct address_file){.device = (uint64_t)stx.stx_dev_major << 32 | stx.stx_dev_minor,
                                 .number = stx.stx_ino,
                                 .born_s = stx.stx_btime.tv_sec,
                                 .born_ns = stx.stx_btime.tv_nsec};
}

void address_unlink(const struct listen_address *address, const struct address_file *file)
{
    struct address_file now = address_file(address);

    if (now.number && now.number == file->number && now.device == file->device &&
        now.born_s == file->born_s && now.born_ns == file->born_ns)
        unlink(address->path);
}
