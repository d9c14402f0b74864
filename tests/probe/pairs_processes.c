/* SPDX-License-Identifier: Apache-2.0 */
/* One process and another by its number. @where is that number, as the host has it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "probe/pairs.h"

static int wait_offer(long number, const char *where)
{
    (void)number;
    (void)where;
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
    return 0;
}

static pid_t pid_of(const char *where)
{
    return (pid_t)strtol(where, NULL, 10);
}

static int done(long r)
{
    return r < 0 ? -1 : 1;
}

static int kill_reach(long number, const char *where)
{
    (void)number;
    return done(kill(pid_of(where), 0));
}

static int sigqueue_reach(long number, const char *where)
{
    (void)number;
    return done(sigqueue(pid_of(where), 0, (union sigval){0}));
}

static int pidfd_reach(long number, const char *where)
{
    int fd = (int)syscall(SYS_pidfd_open, pid_of(where), 0);

    (void)number;
    return fd < 0 ? -1 : done(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0));
}

/* Every number there may be; ourselves, our parent and the first of all do not count. */
static int any_reach(long number, const char *where)
{
    (void)number;
    (void)where;
    for (pid_t pid = 2; pid < 1 << 16; pid++)
        if (pid != getpid() && pid != getppid() && kill(pid, 0) == 0)
            return 1;
    errno = ESRCH;
    return -1;
}

static int ptrace_reach(long number, const char *where)
{
    long r = ptrace(PTRACE_SEIZE, pid_of(where), NULL, NULL);

    (void)number;
    return done(r);
}

static int memory_reach(long number, const char *where)
{
    static char word[] = "ours";
    char copy[sizeof(word)];
    struct iovec local = {copy, sizeof(copy)}, remote = {word, sizeof(word)};

    (void)number;
    return done(process_vm_readv(pid_of(where), &local, 1, &remote, 1, 0));
}

static int proc_reach(long number, const char *where)
{
    char path[64];
    int fd;

    (void)number;
    snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid_of(where));
    fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -1 : done(read(fd, path, sizeof(path)));
}

static int priority_reach(long number, const char *where)
{
    (void)number;
    return done(setpriority(PRIO_PROCESS, (id_t)pid_of(where), 19));
}

static int affinity_reach(long number, const char *where)
{
    cpu_set_t set;

    (void)number;
    if (sched_getaffinity(0, sizeof(set), &set) < 0)
        return -1;
    return done(sched_setaffinity(pid_of(where), sizeof(set), &set));
}

static int prlimit_reach(long number, const char *where)
{
    struct rlimit limit;

    (void)number;
    return done(prlimit(pid_of(where), RLIMIT_NOFILE, NULL, &limit));
}

static int fds_reach(long number, const char *where)
{
    int fd = (int)syscall(SYS_pidfd_open, pid_of(where), 0);

    (void)number;
    return fd < 0 ? -1 : done(syscall(SYS_pidfd_getfd, fd, 0, 0));
}

const struct pair process_pairs[] = {
    {"kill", wait_offer, kill_reach, NULL, NULL},
    {"kill-any", wait_offer, any_reach, NULL, NULL},
    {"sigqueue", wait_offer, sigqueue_reach, NULL, NULL},
    {"pidfd", wait_offer, pidfd_reach, NULL, NULL},
    {"pidfd-getfd", wait_offer, fds_reach, NULL, NULL},
    {"ptrace", wait_offer, ptrace_reach, NULL, NULL},
    {"memory", wait_offer, memory_reach, NULL, NULL},
    {"proc", wait_offer, proc_reach, NULL, NULL},
    {"priority", wait_offer, priority_reach, NULL, NULL},
    {"affinity", wait_offer, affinity_reach, NULL, NULL},
    {"prlimit", wait_offer, prlimit_reach, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};
