/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walls that hold whoever puts them up; the process that tries them ends at once.
 */
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "doctor/tries.h"

static void load(struct told *told, unsigned flags)
{
    struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {1, &allow};

    if (told_failed(told, "prctl(PR_SET_NO_NEW_PRIVS)", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)))
        return;
    (void)told_failed(told, "seccomp",
                      syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program));
}

void try_filter(struct told *told)
{
    load(told, 0);
}

void try_listener(struct told *told)
{
    load(told, SECCOMP_FILTER_FLAG_NEW_LISTENER);
}

void try_landlock(struct told *told)
{
    struct landlock_ruleset_attr attr = {.handled_access_fs = LANDLOCK_ACCESS_FS_WRITE_FILE};
    int rules = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr.handled_access_fs), 0);

    if (told_failed(told, "landlock_create_ruleset", rules) ||
        told_failed(told, "prctl(PR_SET_NO_NEW_PRIVS)", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)))
        return;
    (void)told_failed(told, "landlock_restrict_self",
                      syscall(SYS_landlock_restrict_self, rules, 0));
}
