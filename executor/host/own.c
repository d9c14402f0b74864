/* SPDX-License-Identifier: Apache-2.0 */
#include "host/own.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/auto.h"
#include "host/subids.h"

#define LOWEST 3 /* of our own fds */

/* Nobody else may open it, or they could hold locks in it. */
static bool is_sound(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
           (st.st_mode & 077) == 0 && st.st_nlink <= 1;
}

/* One open file for each lock: those of the same one do not shut each other out. */
static int open_locks(const char *path)
{
    AUTO_FD int fd =
        open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);

    if (fd < 0)
        return -errno;
    if (!is_sound(fd))
        return -EBADF;
    return fd >= LOWEST ? fd_take(&fd) : fd_copy(fd, LOWEST);
}

/* A lock in a file that has been removed keeps nobody out. */
static bool is_there(const char *path, int fd)
{
    struct stat named, opened;

    return fstatat(AT_FDCWD, path, &named, AT_SYMLINK_NOFOLLOW) == 0 && fstat(fd, &opened) == 0 &&
           named.st_dev == opened.st_dev && named.st_ino == opened.st_ino;
}

/* Return: 1 it is ours; 0 it is somebody's; negative errno. */
static int lock_byte(int fd, uint32_t id)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = id, .l_len = 1};

    if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
        return 1;
    return errno == EAGAIN || errno == EACCES ? 0 : -errno;
}

/* As lock_byte(). */
static int bind_name(uint32_t id, int *ret_fd)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    AUTO_FD int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int n = snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1, "crib/own-id/%u", id);

    if (fd < 0)
        return -errno;
    if (bind(fd, (struct sockaddr *)&name,
             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n)) < 0)
        return errno == EADDRINUSE ? 0 : -errno;
    *ret_fd = fd >= LOWEST ? fd_take(&fd) : fd_copy(fd, LOWEST);
    return *ret_fd < 0 ? *ret_fd : 1;
}

/* From a place of chance to the end, then from the beginning. Return: 1; 0 all are taken; negative
 * errno. */
static int take_free(const Crib__Host *host, int *fd, Crib__HostOwn *own)
{
    uint32_t count = subids_pairs(host), start = 0;
    int r = 0;

    if (getrandom(&start, sizeof(start), GRND_NONBLOCK) < 0)
        start = (uint32_t)getpid() * 7919u;
    for (uint32_t i = 0; i < count && r == 0; i++) {
        if (!subids_pair(host, (start % count + i) % count, &own->uid, &own->gid))
            return -EPROTO;
        r = host->privileged ? lock_byte(*fd, own->uid) : bind_name(own->uid, fd);
    }
    own->has_uid = own->has_gid = r > 0;
    return r;
}

static int take(const Crib__Host *host, const char *locks, Crib__HostOwn *own, int *ret_fd)
{
    AUTO_FD int fd = -1;
    int r;

    if (host->privileged) {
        fd = open_locks(locks);
        if (fd < 0) {
            r = fd;
            fd = -1;
            return r;
        }
    }
    r = take_free(host, &fd, own);
    if (r > 0 && host->privileged && !is_there(locks, fd))
        r = -ESTALE;
    if (r > 0)
        *ret_fd = fd_take(&fd);
    return r;
}

static char *say_why(const Crib__Host *host, const char *locks, int code, struct arena *arena)
{
    if (code == 0)
        return arena_printf(arena,
                            "all %u ids for tasks are taken: wait for one to end, or give crib "
                            "more (%s)",
                            subids_pairs(host),
                            host->privileged ? "CRIB_OWN_IDS_COUNT" : "/etc/subuid, /etc/subgid");
    if (code == -EBADF || code == -ELOOP)
        return arena_printf(arena, "%s is no file that only this user may open: remove it", locks);
    return arena_printf(arena, "a lock for the task's id cannot be had%s%s (%s)",
                        host->privileged ? " in " : "", host->privileged ? locks : "",
                        strerror(-code));
}

int own_take(const Crib__Host *host, const char *locks, struct arena *arena, Crib__HostOwn *ret_own,
             int *ret_fd)
{
    int r = -ESTALE;

    *ret_fd = -1;
    for (int tries = 0; tries < 8 && r == -ESTALE; tries++)
        r = take(host, locks, ret_own, ret_fd);
    if (r > 0)
        return 0;
    ret_own->has_uid = ret_own->has_gid = false;
    ret_own->why = say_why(host, locks, r, arena);
    return ret_own->why ? 0 : -ENOMEM;
}

static Crib__Need own_need(const Crib__Ids *ids)
{
    return ids && ids->has_own ? ids->own : CRIB__NEED__off;
}

static bool wants_groups(const Crib__Ids *ids, const Crib__Host *host)
{
    return ids && ids->has_groups && ids->groups == CRIB__NEED__required && !host->privileged &&
           host->groups > 0;
}

int host_own(const Crib__Policy *policy, struct arena *arena, Crib__Host *host,
             struct host_fds *fds)
{
    const Crib__Ids *ids = policy ? policy->ids : NULL;
    bool own = own_need(ids) != CRIB__NEED__off;
    int fd = -1, r;

    if (!own && !wants_groups(ids, host))
        return 0;
    r = host_sub_ids(arena, host);
    if (r < 0 || !own)
        return r;
    host->own = ARENA_NEW(arena, crib__host_own, Crib__HostOwn);
    if (!host->own)
        return -ENOMEM;
    host->own->why = host->sub_ids_why;
    if (host->own->why)
        return 0;
    r = own_take(host, OWN_LOCKS, arena, host->own, &fd);
    if (fd >= 0)
        fds->own = fd;
    return r;
}
