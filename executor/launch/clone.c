/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clone into new namespaces (base/image.h has how), and why it may be refused.
 * Source: clone(2), capabilities(7) ("ambient")
 */
#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/facts.h"
#include "launch/groups.h"
#include "launch/nets.h"
#include "launch/parts.h"

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

/* The root of a cgroup namespace is where its maker is: so in a leaf it is made by who is there. */
static int namespace_flags(const Crib__NamespacesPlan *plan, const struct groups *groups,
                           const struct net *net)
{
    return CLONE_NEWUSER | CLONE_NEWPID | (plan->mount ? CLONE_NEWNS : 0) |
           (plan->net && !net ? CLONE_NEWNET : 0) | (plan->ipc ? CLONE_NEWIPC : 0) |
           (plan->uts ? CLONE_NEWUTS : 0) | (plan->cgroup && !groups ? CLONE_NEWCGROUP : 0);
}

/* Its number tells of so many that to copy them, and close them at the exec, takes time. */
#define MANY_FDS 256

/* What the new process does before it executes crib-init. */
struct before {
    const struct groups *groups; /* NULL: none */
    bool own_cgroups;            /* a namespace of them */
    int failed_in_groups;        /* written by it */
    int failed_in_caps;
};

static int enter_groups(const struct before *before, bool inside)
{
    int r = groups_join(before->groups, !inside);

    if (r == 0 && before->own_cgroups && unshare(CLONE_NEWCGROUP) < 0)
        r = -errno;
    return r;
}

static int before_exec(const void *data, bool inside)
{
    struct before *before = (struct before *)data;
    int r = before->groups ? enter_groups(before, inside) : 0;

    before->failed_in_groups = r;
    if (r == 0)
        before->failed_in_caps = r = raise_ambient();
    return r;
}

/* Return: whether it is the group that a process could not be born in, and not the namespaces. */
static bool is_of_group(int code)
{
    return code == -EOPNOTSUPP || code == -EACCES || code == -EBUSY || code == -ENODEV;
}

/* The host was tried when this process began to use crib; what has changed since shows here. */
static int refuse(int code, int flags, struct crib_error *err)
{
    static const struct stumble cloning = {"clone", -1, NULL, "new namespaces", "clone"};
    struct arena arena;
    const char *why;
    int r;

    if (code == -EAGAIN || code == -ENOMEM)
        return launch_fail(err, code, &cloning);
    arena_init(&arena, 0);
    why = userns_why_not(code, flags, "/proc", &arena);
    r = fail_text(err, code, "namespaces", -1, NULL, "%s",
                  why ? why : "new namespaces are refused");
    arena_done(&arena);
    return r;
}

static const struct stumble raising = {"caps", -1, NULL, "give crib-init its capabilities",
                                       "capset and prctl(PR_CAP_AMBIENT) (Linux 4.3)"};
static const struct stumble executing = {"init", -1, NULL, "execute crib-init",
                                         "close_range (Linux 5.11) and execveat"};

/* From within @net, where there is one. Return: as image_start(). */
static int start_in(const struct image_start *start, const struct net *net,
                    struct image_process *ret)
{
    sigset_t all, before;
    int home = -1, r;

    if (!net)
        return image_start(start, ret);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    home = nets_enter(net);
    r = home < 0 ? home : image_start(start, ret);
    if (home >= 0)
        nets_leave(home);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return r;
}

int clone_init(const Crib__NamespacesPlan *plan, int image, int control, struct launch *launch,
               struct crib_error *err)
{
    const struct groups *groups = launch->groups;
    struct before before = {.groups = groups, .own_cgroups = plan->cgroup};
    const struct image_start start = {.name = init_image.name,
                                      .image = image,
                                      .fd0 = control,
                                      .flags = namespace_flags(plan, groups, launch->net),
                                      .before = before_exec,
                                      .data = &before,
                                      .many = launch->control >= MANY_FDS,
                                      .into = groups ? groups_into(groups) : 0};
    struct image_process process;
    int r = start_in(&start, launch->net, &process);

    if (r < 0 && start.into > 0 && is_of_group(r))
        return fail_sys(err, r, "cgroup", -1, NULL, "start in the task's group");
    if (r < 0)
        return refuse(r, start.flags, err);
    if (before.failed_in_groups < 0)
        return fail_sys(err, process.failed, "cgroup", -1, NULL, "join the task's groups");
    if (before.failed_in_caps < 0)
        return launch_fail(err, process.failed, &raising);
    if (process.failed < 0)
        return launch_fail(err, process.failed, &executing);
    launch->pid = process.pid;
    launch->pidfd = process.pidfd;
    return 0;
}
