/* SPDX-License-Identifier: Apache-2.0 */
#include "supervise/pipe.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

/* The SIGPIPE of a write goes to the thread that wrote: blocked here, it waits to be taken away. */
static void take_signal(const sigset_t *only)
{
    const struct timespec now = {0, 0};

    while (sigtimedwait(only, NULL, &now) < 0 && errno == EINTR)
        ;
}

ssize_t pipe_write(int fd, const void *data, size_t len)
{
    sigset_t only, before, pending;
    ssize_t n;

    sigemptyset(&only);
    sigaddset(&only, SIGPIPE);
    sigemptyset(&pending);
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, &only, &before);
    n = write(fd, data, len);
    if (n < 0)
        n = -errno;
    /* One that was pending before is somebody else's. */
    if (n == -EPIPE && !sigismember(&pending, SIGPIPE))
        take_signal(&only);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return n;
}

bool pipe_empty(int fd)
{
    struct pollfd waiting = {.fd = fd, .events = POLLIN};

    return poll(&waiting, 1, 0) <= 0 || !(waiting.revents & POLLIN);
}

size_t pipe_waiting(int fd)
{
    int bytes = 0;

    return ioctl(fd, FIONREAD, &bytes) == 0 && bytes > 0 ? (size_t)bytes : 0;
}
