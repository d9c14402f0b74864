/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel counts for a user: one side takes all that it can have, the other asks for a
 * little, and is `reached` when that is refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "probe/pairs.h"

#define MOST 100000

static bool is_spent(long r)
{
    return r < 0 && (errno == EMFILE || errno == EAGAIN || errno == ENOSPC || errno == ENOMEM ||
                     errno == EPERM);
}

/* As much as the hard limit lets it have. */
static void raise_limit(int resource)
{
    struct rlimit limit;

    if (getrlimit(resource, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(resource, &limit);
    }
}

static long one_queue(int number)
{
    char name[64];

    snprintf(name, sizeof(name), "crib-many-%d-%d", (int)getpid(), number);
    return syscall(SYS_mq_open, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600, NULL);
}

static void unlink_queues(long number, const char *where)
{
    char name[64];

    (void)number;
    (void)where;
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof(name), "crib-many-%d-%d", (int)getpid(), i);
        syscall(SYS_mq_unlink, name);
    }
}

static int queues_offer(long number, const char *where)
{
    int i = 0;

    (void)number;
    (void)where;
    raise_limit(RLIMIT_MSGQUEUE);
    while (i < 1000 && one_queue(i) >= 0)
        i++;
    return i > 0 ? 0 : -1;
}

static int queues_reach(long number, const char *where)
{
    long fd = one_queue(0);
    int code = errno;

    if (fd >= 0)
        unlink_queues(number, where);
    errno = code;
    return fd >= 0 ? 0 : is_spent(fd) ? 1 : -1;
}

static int queue_signal(void)
{
    sigset_t mask;

    sigemptyset(&mask);
    sigaddset(&mask, SIGRTMIN + 1);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    return sigqueue(getpid(), SIGRTMIN + 1, (union sigval){0});
}

static int signals_offer(long number, const char *where)
{
    int i = 0;

    (void)number;
    (void)where;
    raise_limit(RLIMIT_SIGPENDING);
    while (i < 4 * MOST && queue_signal() == 0)
        i++;
    return i > 0 ? 0 : -1;
}

/* Others of the same user come and go meanwhile, and leave a few. */
static int signals_reach(long number, const char *where)
{
    int r = queue_signal();

    for (int i = 0; i < 256 && r == 0; i++)
        r = queue_signal();
    (void)number;
    (void)where;
    return r == 0 ? 0 : is_spent(r) ? 1 : -1;
}

static long lock_segment(size_t size)
{
    int id = shmget(IPC_PRIVATE, size, IPC_CREAT | 0600);
    int r;

    if (id < 0)
        return -1;
    r = shmctl(id, SHM_LOCK, NULL);
    shmat(id, NULL, 0);
    shmctl(id, IPC_RMID, NULL);
    return r;
}

static int locked_offer(long number, const char *where)
{
    int i = 0;

    (void)number;
    (void)where;
    raise_limit(RLIMIT_MEMLOCK);
    while (i < 1000 && lock_segment(64 << 10) == 0)
        i++;
    return i > 0 ? 0 : -1;
}

static int locked_reach(long number, const char *where)
{
    long r = lock_segment(64 << 10);

    (void)number;
    (void)where;
    return r == 0 ? 0 : is_spent(r) ? 1 : -1;
}

static int watchers_offer(long number, const char *where)
{
    int i = 0;

    (void)number;
    (void)where;
    while (i < 4096 && inotify_init1(IN_CLOEXEC) >= 0)
        i++;
    return i > 0 ? 0 : -1;
}

static int watchers_reach(long number, const char *where)
{
    int r = inotify_init1(IN_CLOEXEC);

    (void)number;
    (void)where;
    return r >= 0 ? 0 : is_spent(r) ? 1 : -1;
}

const struct pair counted_pairs[] = {
    {"count-queues", queues_offer, queues_reach, NULL, unlink_queues},
    {"count-signals", signals_offer, signals_reach, NULL, NULL},
    {"count-locked", locked_offer, locked_reach, NULL, NULL},
    {"count-watchers", watchers_offer, watchers_reach, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};
