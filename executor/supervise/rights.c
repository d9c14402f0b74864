/* SPDX-License-Identifier: Apache-2.0 */
#include "supervise/rights.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <unistd.h>

static int read_groups(struct rights *rights)
{
    int count = (int)syscall(SYS_getgroups, 0, NULL);

    if (count < 0)
        return -errno;
    rights->groups = calloc((size_t)count + 1, sizeof(gid_t));
    if (!rights->groups)
        return -ENOMEM;
    rights->count = (int)syscall(SYS_getgroups, count, rights->groups);
    return rights->count < 0 ? -errno : 0;
}

#define MAY_CHANGE (1u << CAP_SETUID | 1u << CAP_SETGID)

static int set_caps(const struct rights_caps *caps)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};

    return syscall(SYS_capset, &head, caps->set) < 0 ? -errno : 0;
}

/* The kernel takes those for files from a thread that leaves uid 0, and from no other. */
static int drop_caps(struct rights *rights)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct rights_caps none;

    if (syscall(SYS_capget, &head, rights->caps.set) < 0)
        return -errno;
    none = rights->caps;
    none.set[0].effective = none.set[1].effective = 0;
    return set_caps(&none);
}

/* Who may not do it has started the task as itself, or with an id of newuidmap's. */
static bool may_change(const Crib__IdsPlan *ids)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct rights_caps caps;

    if (ids->uid == geteuid() && ids->gid == getegid())
        return false;
    return syscall(SYS_capget, &head, caps.set) == 0 &&
           (caps.set[0].effective & MAY_CHANGE) == MAY_CHANGE;
}

static int change_ids(const Crib__IdsPlan *ids, struct rights *rights)
{
    int r = read_groups(rights);

    if (r < 0)
        return r;
    if (syscall(SYS_setgroups, 0, NULL) < 0)
        return -errno;
    rights->ids = true;
    setfsgid(ids->gid);
    setfsuid(ids->uid);
    return setfsgid((gid_t)-1) == (int)ids->gid && setfsuid((uid_t)-1) == (int)ids->uid ? 0
                                                                                        : -EPERM;
}

int rights_take(const Crib__IdsPlan *ids, struct rights *ret)
{
    int r;

    *ret = (struct rights){0};
    r = may_change(ids) ? change_ids(ids, ret) : 0;
    if (r == 0) {
        r = drop_caps(ret);
        ret->taken = r == 0;
    }
    if (r < 0)
        rights_give_back(ret);
    return r;
}

void rights_give_back(struct rights *rights)
{
    if (rights->taken)
        set_caps(&rights->caps);
    if (rights->ids) {
        setfsuid(geteuid());
        setfsgid(getegid());
        /* A thread that goes on with fewer groups than it had does no harm. */
        syscall(SYS_setgroups, rights->count, rights->groups);
    }
    free(rights->groups);
    *rights = (struct rights){0};
}
