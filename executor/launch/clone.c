/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clone. The child shares our memory and suspends us until its exec, so that nothing of ours is
 * copied, however large we are; it calls nothing that changes ids, which would change *our*
 * dumpable flag, and runs on a stack of its own with all signals blocked.
 * Source: clone(2), capabilities(7) ("ambient")
 */
#include "launch/parts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "host/facts.h"

#define STACK (64 * 1024)

struct child {
    int image, control;
    int code; /* negative errno, written by the child */
};

/* An exec by an unmapped id drops every capability but the ambient ones. */
static int raise_ambient(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    uint64_t all;

    if (syscall(SYS_capget, &head, data) < 0)
        return -errno;
    data[0].inheritable = data[0].permitted;
    data[1].inheritable = data[1].permitted;
    if (syscall(SYS_capset, &head, data) < 0)
        return -errno;
    all = data[0].permitted | (uint64_t)data[1].permitted << 32;
    for (unsigned cap = 0; cap < 64; cap++)
        if (all >> cap & 1 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) < 0)
            return -errno;
    return 0;
}

/*
 * Only the control socket and the image go along, whatever the caller has left open. The rest is
 * closed by the exec, when the parent goes on already: closing a file of a hung file system may
 * wait.
 */
static int leave_fds(const struct child *child)
{
    if (dup2(child->control, 0) < 0 || dup2(child->image, 1) < 0)
        return -errno;
    return close_range(1, ~0u, CLOSE_RANGE_CLOEXEC) < 0 ? -errno : 0;
}

static int child_main(void *data)
{
    static char name[] = "crib-init";
    static char *const argv[] = {name, NULL}, *const envp[] = {NULL};
    struct child *child = data;
    int r = raise_ambient();

    if (r == 0)
        r = leave_fds(child);
    if (r == 0) {
        execveat(1, "", argv, envp, AT_EMPTY_PATH);
        r = -errno;
    }
    child->code = r;
    _exit(1);
}

static int namespace_flags(const Crib__NamespacesPlan *plan)
{
    return CLONE_NEWUSER | CLONE_NEWPID | (plan->mount ? CLONE_NEWNS : 0) |
           (plan->net ? CLONE_NEWNET : 0) | (plan->ipc ? CLONE_NEWIPC : 0) |
           (plan->uts ? CLONE_NEWUTS : 0) | (plan->cgroup ? CLONE_NEWCGROUP : 0);
}

/* The host was tried when this process began to use crib; what has changed since shows here. */
static int refuse(int code, struct crib_error *err)
{
    struct arena arena;
    const char *why;
    int r;

    if (code != -EPERM && code != -ENOSPC && code != -EUSERS)
        return fail_sys(err, code, "clone", -1, NULL, "new namespaces");
    arena_init(&arena, 0);
    why = userns_why(code, "/proc", &arena);
    r = fail_text(err, code, "clone", -1, NULL, "%s", why ? why : "new namespaces are refused");
    arena_done(&arena);
    return r;
}

/* Return: the pid; negative errno. *child is written by the child if it fails before its exec. */
static pid_t clone_blocked(struct child *child, char *stack, int flags, int *ret_pidfd)
{
    sigset_t all, before;
    pid_t pid;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid = clone(child_main, stack + STACK, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD | flags,
                child, ret_pidfd);
    pid = pid < 0 ? -errno : pid;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return pid;
}

/* Not among 0 to 2, which may be closed in the caller and become somebody's stdio. Takes @fd. */
static int fd_raise(int fd)
{
    int high = fd > 2 ? fd : fd_copy(fd, 3);

    if (high < 0)
        return fd;
    if (high != fd)
        fd_close(&fd);
    return high;
}

int clone_init(const Crib__NamespacesPlan *plan, int image, int control, pid_t *ret_pid,
               int *ret_pidfd, struct crib_error *err)
{
    struct child child = {.image = image, .control = control};
    int pidfd = -1;
    char *stack =
        mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    pid_t pid;

    if (stack == MAP_FAILED)
        return fail_sys(err, -errno, "clone", -1, NULL, "a stack");
    pid = clone_blocked(&child, stack, namespace_flags(plan), &pidfd);
    munmap(stack, STACK);
    if (pid < 0)
        return refuse(pid, err);
    if (child.code < 0) {
        waitid(P_PIDFD, (id_t)pidfd, NULL, WEXITED);
        fd_close(&pidfd);
        return fail_sys(err, child.code, "init", -1, NULL, "execute crib-init");
    }
    *ret_pid = pid;
    *ret_pidfd = fd_raise(pidfd);
    return 0;
}
