/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A devpts for the tests of claims about it.
 *
 * Runs in: tests.
 */
#ifndef KERNEL_DEVPTS_H
#define KERNEL_DEVPTS_H

#include <linux/mount.h>

#include "apart.h"

/* Return: the mount of a new one, attached nowhere; -1 and errno. */
static inline int new_devpts(void)
{
    int fs = (int)syscall(SYS_fsopen, "devpts", FSOPEN_CLOEXEC), mount = -1;

    if (fs >= 0 && syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "ptmxmode", "666", 0) == 0 &&
        syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
        mount = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, 0);
    close(fs);
    return mount;
}

#endif
