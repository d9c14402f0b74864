/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a task leaves behind, given to the parent once the program's end has been reported.
 *
 * Theory of operation: first everything else inside is killed and reaped, so that nothing can
 * change, move or replace a file any more: from then on looking and opening cannot be told apart by
 * a race. Each path is walked beneath the root and through no symlink, and must end in a regular
 * file of a file system in memory that is our own, in the same mount as its directory. It is opened
 * for reading, and the fd sent. What is wrong with a file is said by an errno, one for each cause
 * (supervise/left.c has the sentences). A parent that goes away ends this as it ends all else.
 */
#include "init/init.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"

#define PATIENCE_US 5000000 /* for what the kernel does not end at once: it waits for a device */
#define LOOK_NS     50000000

static bool parent_gone(const struct init *init)
{
    struct pollfd parent = {.fd = init->plan->life->detached ? -1 : init->parent, .events = POLLIN};

    return poll(&parent, 1, 0) > 0;
}

/* Ends all but ourselves. Return: 0; -EBUSY something is still there. */
static int settle(const struct init *init)
{
    const struct timespec look = {.tv_nsec = LOOK_NS};
    uint64_t until = clock_us() + PATIENCE_US;
    sigset_t child;
    pid_t pid;

    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    for (;;) {
        kill(-1, SIGKILL);
        while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
            ;
        if (pid < 0 && errno == ECHILD)
            return 0;
        if (clock_us() > until || parent_gone(init))
            return -EBUSY;
        sigtimedwait(&child, NULL, &look);
    }
}

/* Return: an fd; negative errno, -EMLINK for a symlink. */
static int open_in(int dir, const char *name, uint64_t flags)
{
    struct open_how how = {
        .flags = flags | O_CLOEXEC | O_NOFOLLOW,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
    };
    long fd = syscall(SYS_openat2, dir, name, &how, sizeof(how));

    return fd < 0 ? -errno : (int)fd;
}

static int check_kind(const struct stat *st)
{
    switch (st->st_mode & S_IFMT) {
    case S_IFREG:
        return 0;
    case S_IFLNK:
        return -ELOOP;
    case S_IFDIR:
        return -EISDIR;
    case S_IFIFO:
        return -ESPIPE;
    case S_IFSOCK:
        return -ENOTSOCK;
    default:
        return -ENODEV;
    }
}

/* Looked at first: what is no regular file is never opened. */
static int open_file(int dir, const char *name, uint64_t *ret_size)
{
    int look = open_in(dir, name, O_PATH), fd, r;
    struct stat st, opened;

    if (look < 0)
        return look;
    r = fstat(look, &st) < 0 ? -errno : check_kind(&st);
    fd_close(&look);
    if (r < 0)
        return r;
    fd = open_in(dir, name, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return fd;
    if (fstat(fd, &opened) < 0 || opened.st_ino != st.st_ino || opened.st_dev != st.st_dev) {
        fd_close(&fd);
        return -ESTALE;
    }
    *ret_size = (uint64_t)opened.st_size;
    return fd;
}

/* Return: the directory of @path, O_PATH, in a file system of ours; negative errno. */
static int open_parent(const char *path, const char **ret_name)
{
    char parent[PATH_MAX];
    const char *slash = strrchr(path, '/');
    int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), dir;
    size_t len;

    if (root < 0)
        return -errno;
    len = (size_t)(slash - path);
    if (len == 0 || len >= sizeof(parent)) {
        fd_close(&root);
        return len ? -ENAMETOOLONG : -EXDEV;
    }
    memcpy(parent, path + 1, len - 1);
    parent[len - 1] = '\0';
    dir = open_beneath(root, parent, O_DIRECTORY);
    fd_close(&root);
    *ret_name = slash + 1;
    if (dir < 0)
        return dir == -ELOOP ? -EMLINK : dir;
    if (is_own_filesystem(dir) || is_overlay(dir))
        return dir;
    fd_close(&dir);
    return -EXDEV;
}

static int open_left(const char *path, uint64_t *ret_size)
{
    const char *name;
    int dir = open_parent(path, &name), fd;

    if (dir < 0)
        return dir;
    fd = open_file(dir, name, ret_size);
    fd_close(&dir);
    return fd;
}

static void leave_one(struct init *init, size_t index, int settled)
{
    const Crib__FilesPlan__Out *out = init->plan->files->out[index];
    Crib__Report__Left left = CRIB__REPORT__LEFT__INIT;
    uint64_t size = 0;
    int fd = settled < 0 ? settled : open_left((char *)out->path.data, &size), r;

    left.has_index = left.has_size = left.has_code = 1;
    left.index = (uint32_t)index;
    left.size = size;
    left.code = fd < 0 ? fd : 0;
    r = report_left(init, &left, fd);
    if (r < 0 && fd >= 0) { /* the fd could not be sent */
        left.code = r;
        report_left(init, &left, -1);
    }
    if (fd >= 0)
        close(fd);
}

static void leave_files(struct init *init, int settled)
{
    for (size_t i = 0; i < init->plan->files->n_out; i++)
        leave_one(init, i, settled);
}

void leave_behind(struct init *init)
{
    bool files = init->plan->files && init->plan->files->n_out;
    int settled;

    if (!files)
        return;
    settled = settle(init);
    fcntl(init->control, F_SETFL, 0); /* nobody else waits for us now, but a slow parent may */
    if (files)
        leave_files(init, settled);
}
