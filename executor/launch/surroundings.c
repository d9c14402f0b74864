/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/surroundings.h"

#include <linux/capability.h>
#include <linux/ioprio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool look_at_caps(struct surroundings *ret)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};

    _Static_assert(sizeof(ret->caps) == 2 * sizeof(struct __user_cap_data_struct), "both halves");
    return syscall(SYS_capget, &head, ret->caps) == 0;
}

static bool look_at_limits(struct surroundings *ret)
{
    for (int i = 0; i < RLIM_NLIMITS; i++)
        if (getrlimit(i, &ret->limits[i]) < 0)
            return false;
    return true;
}

static bool look_at_files(struct surroundings *ret)
{
    struct stat root, mounts, net;

    if (stat("/", &root) < 0 || stat("/proc/thread-self/ns/mnt", &mounts) < 0 ||
        stat("/proc/thread-self/ns/net", &net) < 0)
        return false;
    ret->net_ino = net.st_ino;
    ret->root_dev = root.st_dev;
    ret->root_ino = root.st_ino;
    ret->mounts_dev = mounts.st_dev;
    ret->mounts_ino = mounts.st_ino;
    return true;
}

/* Never to be had back. Who has a filter may be forbidden to ask: then that is what is compared. */
static void look_at_bits(struct surroundings *ret)
{
    ret->given_up[0] = prctl(PR_GET_SECCOMP, 0, 0, 0, 0);
    ret->given_up[1] = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
    ret->given_up[2] = prctl(PR_GET_SECUREBITS, 0, 0, 0, 0);
    ret->schedule[0] = sched_getscheduler(0);
    ret->schedule[1] = (int)syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0);
}

bool surroundings_look(struct surroundings *ret)
{
    memset(ret, 0, sizeof(*ret)); /* they are compared as bytes */
    ret->pid = getpid();
    ret->uid = geteuid();
    ret->gid = getegid();
    ret->group_count = getgroups(SURROUNDINGS_GROUPS, ret->groups);
    ret->nice = getpriority(PRIO_PROCESS, 0);
    look_at_bits(ret);
    return ret->group_count >= 0 && sched_getaffinity(0, sizeof(ret->cpus), &ret->cpus) == 0 &&
           look_at_caps(ret) && look_at_limits(ret) && look_at_files(ret);
}
