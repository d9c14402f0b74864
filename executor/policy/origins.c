/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/origins.h"

char *const *syscalls_entries(const Crib__Syscalls *syscalls, enum syscalls_list list,
                              size_t *ret_count)
{
    *ret_count = 0;
    if (!syscalls)
        return NULL;
    switch (list) {
    case LIST_DENY:
        *ret_count = syscalls->n_deny;
        return syscalls->deny;
    case LIST_KILL:
        *ret_count = syscalls->n_kill;
        return syscalls->kill;
    case LIST_LOG:
        *ret_count = syscalls->n_log;
        return syscalls->log;
    default:
        *ret_count = syscalls->n_allow;
        return syscalls->allow;
    }
}

const char *syscalls_path(enum syscalls_list list)
{
    static const char *const paths[] = {
        [LIST_DENY] = "syscalls.deny",
        [LIST_KILL] = "syscalls.kill",
        [LIST_LOG] = "syscalls.log",
        [LIST_ALLOW] = "syscalls.allow",
    };

    return paths[list];
}
