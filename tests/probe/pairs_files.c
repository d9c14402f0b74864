/* SPDX-License-Identifier: Apache-2.0 */
/* A file that both may only read: what the kernel keeps with its inode, both see. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <sys/fanotify.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "probe/pairs.h"

#define LOOK_MS 1000 /* after so long nothing was seen */

static int open_it(const char *where)
{
    return open(where, O_RDONLY | O_CLOEXEC);
}

static int flock_offer(long number, const char *where)
{
    int fd = open_it(where);

    (void)number;
    return fd < 0 ? -1 : flock(fd, LOCK_EX | LOCK_NB);
}

/* To see the other's lock is to read a bit of it. */
static int flock_reach(long number, const char *where)
{
    int fd = open_it(where);

    (void)number;
    if (fd < 0)
        return -1;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    return errno == EWOULDBLOCK ? 1 : -1;
}

static int lock_offer(const char *where, int command)
{
    struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
    int fd = open_it(where);

    return fd < 0 ? -1 : fcntl(fd, command, &lock);
}

static int lock_reach(const char *where, int command)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd = open_it(where);

    if (fd < 0 || fcntl(fd, command, &lock) < 0)
        return -1;
    return lock.l_type != F_UNLCK;
}

static int posix_offer(long number, const char *where)
{
    (void)number;
    return lock_offer(where, F_SETLK);
}

static int posix_reach(long number, const char *where)
{
    (void)number;
    return lock_reach(where, F_GETLK);
}

static int ofd_offer(long number, const char *where)
{
    (void)number;
    return lock_offer(where, F_OFD_SETLK);
}

static int ofd_reach(long number, const char *where)
{
    (void)number;
    return lock_reach(where, F_OFD_GETLK);
}

static int held = -1;

static int open_offer(long number, const char *where)
{
    (void)number;
    held = open_it(where);
    return held < 0 ? -1 : 0;
}

/* A write lease is refused while another has the file open. */
static int lease_reach(long number, const char *where)
{
    int fd = open_it(where);

    (void)number;
    if (fd < 0)
        return -1;
    if (fcntl(fd, F_SETLEASE, F_WRLCK) == 0)
        return 0;
    return errno == EAGAIN ? 1 : -1;
}

static void open_again(const char *where)
{
    close(open_it(where));
}

static int wait_event(int fd)
{
    struct pollfd told = {.fd = fd, .events = POLLIN};

    return poll(&told, 1, LOOK_MS);
}

static int inotify_reach(long number, const char *where)
{
    int fd = inotify_init1(IN_CLOEXEC);

    (void)number;
    if (fd < 0 || inotify_add_watch(fd, where, IN_OPEN | IN_CLOSE) < 0)
        return -1;
    return wait_event(fd);
}

static int fanotify_reach(long number, const char *where)
{
    int fd = fanotify_init(FAN_CLASS_NOTIF | FAN_REPORT_FID | FAN_CLOEXEC, O_RDONLY);

    (void)number;
    if (fd < 0 || fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN | FAN_CLOSE, AT_FDCWD, where) < 0)
        return -1;
    return wait_event(fd);
}

const struct pair file_pairs[] = {
    {"flock", flock_offer, flock_reach, NULL, NULL},
    {"posix-lock", posix_offer, posix_reach, NULL, NULL},
    {"ofd-lock", ofd_offer, ofd_reach, NULL, NULL},
    {"lease", open_offer, lease_reach, NULL, NULL},
    {"inotify", open_offer, inotify_reach, open_again, NULL},
    {"fanotify", open_offer, fanotify_reach, open_again, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};
