/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mounts, by the calls and in the order in which crib-init makes them (init/mounts.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "doctor/tries.h"

/* <sys/mount.h> of glibc 2.36 and <linux/mount.h> clash; these are from the former. */
#define MNT_DETACH 2
int umount2(const char *target, int flags);

#define PRIVATE (1 << 18) /* MS_PRIVATE */
#define QUIET   (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

/* Return: a detached mount; -1. */
static int make(struct told *told, const char *type, const char *const (*options)[2], unsigned attr)
{
    int fs = (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC), mount;

    if (told_failed(told, "fsopen", fs))
        return -1;
    for (; options && (*options)[0]; options++) {
        bool flag = !(*options)[1];
        long r = syscall(SYS_fsconfig, fs, flag ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING,
                         (*options)[0], (*options)[1], 0);

        if (told_failed(told, "fsconfig", r))
            return -1;
    }
    if (told_failed(told, "fsconfig",
                    syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0)))
        return -1;
    mount = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, attr);
    return told_failed(told, "fsmount", mount) ? -1 : mount;
}

/* Lays a new tmpfs over "/", as the root that is to be. Return: its fd; -1. */
static int make_root(struct told *told)
{
    int slash = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), root;

    if (told_failed(told, "open", slash))
        return -1;
    root = make(told, "tmpfs", NULL, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
    if (root < 0)
        return -1;
    if (told_failed(told, "move_mount",
                    syscall(SYS_move_mount, root, "", slash, "",
                            MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH)))
        return -1;
    return root;
}

void try_mounts(struct told *told)
{
    struct mount_attr attr = {.attr_set = QUIET | MOUNT_ATTR_RDONLY, .propagation = PRIVATE};
    int tree = (int)syscall(SYS_open_tree, AT_FDCWD, "/",
                            AT_RECURSIVE | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    int root;

    if (told_failed(told, "open_tree", tree) ||
        told_failed(told, "mount_setattr",
                    syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr,
                            sizeof(attr))))
        return;
    root = make_root(told);
    if (root < 0 || told_failed(told, "mkdirat", mkdirat(root, "tree", 0700)) ||
        told_failed(told, "move_mount",
                    syscall(SYS_move_mount, tree, "", root, "tree", MOVE_MOUNT_F_EMPTY_PATH)) ||
        told_failed(told, "fchdir", fchdir(root)) ||
        told_failed(told, "pivot_root", syscall(SYS_pivot_root, ".", ".")))
        return;
    (void)told_failed(told, "umount2", umount2(".", MNT_DETACH));
}

void try_proc(struct told *told)
{
    (void)make(told, "proc", NULL, QUIET | MOUNT_ATTR_RDONLY);
}

void try_devpts(struct told *told)
{
    static const char *const options[][2] = {{"max", "1"}, {"ptmxmode", "666"}, {NULL, NULL}};

    (void)make(told, "devpts", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
}

void try_overlay(struct told *told)
{
    static const char *const options[][2] = {
        {"lowerdir", "lower"}, {"upperdir", "upper"}, {"workdir", "work"},
        {"userxattr", NULL},   {NULL, NULL},
    };
    int root = make_root(told);

    if (root < 0 || told_failed(told, "fchdir", fchdir(root)) ||
        told_failed(told, "mkdir", mkdir("lower", 0700)) ||
        told_failed(told, "mkdir", mkdir("upper", 0700)) ||
        told_failed(told, "mkdir", mkdir("work", 0700)))
        return;
    (void)make(told, "overlay", options, QUIET);
}
