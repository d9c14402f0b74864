/* SPDX-License-Identifier: Apache-2.0 */
#include "host/host.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/auto.h"

static int open_path(const char *path, uint64_t flags, uint64_t resolve)
{
    struct open_how how = {
        .flags = O_PATH | O_CLOEXEC | flags,
        .resolve = RESOLVE_NO_MAGICLINKS | resolve,
    };
    long fd = syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));

    return fd < 0 ? -errno : (int)fd;
}

static Crib__HostPath__Kind kind_of(const struct stat *st)
{
    switch (st->st_mode & S_IFMT) {
    case S_IFDIR:
        return CRIB__HOST_PATH__KIND__dir;
    case S_IFREG:
        return CRIB__HOST_PATH__KIND__file;
    case S_IFLNK:
        return CRIB__HOST_PATH__KIND__link;
    case S_IFCHR:
    case S_IFBLK:
        return CRIB__HOST_PATH__KIND__device;
    default:
        return CRIB__HOST_PATH__KIND__other;
    }
}

/* Out of descriptors or memory is the caller's trouble; all else is a fact about the path. */
static int not_opened(Crib__HostPath *fact, bool is_end, int code)
{
    Crib__HostPath__Kind kind = code == -ENOENT || code == -ENOTDIR
                                    ? CRIB__HOST_PATH__KIND__missing
                                    : CRIB__HOST_PATH__KIND__unreadable;

    if (code == -EMFILE || code == -ENFILE || code == -ENOMEM)
        return code;
    fact->has_code = true;
    fact->code = code;
    if (is_end) {
        fact->has_end = true;
        fact->end = kind;
    } else {
        fact->kind = kind;
    }
    return 0;
}

static int read_link(Crib__HostPath *fact, int fd, struct arena *arena)
{
    char text[PATH_MAX];
    ssize_t n = readlinkat(fd, "", text, sizeof(text));

    if (n < 0)
        return -errno;
    fact->text = arena_bytes(arena, text, (size_t)n);
    fact->has_text = true;
    return fact->text.data ? 0 : -ENOMEM;
}

/* Where an open file is now. Without proc, or when it was unlinked meanwhile, there is no answer.
 */
static int read_real(Crib__HostPath *fact, int fd, struct arena *arena)
{
    char link[32], text[PATH_MAX];
    ssize_t n;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, text, sizeof(text));
    if (n < 0)
        return errno == ENOENT && access("/proc/self/fd", F_OK) < 0 ? -EOPNOTSUPP : -errno;
    if (n == (ssize_t)sizeof(text))
        return -ENAMETOOLONG;
    if (text[0] != '/')
        return -EXDEV;
    fact->real = arena_bytes(arena, text, (size_t)n);
    fact->has_real = true;
    return fact->real.data ? 0 : -ENOMEM;
}

static void tell(Crib__HostPath *fact, bool is_end, const struct stat *st)
{
    if (is_end) {
        fact->has_end = true;
        fact->end = kind_of(st);
    } else {
        fact->kind = kind_of(st);
    }
    fact->has_dev = fact->has_ino = fact->has_mode = true;
    fact->dev = st->st_dev;
    fact->ino = st->st_ino;
    fact->mode = st->st_mode & 07777;
}

/* What the object itself is; *fd is kept only when all of it could be told. */
static int describe(Crib__HostPath *fact, bool is_end, int *fd, struct arena *arena)
{
    struct stat st;
    int r;

    if (fstat(*fd, &st) < 0)
        r = -errno;
    else
        r = read_real(fact, *fd, arena);
    if (r < 0) {
        fd_close(fd);
        return not_opened(fact, is_end, r);
    }
    tell(fact, is_end, &st);
    return 0;
}

/* A symlink's own fd is of no use; what it leads to takes its place. */
static int follow(Crib__HostPath *fact, const char *path, int *fd, struct arena *arena)
{
    int r = read_link(fact, *fd, arena);

    fd_close(fd);
    fact->kind = CRIB__HOST_PATH__KIND__link;
    if (r < 0)
        return r;
    r = open_path(path, 0, 0);
    if (r < 0)
        return not_opened(fact, true, r);
    *fd = r;
    return describe(fact, true, fd, arena);
}

/* Whether each of its parts is a name. */
static bool is_literal(const char *path)
{
    while (*path == '/') {
        size_t len = strcspn(++path, "/");

        if (len == 0 || (path[0] == '.' && (len == 1 || (len == 2 && path[1] == '.'))))
            return false;
        path += len;
    }
    return true;
}

/* Most paths lead through no symlink: then they say themselves where the object is. Return: whether
 * this one does. */
static bool look_straight(Crib__HostPath *fact, const char *path, int *ret_fd)
{
    AUTO_FD int fd = is_literal(path) ? open_path(path, 0, RESOLVE_NO_SYMLINKS) : -EINVAL;
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0)
        return false;
    tell(fact, false, &st);
    fact->has_real = true;
    fact->real = fact->path;
    *ret_fd = fd_take(&fd);
    return true;
}

static int look(const char *path, struct arena *arena, Crib__HostPath *fact, int *ret_fd)
{
    AUTO_FD int fd = -1;
    struct stat st;
    int r;

    fact->has_kind = true;
    fact->path = arena_bytes(arena, path, strlen(path));
    fact->has_path = true;
    if (!fact->path.data)
        return -ENOMEM;
    if (look_straight(fact, path, ret_fd))
        return 0;
    fd = open_path(path, O_NOFOLLOW, 0);
    if (fd < 0) {
        r = fd;
        fd = -1;
        return not_opened(fact, false, r);
    }
    if (fstat(fd, &st) == 0 && S_ISLNK(st.st_mode))
        r = follow(fact, path, &fd, arena);
    else
        r = describe(fact, false, &fd, arena);
    if (r == 0)
        *ret_fd = fd_take(&fd);
    return r;
}

int host_paths(const char *const *paths, size_t count, struct arena *arena, Crib__Host *host,
               struct host_fds *fds)
{
    *fds = (struct host_fds){.fd = calloc(count ? count : 1, sizeof(int))};
    if (!fds->fd)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        Crib__HostPath *fact = ARENA_NEW(arena, crib__host_path, Crib__HostPath);
        int r = fact ? 0 : -ENOMEM;

        if (r == 0 && paths[i][0] != '/')
            r = -EINVAL;
        fds->fd[fds->count++] = -1;
        if (r == 0)
            r = look(paths[i], arena, fact, &fds->fd[i]);
        if (r == 0)
            r = arena_push(arena, &host->paths, &host->n_paths, fact);
        if (r < 0) {
            host_fds_done(fds);
            return r;
        }
    }
    return 0;
}

void host_fds_done(struct host_fds *fds)
{
    for (size_t i = 0; i < fds->count; i++)
        fd_close(&fds->fd[i]);
    free(fds->fd);
    if (fds->own > 0)
        fd_close(&fds->own);
    *fds = (struct host_fds){0};
}
