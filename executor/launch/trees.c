/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bind sources as detached mount trees, made by a parent that may: what init attaches is then the
 * very object that was checked, whatever has become of its path.
 * Source: open_tree(2), mount_setattr(2)
 */
#include "launch/parts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"

#define PRIVATE (1 << 18) /* MS_PRIVATE; <sys/mount.h> and <linux/mount.h> clash */

/* What is under an overlay is never written. */
static uint64_t attributes(const Crib__MountPlan *mount)
{
    bool write = mount->write && mount->type == CRIB__MOUNT_PLAN__TYPE__bind;

    return MOUNT_ATTR_NOSUID | (write ? 0 : MOUNT_ATTR_RDONLY) |
           (mount->exec ? 0 : MOUNT_ATTR_NOEXEC) | (mount->dev ? 0 : MOUNT_ATTR_NODEV);
}

static int make_tree(const Crib__MountPlan *mount, int source, int index, struct crib_error *err)
{
    struct mount_attr attr = {.attr_set = attributes(mount), .propagation = PRIVATE};
    const char *path = (const char *)mount->target.data;
    int tree = (int)syscall(SYS_open_tree, source, "",
                            AT_EMPTY_PATH | AT_RECURSIVE | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    struct stumble at = {"mounts", index, path, "bind source", "open_tree (Linux 5.2)"};

    if (tree < 0)
        return launch_fail(err, -errno, &at);
    if (syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)) <
        0) {
        int code = -errno;

        fd_close(&tree);
        at.what = "set attributes";
        at.takes = "mount_setattr (Linux 5.12)";
        return launch_fail(err, code, &at);
    }
    return tree;
}

static bool wants_tree(const Crib__MountPlan *mount)
{
    return (mount->type == CRIB__MOUNT_PLAN__TYPE__bind ||
            mount->type == CRIB__MOUNT_PLAN__TYPE__overlay) &&
           mount->tree >= 0;
}

size_t count_trees(const Crib__Plan *plan, size_t end)
{
    size_t count = 0;

    for (size_t i = 0; i < end; i++)
        count += wants_tree(plan->mounts[i]);
    return count;
}

int make_trees(const Crib__Plan *plan, size_t first, size_t end, size_t from,
               const struct host_fds *paths, struct trees *ret, struct crib_error *err)
{
    ret->count = 0;
    for (size_t i = first; i < end; i++) {
        const Crib__MountPlan *mount = plan->mounts[i];
        int tree;

        if (!wants_tree(mount))
            continue;
        tree = (size_t)mount->tree == from + ret->count && mount->host_path < paths->count &&
                       ret->count < PLAN_TREES
                   ? make_tree(mount, paths->fd[mount->host_path], (int)i, err)
                   : fail_text(err, -EPROTO, "mounts", (int)i, NULL, "the plan numbers no such tree");
        if (tree < 0) {
            trees_done(ret);
            return tree;
        }
        ret->fd[ret->count++] = tree;
    }
    return 0;
}

void trees_done(struct trees *trees)
{
    while (trees->count > 0)
        fd_close(&trees->fd[--trees->count]);
}
