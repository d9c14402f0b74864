/* SPDX-License-Identifier: Apache-2.0 */
#include "host/files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/auto.h"

/* 0 to 2 may be closed in the caller, and nothing of ours may take their place. */
static int above_standard(int fd)
{
    int copy;

    if (fd < 0)
        return -errno;
    if (fd > 2)
        return fd;
    copy = fd_copy(fd, 3);
    close(fd);
    return copy;
}

static int open_at(int dir, const char *path, uint64_t flags, mode_t mode)
{
    struct open_how how = {
        .flags = flags | O_CLOEXEC,
        .mode = mode,
        .resolve = RESOLVE_NO_MAGICLINKS,
    };

    return above_standard((int)syscall(SYS_openat2, dir, path, &how, sizeof(how)));
}

/* Where a failure is told. */
struct place {
    const char *subject, *step;
    int index;
    struct crib_error *err;
};

static int refuse_kind(const struct place *at, mode_t mode)
{
    const char *kind = S_ISDIR(mode)                    ? "a directory"
                       : S_ISLNK(mode)                  ? "a symlink"
                       : S_ISFIFO(mode)                 ? "a pipe"
                       : S_ISSOCK(mode)                 ? "a socket"
                       : S_ISCHR(mode) || S_ISBLK(mode) ? "a device"
                                                        : "something else";
    int code = S_ISDIR(mode) ? -EISDIR : S_ISLNK(mode) ? -ELOOP : -EINVAL;

    return fail_text(at->err, code, at->step, at->index, at->subject, "%s, not a regular file",
                     kind);
}

static int check_file(const struct place *at, int fd, uint64_t max)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return fail_sys(at->err, -errno, at->step, at->index, at->subject, NULL);
    if (!S_ISREG(st.st_mode))
        return refuse_kind(at, st.st_mode);
    if ((uint64_t)st.st_size > max)
        return fail_text(at->err, -EFBIG, at->step, at->index, at->subject,
                         "%lld bytes, over its cap of %" PRIu64, (long long)st.st_size, max);
    return 0;
}

int host_source_open(const char *path, uint64_t max, const char *step, int index,
                     struct crib_error *err)
{
    const struct place at = {path, step, index, err};
    AUTO_FD int look = open_at(AT_FDCWD, path, O_PATH | O_NOFOLLOW, 0);
    char link[32];
    int fd, r;

    if (look < 0) {
        r = look;
        look = -1;
        return fail_sys(err, r, step, index, path, "source");
    }
    r = check_file(&at, look, max);
    if (r < 0)
        return r;
    snprintf(link, sizeof(link), "/proc/self/fd/%d", look);
    fd = above_standard(open(link, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    return fd < 0 ? fail_sys(err, fd, step, index, path, "source") : fd;
}

static int check_access(const struct place *at, int fd, int wrong, const char *what)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0)
        return fail_text(at->err, -EBADF, at->step, at->index, at->subject, "fd %d is not open",
                         fd);
    if ((flags & O_ACCMODE) == wrong || flags & O_PATH)
        return fail_text(at->err, -EBADF, at->step, at->index, at->subject,
                         "the fd is not open for %s", what);
    return 0;
}

int host_source_check(int fd, const char *name, uint64_t max, const char *step, int index,
                      struct crib_error *err)
{
    const struct place at = {name, step, index, err};
    int r = check_access(&at, fd, O_WRONLY, "reading");

    return r < 0 ? r : check_file(&at, fd, max);
}

int host_target_check(int fd, const char *name, const char *step, int index, struct crib_error *err)
{
    const struct place at = {name, step, index, err};
    int r = check_access(&at, fd, O_RDONLY, "writing");

    return r < 0 ? r : check_file(&at, fd, UINT64_MAX);
}

/* Its directory as an O_PATH fd, and the last name. Return: 0; negative errno. */
static int open_parent(const char *path, int *ret_dir, char **ret_name)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    AUTO_FREE char *parent = slash == path ? strdup("/")
                             : slash       ? strndup(path, (size_t)(slash - path))
                                           : strdup(".");
    AUTO_FD int dir = -1;

    if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return -EISDIR;
    if (!parent)
        return -ENOMEM;
    dir = open_at(AT_FDCWD, parent, O_PATH | O_DIRECTORY, 0);
    if (dir < 0) {
        int r = dir;

        dir = -1;
        return r;
    }
    *ret_name = strdup(name);
    if (!*ret_name)
        return -ENOMEM;
    *ret_dir = fd_take(&dir);
    return 0;
}

int host_target_make(const char *path, struct host_target *ret, const char *step, int index,
                     struct crib_error *err)
{
    struct host_target target = HOST_TARGET_NONE;
    struct stat st;
    int r = open_parent(path, &target.dir, &target.name);

    if (r == 0) {
        target.fd = open_at(target.dir, target.name,
                            O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY, 0666);
        r = target.fd < 0 ? target.fd : 0;
    }
    if (r == 0 && fstat(target.fd, &st) < 0)
        r = -errno;
    if (r < 0) {
        target.fd = target.fd < 0 ? -1 : target.fd;
        host_target_done(&target, true);
        return fail_sys(err, r, step, index, path, "target");
    }
    target.dev = st.st_dev;
    target.ino = st.st_ino;
    *ret = target;
    return 0;
}

void host_target_done(struct host_target *target, bool keep)
{
    struct stat st;

    if (!keep && target->name &&
        fstatat(target->dir, target->name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        st.st_dev == target->dev && st.st_ino == target->ino)
        unlinkat(target->dir, target->name, 0);
    fd_close(&target->fd);
    fd_close(&target->dir);
    free(target->name);
    target->name = NULL;
}
