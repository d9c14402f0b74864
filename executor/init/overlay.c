/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overlays: a tree of the host to look at, and a file system in memory that takes up what is
 * written to it.
 *
 * Theory of operation: the layers are given by paths that start in a stage, the file system in
 * memory with the three directories `lower`, `upper` and `work`. While the overlay is made the
 * stage is mounted over the new root, which everybody else reaches by its fd; then it is detached,
 * and the overlay keeps what it needs by mounts of its own. Of the stage nothing is to be seen
 * inside. `userxattr`, since in a user namespace marks in `trusted.` cannot be set.
 *
 * Where changes are asked for, the upper directory goes to the parent before the task starts: then
 * nothing that the task does, and no way to end, can keep it from there.
 * Source: Documentation/filesystems/overlayfs.rst of the kernel
 */
#include "init/init.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/mount.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "init/filesystem.h"

/* <sys/mount.h> of glibc 2.36 and <linux/mount.h> clash; these are from the former. */
#define MNT_DETACH 2
int umount2(const char *target, int flags);

#define MAX_OVERLAYS 160 /* more than a plan has mounts */

static dev_t overlays[MAX_OVERLAYS];
static size_t overlay_count;

bool is_overlay(int dir)
{
    struct stat st;

    if (fstat(dir, &st) < 0)
        return false;
    for (size_t i = 0; i < overlay_count; i++)
        if (overlays[i] == st.st_dev)
            return true;
    return false;
}

static void note_overlay(int mount)
{
    struct stat st;

    if (overlay_count < MAX_OVERLAYS && fstat(mount, &st) == 0)
        overlays[overlay_count++] = st.st_dev;
}

static int make_stage(const Crib__MountPlan *mount)
{
    char size[24], inodes[24];
    const struct option options[] = {
        {"size", size}, {"nr_inodes", inodes}, {"mode", "0700"}, {NULL, NULL}};

    snprintf(size, sizeof(size), "%" PRIu64, mount->size);
    /* Those that the stage itself takes are not the task's. */
    snprintf(inodes, sizeof(inodes), "%" PRIu64,
             mount->inodes < UINT64_MAX - 8 ? mount->inodes + 8 : mount->inodes);
    return make_filesystem("tmpfs", options,
                           MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
}

/*
 * The top of the tree has the owner and the mode of the upper directory. Where the sandbox does not
 * have the owner's id, it is the task's: what is written there is memory.
 */
static int dress_upper(const struct init *init, int upper, int lower)
{
    struct stat st;
    mode_t mode;

    if (fstat(lower, &st) < 0)
        return -errno;
    mode = st.st_mode & 01777;
    if (fchown(upper, st.st_uid, (gid_t)-1) < 0) {
        mode |= S_IRWXU;
        if (fchown(upper, init->plan->ids->uid, (gid_t)-1) < 0)
            return -errno;
    }
    if (fchown(upper, (uid_t)-1, st.st_gid) < 0 &&
        fchown(upper, (uid_t)-1, init->plan->ids->gid) < 0)
        return -errno;
    return fchmod(upper, mode) < 0 ? -errno : 0;
}

/* Attaches at a directory of the stage. */
static int attach_in(const char *name, int mount)
{
    int place = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int r = place < 0 ? -errno : attach(mount, place);

    fd_close(&place);
    return r;
}

/*
 * An overlay shows what is beneath the mounts inside its source, in place of what they show. Only
 * what has none can be unmounted at once, and so a copy of it is.
 */
static int check_inside(int lower)
{
    int tree = clone_mount(lower), r = tree < 0 ? tree : attach_in("work", tree);

    fd_close(&tree);
    if (r == 0 && umount2("work", 0) < 0) {
        r = errno == EBUSY ? -EXDEV : -errno;
        umount2("work", MNT_DETACH);
    }
    return r;
}

/* In the stage. Return: 0; negative errno. */
static int set_stage(const struct init *init, int lower, int *ret_upper)
{
    int r;

    if (mkdir("lower", 0700) < 0 || mkdir("upper", 0700) < 0 || mkdir("work", 0700) < 0)
        return -errno;
    *ret_upper = open("upper", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*ret_upper < 0)
        return -errno;
    r = dress_upper(init, *ret_upper, lower);
    if (r == 0)
        r = attach_in("lower", lower);
    return r < 0 ? r : check_inside(lower);
}

static int make_overlay(const Crib__MountPlan *mount)
{
    static const struct option options[] = {{"lowerdir", "lower"},
                                            {"upperdir", "upper"},
                                            {"workdir", "work"},
                                            {"userxattr", NULL},
                                            {NULL, NULL}};

    return make_filesystem("overlay", options,
                           MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
                               (mount->exec ? 0 : MOUNT_ATTR_NOEXEC));
}

/* Return: the overlay's mount; negative errno. */
static int build(const struct init *init, const Crib__MountPlan *mount, int lower, int *ret_upper)
{
    int stage = make_stage(mount), overlay, r = stage;

    if (r >= 0)
        r = attach(stage, init->root);
    if (r < 0) {
        fd_close(&stage);
        return r;
    }
    r = fchdir(stage) < 0 ? -errno : set_stage(init, lower, ret_upper);
    overlay = r < 0 ? r : make_overlay(mount);
    r = detach(stage);
    fd_close(&stage);
    if (r < 0 && overlay >= 0)
        fd_close(&overlay);
    if (chdir("/") < 0)
        r = -errno;
    return r < 0 ? r : overlay;
}

int mount_overlay(struct init *init, const Crib__MountPlan *mount, int lower, int index)
{
    int upper = -1, overlay = build(init, mount, lower, &upper), r = overlay;

    fd_close(&lower);
    if (r >= 0)
        note_overlay(overlay);
    if (r >= 0 && mount->keep > CRIB__MOUNT__KEEP__discard)
        r = report_upper(init, index, upper);
    fd_close(&upper);
    if (r < 0) {
        fd_close(&overlay);
        return failed(init, r == -EXDEV ? STEP_inside : STEP_overlay, r, index);
    }
    return overlay;
}
