/* SPDX-License-Identifier: Apache-2.0 */
#include "init/filesystem.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/stat.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"

/* <sys/mount.h> of glibc 2.36 and <linux/mount.h> clash; these are from the former. */
#define MNT_DETACH 2
int umount2(const char *target, int flags);

int make_filesystem(const char *type, const struct option *options, uint64_t attr)
{
    int mount = -1, fs = (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
    long r = fs < 0 ? -1 : 0;

    for (; r == 0 && options && options->key; options++)
        r = syscall(SYS_fsconfig, fs, options->value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG,
                    options->key, options->value, 0);
    if (r == 0)
        r = syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
    if (r == 0)
        mount = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, attr);
    if (mount < 0)
        mount = -errno;
    fd_close(&fs);
    return mount;
}

int attach(int mount, int target)
{
    return syscall(SYS_move_mount, mount, "", target, "",
                   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0
               ? -errno
               : 0;
}

int clone_mount(int fd)
{
    int tree = (int)syscall(SYS_open_tree, fd, "",
                            AT_EMPTY_PATH | AT_RECURSIVE | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

    return tree < 0 ? -errno : tree;
}

int detach(int mount)
{
    return fchdir(mount) < 0 || umount2(".", MNT_DETACH) < 0 ? -errno : 0;
}

int is_mount_root(int fd)
{
    struct statx st;

    memset(&st, 0, sizeof(st));
    if (syscall(SYS_statx, fd, "", AT_EMPTY_PATH, 0, &st) < 0)
        return -errno;
    if (!(st.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT))
        return -EOPNOTSUPP;
    return !!(st.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}
