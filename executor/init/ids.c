/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ids. The raw calls are used: the wrappers of the C library would act for a whole process, and the
 * task's process shares our memory.
 */
#include "init/init.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Real, effective and saved alike. */
static bool is_id(long call, uint32_t id)
{
    uint32_t got[3] = {~id, ~id, ~id};

    return syscall(call, &got[0], &got[1], &got[2]) == 0 && got[0] == id && got[1] == id &&
           got[2] == id;
}

static int take_ids(uint32_t uid, uint32_t gid)
{
    if (syscall(SYS_setresgid, gid, gid, gid) < 0)
        return -errno;
    if (syscall(SYS_setresuid, uid, uid, uid) < 0)
        return -errno;
    return is_id(SYS_getresgid, gid) && is_id(SYS_getresuid, uid) ? 0 : -EBADE;
}

static int clear_groups(struct init *init)
{
    if (syscall(SYS_setgroups, 0, NULL) < 0)
        return failed(init, STEP_groups, -errno, -1);
    return syscall(SYS_getgroups, 0, NULL) == 0 ? 0 : untrue(init, STEP_groups, -1);
}

/* An ordinary caller's init goes on with the caller's groups, by which it opens what is bound. */
int set_init_ids(struct init *init)
{
    const Crib__IdsPlan *ids = init->plan->ids;
    int r = ids->clear_groups && !ids->by_helper ? clear_groups(init) : 0;

    if (r < 0)
        return r;
    r = take_ids(ids->init_uid, ids->init_gid);
    return r < 0 ? failed(init, STEP_init_ids, r, -1) : 0;
}

int set_task_ids(struct init *init)
{
    const Crib__IdsPlan *ids = init->plan->ids;
    int r = ids->clear_groups && ids->by_helper ? clear_groups(init) : 0;

    if (r < 0)
        return r;
    r = take_ids(ids->uid, ids->gid);
    return r < 0 ? failed(init, STEP_task_ids, r, -1) : 0;
}
