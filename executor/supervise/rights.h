/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The task's rights on files, for one thread: what is done on the host on account of a task is
 * never done with more.
 *
 * Theory of operation: a task of root's, of a client of root's daemon, or of anybody who has the
 * capabilities for it, has another id than this process. For as long as something is made or
 * removed where the task may write, the thread has that id for files and no groups, as the task
 * has; and no capability is in force, whoever the caller is. The calls are the kernel's own, which
 * change one thread; the C library's would change all. An ordinary caller has no more rights than
 * its own.
 *
 * Runs in: library, on any thread; taken and given back on the same.
 * Owns: nothing outside the thread.
 * Source: setfsuid(2), credentials(7), capabilities(7) on SECBIT_NO_SETUID_FIXUP
 */
#ifndef SUPERVISE_RIGHTS_H
#define SUPERVISE_RIGHTS_H

#include <linux/capability.h>
#include <stdbool.h>
#include <sys/types.h>

#include "plan.pb-c.h"

struct rights_caps {
    struct __user_cap_data_struct set[_LINUX_CAPABILITY_U32S_3];
};

struct rights {
    bool taken, ids;         /* ids: they were changed too */
    struct rights_caps caps; /* those of the thread, to be given back */
    int count;
    gid_t *groups; /* those of the thread, to be given back */
};

/* Return: 0; negative errno: nothing has changed. */
int rights_take(const Crib__IdsPlan *ids, struct rights *ret);

void rights_give_back(struct rights *rights);

#endif
