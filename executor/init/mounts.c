/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mounts: a root of our own, filled in the plan's order, then the host's let go.
 *
 * Theory of operation: each bind is a detached tree, sent by a privileged parent or made here from
 * the path and compared with what the parent had checked. The root is a tmpfs laid over "/" and
 * reached by its mount fd; the trees were made before, lest one of "/" hold the new root too.
 * pivot_root(".", ".") makes it ours; the old one is detached, and the new one made read-only. All
 * of it is done by the task's process: what is prepared ahead waits between the two halves.
 * Source: mount_setattr(2), move_mount(2), pivot_root(2)
 */
#include "init/init.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "init/filesystem.h"

/* <sys/mount.h> of glibc 2.36 and <linux/mount.h> clash; these are from the former. */
#define MNT_DETACH 2
int umount2(const char *target, int flags);

/* What is under an overlay is never written. */
static uint64_t attributes(const Crib__MountPlan *mount)
{
    bool write = mount->write && mount->type != CRIB__MOUNT_PLAN__TYPE__overlay;

    return MOUNT_ATTR_NOSUID | (write ? 0 : MOUNT_ATTR_RDONLY) |
           (mount->exec ? 0 : MOUNT_ATTR_NOEXEC) | (mount->dev ? 0 : MOUNT_ATTR_NODEV);
}

/* The root must hold no more than names and the files of the plan: a small cap serves. */
static int make_root(struct init *init)
{
    static const struct option options[] = {
        {"size", "16m"}, {"nr_inodes", "16384"}, {"mode", "0755"}, {NULL, NULL}};
    int slash = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int r = slash < 0 ? -errno : 0;

    if (r == 0)
        init->root = r = make_filesystem("tmpfs", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
    if (r >= 0) {
        own_filesystem(init->root);
        r = attach(init->root, slash);
    }
    fd_close(&slash);
    return r < 0 ? failed(init, STEP_root, r, -1) : 0;
}

/* Opens the path again, in our own mount namespace, and holds it to what was checked. */
static int open_source(struct init *init, const Crib__MountPlan *mount, int index)
{
    struct open_how how = {
        .flags = O_PATH | O_CLOEXEC,
        .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    struct stat st;
    int fd = (int)syscall(SYS_openat2, AT_FDCWD, mount->source.data, &how, sizeof(how));

    if (fd < 0)
        return failed(init, STEP_source, -errno, index);
    if (fstat(fd, &st) < 0 || st.st_dev != mount->device || st.st_ino != mount->inode) {
        fd_close(&fd);
        return failed(init, STEP_changed, -ESTALE, index);
    }
    return fd;
}

static int clone_source(struct init *init, const Crib__MountPlan *mount, int index)
{
    struct mount_attr attr = {.attr_set = attributes(mount),
                              .propagation = 1 << 18 /* MS_PRIVATE */};
    int fd = open_source(init, mount, index), tree;

    if (fd < 0)
        return fd;
    tree = clone_mount(fd);
    if (tree < 0)
        tree = failed(init, STEP_source, tree, index);
    fd_close(&fd);
    if (tree >= 0 && syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr,
                             sizeof(attr)) < 0) {
        int r = failed(init, STEP_attributes, -errno, index);

        fd_close(&tree);
        return r;
    }
    return tree;
}

static int find_tree(struct init *init, const Crib__MountPlan *mount, int index)
{
    if (mount->tree < 0)
        return clone_source(init, mount, index);
    if ((size_t)mount->tree >= init->tree_count)
        return failed(init, STEP_source, -EPROTO, index);
    return fd_take(&init->trees[mount->tree]);
}

/* Fills for each mount from @first on its tree, -1 where it has none. */
static int find_trees(struct init *init, int *trees, size_t first)
{
    for (size_t i = first; i < init->plan->n_mounts; i++) {
        trees[i] = -1;
        if (init->plan->mounts[i]->type != CRIB__MOUNT_PLAN__TYPE__bind &&
            init->plan->mounts[i]->type != CRIB__MOUNT_PLAN__TYPE__overlay)
            continue;
        trees[i] = find_tree(init, init->plan->mounts[i], (int)i);
        if (trees[i] < 0)
            return trees[i];
    }
    return 0;
}

static int mount_tmpfs(struct init *init, const Crib__MountPlan *mount, int index)
{
    char size[24], inodes[24], mode[16], uid[16], gid[16];
    const struct option options[] = {{"size", size}, {"nr_inodes", inodes}, {"mode", mode},
                                     {"uid", uid},   {"gid", gid},          {NULL, NULL}};
    int fd;

    snprintf(size, sizeof(size), "%" PRIu64, mount->size);
    snprintf(inodes, sizeof(inodes), "%" PRIu64, mount->inodes);
    snprintf(mode, sizeof(mode), "%o", mount->mode);
    snprintf(uid, sizeof(uid), "%u", init->plan->ids->uid);
    snprintf(gid, sizeof(gid), "%u", init->plan->ids->gid);
    fd = make_filesystem("tmpfs", options, attributes(mount));
    if (fd < 0)
        return failed(init, STEP_filesystem, fd, index);
    own_filesystem(fd);
    return fd;
}

static int mount_proc(struct init *init, const Crib__MountPlan *mount, int index)
{
    int fd = make_filesystem("proc", NULL, attributes(mount));

    return fd < 0 ? failed(init, STEP_filesystem, fd, index) : fd;
}

/* The kernel counts the ptys of all together: no task is to have them all. */
int make_devpts(const struct init *init, unsigned mode)
{
    char slaves[16], uid[16], gid[16];
    const struct option options[] = {{"max", "64"}, {"ptmxmode", "666"}, {"mode", slaves},
                                     {"uid", uid},  {"gid", gid},        {NULL, NULL}};

    snprintf(slaves, sizeof(slaves), "%o", mode);
    snprintf(uid, sizeof(uid), "%u", init->plan->ids->uid);
    snprintf(gid, sizeof(gid), "%u", init->plan->ids->gid);
    return make_filesystem("devpts", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
}

static int mount_devpts(struct init *init, const Crib__MountPlan *mount, int index)
{
    int fd = make_devpts(init, mount->mode), r;

    if (fd < 0)
        return failed(init, STEP_filesystem, fd, index);
    r = open_master(init, fd);
    if (r < 0)
        fd_close(&fd);
    return r < 0 ? r : fd;
}

/* The kernel says only EINVAL when a file and a directory meet. */
static int check_kinds(int target, bool dir)
{
    struct stat st;

    if (fstat(target, &st) < 0)
        return -errno;
    if (dir == !!S_ISDIR(st.st_mode))
        return 0;
    return dir ? -ENOTDIR : -EISDIR;
}

/* Takes @mount_fd; creates the target and attaches. */
static int attach_at(struct init *init, const Crib__MountPlan *mount, int mount_fd, int index)
{
    bool dir = mount->type != CRIB__MOUNT_PLAN__TYPE__bind || mount->is_dir;
    int target, r;

    if (mount_fd < 0)
        return mount_fd;
    /* What cannot be written is not to be moved away by its directory, and made anew. */
    r = !mount->write ? pin_parents(init, (char *)mount->target.data) : 0;
    if (r < 0) {
        fd_close(&mount_fd);
        return failed(init, STEP_attach, r, index);
    }
    target = make_target(init->root, (char *)mount->target.data, dir ? S_IFDIR : S_IFREG,
                         dir ? 0755 : 0444);
    if (target < 0) {
        r = failed(init, STEP_target, target, index);
    } else {
        r = check_kinds(target, dir);
        if (r == 0)
            r = attach(mount_fd, target);
        if (r < 0)
            r = failed(init, STEP_attach, r, index);
    }
    fd_close(&target);
    fd_close(&mount_fd);
    return r;
}

static int write_file(int parent, const char *name, const Crib__MountPlan *mount)
{
    int fd =
        openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mount->mode);
    int r = fd < 0 ? -errno : fd_write_all(fd, mount->content.data, mount->content.len);

    fd_close(&fd);
    return r;
}

/* Names in the root itself: symlinks, files, directories. */
static int make_name(struct init *init, const Crib__MountPlan *mount, int index)
{
    const char *name;
    int parent = make_parent(init->root, (char *)mount->target.data, &name), r;

    if (parent < 0)
        return failed(init, STEP_target, parent, index);
    if (!is_own_filesystem(parent))
        r = -EROFS;
    else if (mount->type == CRIB__MOUNT_PLAN__TYPE__symlink)
        r = symlinkat((char *)mount->source.data, parent, name) < 0 ? -errno : 0;
    else if (mount->type == CRIB__MOUNT_PLAN__TYPE__file)
        r = write_file(parent, name, mount);
    else
        r = mkdirat(parent, name, mount->mode) < 0 && errno != EEXIST ? -errno : 0;
    fd_close(&parent);
    return r < 0 ? failed(init, STEP_write, r, index) : 0;
}

static int make_mount(struct init *init, int index, int tree)
{
    const Crib__MountPlan *mount = init->plan->mounts[index];

    switch (mount->type) {
    case CRIB__MOUNT_PLAN__TYPE__bind:
        return attach_at(init, mount, tree, index);
    case CRIB__MOUNT_PLAN__TYPE__tmpfs:
        return attach_at(init, mount, mount_tmpfs(init, mount, index), index);
    case CRIB__MOUNT_PLAN__TYPE__overlay:
        return attach_at(init, mount, mount_overlay(init, mount, tree, index), index);
    case CRIB__MOUNT_PLAN__TYPE__mask:
        return 0; /* at last, by make_masks() */
    case CRIB__MOUNT_PLAN__TYPE__proc:
        return attach_at(init, mount, mount_proc(init, mount, index), index);
    case CRIB__MOUNT_PLAN__TYPE__devpts:
        return attach_at(init, mount, mount_devpts(init, mount, index), index);
    default:
        return make_name(init, mount, index);
    }
}

static bool is_root(int mount)
{
    struct stat at = {0}, root = {0};

    return fstat(mount, &at) == 0 && stat("/", &root) == 0 && at.st_dev == root.st_dev &&
           at.st_ino == root.st_ino;
}

static bool is_read_only(int mount)
{
    struct statvfs fs = {0};

    return fstatvfs(mount, &fs) == 0 && fs.f_flag & ST_RDONLY;
}

/* The root of all processes that had the old one; init, who waits for us, among them. */
static int change_root(struct init *init)
{
    if (fchdir(init->root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
        umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
        return failed(init, STEP_pivot, -errno, -1);
    if (!is_root(init->root))
        return untrue(init, STEP_pivot, -1);
    return 0;
}

static int make_read_only(struct init *init)
{
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};

    if (syscall(SYS_mount_setattr, init->root, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
        return failed(init, STEP_read_only, -errno, -1);
    if (!is_read_only(init->root))
        return untrue(init, STEP_read_only, -1);
    fd_close(&init->root);
    return 0;
}

/* Those of the plan that come from @first on. */
static int make_from(struct init *init, size_t first)
{
    size_t count = init->plan->n_mounts;
    int *trees = arena_alloc(&init->arena, (count + 1) * sizeof(*trees));
    int r = trees ? find_trees(init, trees, first) : failed(init, STEP_root, -ENOMEM, -1);

    if (r == 0 && init->root < 0)
        r = make_root(init);
    for (size_t i = first; r >= 0 && i < count; i++)
        r = make_mount(init, (int)i, trees[i]);
    return r < 0 ? r : 0;
}

/* Where more is to come that is found by its path, the host's root is still needed. */
int make_mounts(struct init *init)
{
    int r;

    if (!init->plan->namespaces->mount)
        return 0;
    if (is_pretended(SYS_mount_setattr, -1, 0, -1, 0, 0))
        return untrue(init, STEP_attributes, -1);
    if (is_pretended(SYS_move_mount, -1, 0, -1, 0, -1))
        return untrue(init, STEP_attach, -1);
    r = make_from(init, 0);
    init->made = init->plan->n_mounts;
    if (r < 0 || !init->plan->more || !init->plan->trees_only)
        return r;
    init->inside = true;
    return change_root(init);
}

int finish_mounts(struct init *init)
{
    int r = 0;

    if (!init->plan->namespaces->mount)
        return 0;
    if (init->plan->more)
        r = make_from(init, init->made);
    if (r == 0)
        r = make_masks(init);
    if (r >= 0 && !init->inside)
        r = change_root(init);
    return r < 0 ? r : make_read_only(init);
}
