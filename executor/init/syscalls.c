/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The filter. From its load on, the task's process may make no call but execve and exit_group: any
 * other could wait for an answer that we, suspended until the exec, cannot give.
 * Source: seccomp(2), seccomp_unotify(2)
 */
#include "init/init.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Since 5.19: a caller that waits for an answer is woken by fatal signals only. */
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

static int load(const ProtobufCBinaryData *program, unsigned long flags)
{
    struct sock_fprog prog = {
        .len = (unsigned short)(program->len / sizeof(struct sock_filter)),
        .filter = (struct sock_filter *)program->data,
    };
    long r;

    if (is_pretended(SYS_seccomp, SECCOMP_SET_MODE_FILTER, (long)flags, 0, 0, 0))
        return -EBADE;
    r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);

    return r < 0 ? -errno : (int)r;
}

static int load_with_listener(const ProtobufCBinaryData *program)
{
    int r =
        load(program, SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);

    return r == -EINVAL ? load(program, SECCOMP_FILTER_FLAG_NEW_LISTENER) : r;
}

int load_filter(struct init *init)
{
    const Crib__SyscallsPlan *plan = init->plan->syscalls;
    int r;

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return failed(init, STEP_privileges, -errno, -1);
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
        return untrue(init, STEP_privileges, -1);
    r = restrict_files(init);
    laps_mark(r < 0 ? NULL : init->laps, "task.landlock"); /* what is left is the lap of the exec */
    if (r < 0 || !plan || plan->program.len == 0)
        return r;
    r = plan->listener ? load_with_listener(&plan->program) : -EBUSY;
    if (r >= 0) {
        init->listener = r;
        return 0;
    }
    /* Mostly since somebody outside, another crib perhaps, holds the one listener that a process
     * can have. Reasons are only ever preferred; the filter is not. */
    if (plan->listener)
        init->no_reasons = r;
    r = load(&plan->fallback, 0);
    return r < 0 ? failed(init, STEP_filter, r, -1) : 0;
}
