/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ids. The raw calls are used: the wrappers of the C library would act for a whole process, and the
 * task's process shares our memory.
 */
#include "init/init.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

static int take_ids(uint32_t uid, uint32_t gid)
{
    if (syscall(SYS_setresgid, gid, gid, gid) < 0)
        return -errno;
    if (syscall(SYS_setresuid, uid, uid, uid) < 0)
        return -errno;
    return 0;
}

int set_init_ids(struct init *init)
{
    const Crib__IdsPlan *ids = init->plan->ids;
    int r;

    if (ids->clear_groups && syscall(SYS_setgroups, 0, NULL) < 0)
        return failed(init, STEP_groups, -errno, -1);
    r = take_ids(ids->init_uid, ids->init_gid);
    return r < 0 ? failed(init, STEP_init_ids, r, -1) : 0;
}

int set_task_ids(struct init *init)
{
    const Crib__IdsPlan *ids = init->plan->ids;
    int r = take_ids(ids->uid, ids->gid);

    return r < 0 ? failed(init, STEP_task_ids, r, -1) : 0;
}
