/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clone into new namespaces (base/image.h has how), and why it may be refused.
 * Source: clone(2), capabilities(7) ("ambient")
 */
#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/facts.h"
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

int clone_init(const Crib__NamespacesPlan *plan, int image, int control, pid_t *ret_pid,
               int *ret_pidfd, struct crib_error *err)
{
    const struct image_start start = {.name = init_image.name,
                                      .image = image,
                                      .fd0 = control,
                                      .flags = namespace_flags(plan),
                                      .before = raise_ambient};
    struct image_process process;
    int r = image_start(&start, &process);

    if (r < 0)
        return refuse(r, err);
    if (process.failed < 0)
        return fail_sys(err, process.failed, "init", -1, NULL, "execute crib-init");
    *ret_pid = process.pid;
    *ret_pidfd = process.pidfd;
    return 0;
}
