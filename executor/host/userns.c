/* SPDX-License-Identifier: Apache-2.0 */
#include "host/facts.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define STACK (64 * 1024) /* bytes; the child makes two system calls */

/*
 * Where AppArmor restricts user namespaces, making one succeeds and every capability in it is
 * refused. So the child uses one on its own host name, which nobody else ever sees.
 */
static int use_right(void *arg)
{
    (void)arg;
    return sethostname("crib", 4) < 0 ? errno & 0xff : 0;
}

static int use_nothing(void *arg)
{
    (void)arg;
    return 0;
}

/* The parent waits in clone() until the child is gone; its memory is shared, so no handler may run.
 */
static int try_on(char *stack, int (*child)(void *), int flags)
{
    sigset_t all, before;
    int status = 0, code = 0;
    pid_t pid;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid = clone(child, stack + STACK, flags | CLONE_VM | CLONE_VFORK, NULL);
    if (pid < 0)
        code = -errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (pid < 0)
        return code;
    while (waitpid(pid, &status, __WALL) < 0)
        if (errno != EINTR)
            return 0; /* someone else's waitpid was faster; that it could be made is known */
    return WIFEXITED(status) ? -WEXITSTATUS(status) : -EPERM;
}

static int try(int (*child)(void *), int flags)
{
    char *stack =
        mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    int r;

    if (stack == MAP_FAILED)
        return -errno;
    r = try_on(stack, child, flags);
    munmap(stack, STACK);
    return r;
}

int userns_try(void)
{
    return try(use_right, CLONE_NEWUSER | CLONE_NEWUTS);
}

/* Known switches, in the order in which they are looked at. */
static const struct {
    const char *file, *off; /* what the file starts with when the switch is off */
    const char *why;
} switches[] = {
    {"sys/user/max_user_namespaces", "0\n",
     "user namespaces are switched off: as root, run `sysctl user.max_user_namespaces=15000`"},
    {"sys/kernel/unprivileged_userns_clone", "0\n",
     "user namespaces are kept from ordinary users: as root, run "
     "`sysctl kernel.unprivileged_userns_clone=1`, or run crib as root"},
    {"sys/kernel/apparmor_restrict_unprivileged_userns", "1\n",
     "AppArmor keeps user namespaces from ordinary users: give crib a profile with `userns,`, or "
     "as root run `sysctl kernel.apparmor_restrict_unprivileged_userns=0`, or run crib as root"},
};

static bool filtered(const char *proc)
{
    char status[4096];

    return facts_read(proc, "self/status", status, sizeof(status)) == 0 &&
           strstr(status, "\nSeccomp:\t2") != NULL;
}

const char *userns_why(int code, const char *proc, struct arena *arena)
{
    char text[16];

    for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++)
        if (facts_read(proc, switches[i].file, text, sizeof(text)) == 0 &&
            strcmp(text, switches[i].off) == 0)
            return arena_text(arena, switches[i].why);
    if (code == -ENOSPC || code == -EUSERS)
        return arena_text(arena, "too many user namespaces, or too deeply nested: raise "
                                 "`sysctl user.max_user_namespaces`, or run crib outside");
    if (code == -EAGAIN)
        return arena_text(arena, "too many processes: raise the limit (`ulimit -u`), or that of "
                                 "the cgroup that crib is in");
    if (code == -EINVAL)
        return arena_text(arena, "this kernel is built without user namespaces (CONFIG_USER_NS)");
    if (filtered(proc))
        return arena_printf(arena,
                            "a seccomp filter around crib, such as a container's, refuses user "
                            "namespaces (%s): start the container with a profile that allows them",
                            strerror(-code));
    return arena_printf(arena,
                        "a user namespace cannot be made or used here (%s): a chroot, a container "
                        "or a security module forbids it; run crib outside of it",
                        strerror(-code));
}

static const struct space {
    int flag;
    const char *name, *config;
    bool optional; /* a policy may do without */
} spaces[] = {
    {CLONE_NEWPID, "pid", "CONFIG_PID_NS", false},
    {CLONE_NEWNS, "mount", NULL, true},
    {CLONE_NEWNET, "net", "CONFIG_NET_NS", true},
    {CLONE_NEWIPC, "ipc", "CONFIG_IPC_NS", true},
    {CLONE_NEWUTS, "uts", "CONFIG_UTS_NS", true},
    {CLONE_NEWCGROUP, "cgroup", "CONFIG_CGROUPS", true},
};

static const char *space_why(const struct space *space, int code, struct arena *arena)
{
    const char *host = space->optional
                           ? arena_printf(arena, ", or say `namespaces: {%s: host}`", space->name)
                           : "";

    if (!host)
        return NULL;
    if (code == -ENOSPC || code == -EUSERS)
        return arena_printf(arena,
                            "too many %s namespaces: raise `sysctl user.max_%s_namespaces`%s",
                            space->name, strcmp(space->name, "mount") ? space->name : "mnt", host);
    if (code == -EINVAL && space->config)
        return arena_printf(arena, "this kernel is built without %s namespaces: run one with %s%s",
                            space->name, space->config, host);
    return arena_printf(arena,
                        "a new %s namespace is refused (%s): a seccomp filter or security module "
                        "around crib, such as a container's, forbids it: start the container with "
                        "a profile that allows it, or run crib outside%s",
                        space->name, strerror(-code), host);
}

const char *userns_why_not(int code, int flags, const char *proc, struct arena *arena)
{
    int r = userns_try();

    if (r < 0)
        return userns_why(r, proc, arena);
    for (size_t i = 0; i < sizeof(spaces) / sizeof(spaces[0]); i++) {
        r = spaces[i].flag & flags ? try(use_nothing, CLONE_NEWUSER | spaces[i].flag) : 0;
        if (r < 0)
            return space_why(&spaces[i], r, arena);
    }
    return userns_why(code, proc, arena);
}
