/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where mounts go. Every path is walked beneath the new root and through no symlink, and what is
 * missing is made in our own file systems only: what is bound there before is somebody else's.
 */
#include "init/init.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"

#define MAX_OWN 160 /* more than a plan has mounts */

static dev_t own[MAX_OWN];
static size_t own_count;

void own_filesystem(int mount)
{
    struct stat st;

    if (own_count < MAX_OWN && fstat(mount, &st) == 0)
        own[own_count++] = st.st_dev;
}

bool is_own_filesystem(int dir)
{
    struct stat st;

    if (fstat(dir, &st) < 0)
        return false;
    for (size_t i = 0; i < own_count; i++)
        if (own[i] == st.st_dev)
            return true;
    return false;
}

int open_beneath(int dir, const char *path, uint64_t flags)
{
    struct open_how how = {
        .flags = flags | O_PATH | O_CLOEXEC,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    long fd = syscall(SYS_openat2, dir, path, &how, sizeof(how));

    return fd < 0 ? -errno : (int)fd;
}

/* One directory further down, made when it is not there. Takes @dir. */
static int descend(int dir, const char *name)
{
    int next = open_beneath(dir, name, O_DIRECTORY);

    if (next == -ENOENT && is_own_filesystem(dir)) {
        next = mkdirat(dir, name, 0755) < 0 && errno != EEXIST ? -errno : 0;
        if (next == 0)
            next = open_beneath(dir, name, O_DIRECTORY);
    }
    fd_close(&dir);
    return next;
}

/**
 * make_parent() - The directory that will hold a target, made as far as it is missing
 * @path:     absolute, normal
 * @ret_name: the last component, pointing into @path
 *
 * Return: an O_PATH fd; negative errno
 */
int make_parent(int root, const char *path, const char **ret_name)
{
    char part[NAME_MAX + 1];
    int dir = fd_copy(root, 3);
    const char *slash;

    path++;
    while (dir >= 0 && (slash = strchr(path, '/'))) {
        if ((size_t)(slash - path) > NAME_MAX) {
            fd_close(&dir);
            return -ENAMETOOLONG;
        }
        memcpy(part, path, (size_t)(slash - path));
        part[slash - path] = '\0';
        dir = descend(dir, part);
        path = slash + 1;
    }
    *ret_name = path;
    return dir;
}

int make_target(int root, const char *path, mode_t type, mode_t mode)
{
    const char *name;
    int parent, fd, r = 0;

    fd = open_beneath(root, path + 1, 0);
    if (fd != -ENOENT)
        return fd;
    parent = make_parent(root, path, &name);
    if (parent < 0)
        return parent;
    if (is_own_filesystem(parent)) {
        r = type == S_IFDIR ? mkdirat(parent, name, mode)
                            : mknodat(parent, name, S_IFREG | mode, 0);
        fd = r < 0 && errno != EEXIST ? -errno : open_beneath(parent, name, 0);
    }
    fd_close(&parent);
    return fd;
}
