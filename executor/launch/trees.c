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

int make_trees(const Crib__Plan *plan, const struct host_fds *paths, int *ret_trees,
               struct crib_error *err)
{
    int count = 0;

    for (size_t i = 0; i < plan->n_mounts; i++) {
        const Crib__MountPlan *mount = plan->mounts[i];
        int tree;

        if ((mount->type != CRIB__MOUNT_PLAN__TYPE__bind &&
             mount->type != CRIB__MOUNT_PLAN__TYPE__overlay) ||
            mount->tree < 0)
            continue;
        tree =
            mount->tree == count && mount->host_path < paths->count
                ? make_tree(mount, paths->fd[mount->host_path], (int)i, err)
                : fail_text(err, -EPROTO, "mounts", (int)i, NULL, "the plan numbers no such tree");
        if (tree < 0) {
            while (count > 0)
                fd_close(&ret_trees[--count]);
            return tree;
        }
        ret_trees[count++] = tree;
    }
    return count;
}
