/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Masks, and what keeps a mount where it is.
 *
 * Theory of operation: over what is there comes an empty file or directory that nobody may open, of
 * a read-only file system of our own. The kernel lets nobody rename or remove what something is
 * mounted on, but it does let the directory be renamed in which it is: then the name could be made
 * anew beside it. So each directory on the way, where the task may write, is bound upon itself, a
 * *pin*: it is a place of a mount too.
 *
 * Of a name that is not there yet the first part that is missing is masked. Where the directory is
 * read-only nothing can be made; in memory init makes an empty file; in a bind the parent has made
 * one on the host before (supervise/placeholders.c), and we hold it to that. Where a part on the
 * way is a file, it is pinned: nothing can come to be below it.
 * Source: rename(2) on EBUSY, mount_namespaces(7)
 */
#include "init/init.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "init/filesystem.h"

#define PLACEHOLDER (S_IFREG | 01400) /* as supervise/placeholders.c makes it */

struct masks {
    struct init *init;
    int empty; /* mount of the file system with `f` and `d` */
    dev_t root;
    const Crib__MountPlan *mount;
};

static dev_t device_of(int fd)
{
    struct stat st;

    return fstat(fd, &st) < 0 ? 0 : st.st_dev;
}

static bool is_read_only(int fd)
{
    struct statvfs st;

    return fstatvfs(fd, &st) == 0 && st.f_flag & ST_RDONLY;
}

/* Binds @fd upon itself, where it could be renamed. Takes it. Return: what it is now, an fd;
 * negative errno. */
static int pin(int fd, dev_t root)
{
    int tree, r = is_mount_root(fd);

    if (r < 0) {
        fd_close(&fd);
        return r;
    }
    if (r > 0 || is_read_only(fd) || device_of(fd) == root)
        return fd;
    tree = clone_mount(fd);
    r = tree < 0 ? tree : attach(tree, fd);
    fd_close(&fd);
    if (r < 0)
        fd_close(&tree);
    return r < 0 ? r : tree;
}

/* The next part of a path. Return: its length; 0: too long. */
static size_t next_part(const char *path, char part[NAME_MAX + 1])
{
    size_t len = strcspn(path, "/");

    if (len > NAME_MAX)
        return 0;
    memcpy(part, path, len);
    part[len] = '\0';
    return len;
}

int pin_parents(struct init *init, const char *path)
{
    char part[NAME_MAX + 1];
    int dir = fd_copy(init->root, 3), r = 0;
    dev_t root = device_of(init->root);
    size_t len;

    for (path++; dir >= 0 && strchr(path, '/'); path += len + 1) {
        int next;

        len = next_part(path, part);
        next = len ? open_beneath(dir, part, O_DIRECTORY) : -ENAMETOOLONG;
        fd_close(&dir);
        if (next == -ENOENT)
            return 0; /* it will be made in a file system of ours, or refused */
        dir = next < 0 ? next : pin(next, root);
    }
    r = dir < 0 ? dir : 0;
    fd_close(&dir);
    return r;
}

static int make_empty(struct masks *masks)
{
    static const struct option options[] = {
        {"size", "4k"}, {"nr_inodes", "8"}, {"mode", "0755"}, {NULL, NULL}};
    int r;

    masks->root = device_of(masks->init->root);
    masks->empty = r = make_filesystem("tmpfs", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
    if (r >= 0 && (mkdirat(masks->empty, "d", 0) < 0 || mknodat(masks->empty, "f", S_IFREG, 0) < 0))
        r = -errno;
    return r < 0 ? r : attach(masks->empty, masks->init->root);
}

/* Mounts nothing over what is at @fd. */
static int cover(const struct masks *masks, int fd)
{
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
                                          MOUNT_ATTR_NOEXEC};
    struct stat st;
    int tree, r = 0;

    if (fstat(fd, &st) < 0)
        return -errno;
    tree = (int)syscall(SYS_open_tree, masks->empty, S_ISDIR(st.st_mode) ? "d" : "f",
                        OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (tree < 0)
        return -errno;
    if (syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
        r = -errno;
    if (r == 0)
        r = attach(tree, fd);
    fd_close(&tree);
    return r;
}

static bool is_refused(int code)
{
    return code == EACCES || code == EPERM || code == EOVERFLOW || code == EROFS;
}

/* Whether the parent has seen that the task can make nothing in it. */
static bool is_known(const struct masks *masks, int dir)
{
    struct stat st;

    return masks->mount->has_inode && fstat(dir, &st) == 0 && st.st_dev == masks->mount->device &&
           st.st_ino == masks->mount->inode;
}

/* @name is not there: nothing is to come to be there. */
static int cover_missing(const struct masks *masks, int dir, const char *name)
{
    bool overlay = is_overlay(dir);
    int fd, r;

    if (is_read_only(dir) || device_of(dir) == masks->root)
        return 0;
    if (!overlay && !is_own_filesystem(dir))
        return is_known(masks, dir) ? 0 : -ESTALE;
    if (mknodat(dir, name, PLACEHOLDER, 0) < 0)
        return overlay && is_refused(errno) ? 0 : -errno;
    fd = open_beneath(dir, name, O_NOFOLLOW);
    r = fd < 0 ? fd : cover(masks, fd);
    fd_close(&fd);
    return r;
}

static bool is_placeholder(const struct masks *masks, const struct stat *st)
{
    return masks->mount->has_inode && st->st_mode == PLACEHOLDER &&
           st->st_dev == masks->mount->device && st->st_ino == masks->mount->inode;
}

/* One part of the way is there. Return: 0: that was the last to be done; 1: go on at *dir; negative
 * errno. Takes @fd. */
static int pass(const struct masks *masks, int fd, bool last, int *dir)
{
    struct stat st;
    int r = fstat(fd, &st) < 0 ? -errno : 1;

    if (r > 0 && !last && S_ISLNK(st.st_mode))
        r = -ELOOP;
    if (r > 0 && (last || is_placeholder(masks, &st))) {
        r = cover(masks, fd);
        fd_close(&fd);
        return r;
    }
    if (r > 0) {
        *dir = pin(fd_take(&fd), masks->root);
        r = *dir < 0 ? *dir : S_ISDIR(st.st_mode) ? 1 : 0;
    }
    fd_close(&fd);
    return r;
}

static int mask(const struct masks *masks)
{
    const char *path = (char *)masks->mount->target.data + 1;
    char part[NAME_MAX + 1];
    int dir = fd_copy(masks->init->root, 3), r = dir < 0 ? dir : 1;

    while (r > 0) {
        size_t len = next_part(path, part);
        int next = len ? open_beneath(dir, part, O_NOFOLLOW) : -ENAMETOOLONG;

        if (next == -ENOENT)
            r = cover_missing(masks, dir, part);
        fd_close(&dir);
        if (next < 0)
            return next == -ENOENT ? r : next;
        r = pass(masks, next, !path[len], &dir);
        path += len + 1;
    }
    fd_close(&dir);
    return r;
}

int make_masks(struct init *init)
{
    struct masks masks = {.init = init, .empty = -1};
    int r = 0;

    for (size_t i = 0; r == 0 && i < init->plan->n_mounts; i++) {
        masks.mount = init->plan->mounts[i];
        if (masks.mount->type != CRIB__MOUNT_PLAN__TYPE__mask)
            continue;
        if (masks.empty < 0)
            r = make_empty(&masks);
        if (r == 0)
            r = mask(&masks);
        if (r < 0)
            return failed(init, STEP_mask, r, (int)i);
    }
    if (masks.empty >= 0) {
        r = detach(masks.empty);
        fd_close(&masks.empty);
    }
    return r < 0 ? failed(init, STEP_mask, r, -1) : 0;
}
