/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

void fd_close(int *fd)
{
    int kept = errno;

    if (*fd >= 0)
        close(*fd);
    *fd = -1;
    errno = kept;
}

int fd_take(int *fd)
{
    int taken = *fd;

    *fd = -1;
    return taken;
}

int fd_copy(int fd, int lowest)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, lowest);

    return copy < 0 ? -errno : copy;
}

int fd_above(int *fd, int lowest)
{
    int high;

    if (*fd >= lowest)
        return 0;
    high = fd_copy(*fd, lowest);
    if (high < 0)
        return high;
    fd_close(fd);
    *fd = high;
    return 0;
}

void fd_last(int *fd)
{
    fd_above(fd, FD_LASTING);
}

int fd_write_all(int fd, const void *data, size_t len)
{
    const char *at = data;

    while (len > 0) {
        ssize_t n = write(fd, at, len);

        if (n < 0 && errno == EAGAIN) {
            struct pollfd wait = {.fd = fd, .events = POLLOUT};

            poll(&wait, 1, -1);
            continue;
        }
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        at += n;
        len -= (size_t)n;
    }
    return 0;
}

int fd_write_within(int fd, const void *data, size_t len)
{
    static const struct timespec at_once;
    sigset_t passed, pending, before;
    bool was_pending;
    int r;

    sigemptyset(&passed);
    sigaddset(&passed, SIGXFSZ);
    sigpending(&pending);
    was_pending = sigismember(&pending, SIGXFSZ);
    pthread_sigmask(SIG_BLOCK, &passed, &before);
    r = fd_write_all(fd, data, len);
    if (r == -EFBIG && !was_pending)
        sigtimedwait(&passed, NULL, &at_once);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return r;
}

static int check_kind(int fd, size_t max)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return -errno;
    if (S_ISDIR(st.st_mode))
        return -EISDIR;
    if (!S_ISREG(st.st_mode))
        return -EINVAL;
    return (unsigned long long)st.st_size > max ? -EFBIG : 0;
}

int fd_read_file(int fd, size_t max, char **data, size_t *len)
{
    size_t room = 4096, used = 0;
    int r = check_kind(fd, max);
    char *text;

    if (r < 0)
        return r;
    text = malloc(room + 1);
    while (text) {
        ssize_t n = read(fd, text + used, room - used);

        if (n == 0) {
            text[used] = '\0';
            *data = text;
            *len = used;
            return 0;
        }
        if (n < 0 && errno == EINTR)
            continue;
        used += n > 0 ? (size_t)n : 0;
        if (n < 0 || used > max) {
            r = n < 0 ? -errno : -EFBIG;
            free(text);
            return r;
        }
        if (used == room) {
            char *more = realloc(text, room * 2 + 1);

            if (!more)
                free(text);
            text = more;
            room *= 2;
        }
    }
    return -ENOMEM;
}
