/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A socket of our own.
 *
 * Theory of operation: whoever holds PATH.lock owns PATH. The lock is taken first; then the file at
 * PATH can only be a dead daemon's, or of somebody who knows nothing of the lock: such a one is
 * asked, by connecting. The lock file is removed by its holder, so who gets the lock of a file that
 * is no longer there begins anew.
 */
#include "daemon/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/auto.h"

#define STEP    "listen"
#define BACKLOG 4096 /* the kernel lowers it to net.core.somaxconn */

static int address_of(const char *path, struct sockaddr_un *ret, struct crib_error *err)
{
    size_t len = strlen(path);

    if (len == 0)
        return fail_sys(err, -EINVAL, STEP, -1, path, NULL);
    if (len >= sizeof(ret->sun_path))
        return fail_sys(err, -ENAMETOOLONG, STEP, -1, path, NULL);
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(ret->sun_path, path, len);
    return 0;
}

/* Who may rename what is in a directory: its owner, and those who may write to it, unless it is
 * sticky. */
static int check_directory(const char *path, struct crib_error *err)
{
    AUTO_FREE char *copy = strdup(path);
    const char *dir = copy ? dirname(copy) : NULL;
    struct stat st;

    if (!dir)
        return fail_sys(err, -ENOMEM, STEP, -1, NULL, NULL);
    if (stat(dir, &st) < 0)
        return fail_sys(err, -errno, STEP, -1, dir, NULL);
    if ((st.st_uid == geteuid() || st.st_uid == 0) &&
        (!(st.st_mode & (S_IWGRP | S_IWOTH)) || st.st_mode & S_ISVTX))
        return 0;
    return fail_text(err, -EPERM, STEP, -1, dir,
                     "others may put a socket of their own in this directory");
}

static int open_lock(const char *path, struct crib_error *err)
{
    struct stat st;
    int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);

    if (fd < 0)
        return fail_sys(err, errno == ELOOP ? -EEXIST : -errno, STEP, -1, path, "lock");
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid()) {
        close(fd);
        return fail_text(err, -EEXIST, STEP, -1, path, "not a lock file of ours");
    }
    return fd;
}

static bool is_same_file(int fd, const char *path)
{
    struct stat held, there;

    return fstat(fd, &held) == 0 && lstat(path, &there) == 0 && held.st_dev == there.st_dev &&
           held.st_ino == there.st_ino;
}

/* Return: 1 it is locked, and the file at @path; 0 the file has gone with its holder; negative. */
static int try_lock(int fd, const char *path, struct crib_error *err)
{
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return is_same_file(fd, path);
    if (errno == EWOULDBLOCK)
        return fail_text(err, -EADDRINUSE, STEP, -1, path, "another daemon holds this lock");
    return fail_sys(err, -errno, STEP, -1, path, "lock");
}

static int lock_path(const char *path, struct crib_error *err)
{
    for (;;) {
        int fd = open_lock(path, err);
        int r = fd < 0 ? fd : try_lock(fd, path, err);

        if (r > 0)
            return fd;
        fd_close(&fd);
        if (r < 0)
            return r;
    }
}

/* Return: true unless connecting shows that nobody listens. */
static bool is_alive(const struct sockaddr_un *address)
{
    AUTO_FD int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    return sock < 0 || connect(sock, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
           errno != ECONNREFUSED;
}

/* What a dead daemon has left. */
static int clear(const char *path, const struct sockaddr_un *address, struct crib_error *err)
{
    struct stat st;

    if (lstat(path, &st) < 0)
        return errno == ENOENT ? 0 : fail_sys(err, -errno, STEP, -1, path, NULL);
    if (!S_ISSOCK(st.st_mode))
        return fail_text(err, -EEXIST, STEP, -1, path, "there is something that is no socket");
    if (is_alive(address))
        return fail_text(err, -EADDRINUSE, STEP, -1, path, "somebody listens on it");
    return unlink(path) < 0 ? fail_sys(err, -errno, STEP, -1, path, "remove") : 0;
}

static int make(const struct sockaddr_un *address, unsigned mode, struct listener *listener,
                struct crib_error *err)
{
    mode_t before;
    struct stat st;
    int r;

    listener->sock = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener->sock < 0)
        return fail_sys(err, -errno, STEP, -1, NULL, "socket");
    before = umask(~mode & 0777);
    r = bind(listener->sock, (const struct sockaddr *)address, sizeof(*address));
    r = r < 0 ? -errno : 0;
    umask(before);
    if (r < 0)
        return fail_sys(err, r, STEP, -1, listener->path, "bind");
    if (lstat(listener->path, &st) < 0)
        return fail_sys(err, -errno, STEP, -1, listener->path, NULL);
    listener->dev = st.st_dev;
    listener->ino = st.st_ino;
    if (listen(listener->sock, BACKLOG) < 0)
        return fail_sys(err, -errno, STEP, -1, listener->path, "listen");
    return 0;
}

/* Return: PATH.lock, to be freed; NULL. */
static char *lock_name(const char *path)
{
    char *name;

    return asprintf(&name, "%s.lock", path) < 0 ? NULL : name;
}

int listen_path(const char *path, unsigned mode, struct listener *ret, struct crib_error *err)
{
    struct listener listener = {.sock = -1, .lock = -1};
    AUTO_FREE char *lock = lock_name(path);
    struct sockaddr_un address;
    int r = lock ? address_of(path, &address, err) : fail_sys(err, -ENOMEM, STEP, -1, NULL, NULL);

    if (r == 0)
        r = check_directory(path, err);
    if (r < 0)
        return r;
    listener.lock = lock_path(lock, err);
    if (listener.lock < 0)
        return listener.lock;
    listener.path = strdup(path);
    r = listener.path ? clear(path, &address, err) : fail_sys(err, -ENOMEM, STEP, -1, NULL, NULL);
    if (r == 0)
        r = make(&address, mode, &listener, err);
    if (r < 0)
        listen_done(&listener);
    else
        *ret = listener;
    return r;
}

void listen_done(struct listener *listener)
{
    AUTO_FREE char *lock = listener->path ? lock_name(listener->path) : NULL;
    struct stat st;

    if (listener->path && listener->ino && lstat(listener->path, &st) == 0 &&
        st.st_dev == listener->dev && st.st_ino == listener->ino)
        unlink(listener->path);
    if (lock && listener->lock >= 0)
        unlink(lock);
    fd_close(&listener->sock);
    fd_close(&listener->lock);
    free(listener->path);
    *listener = (struct listener){.sock = -1, .lock = -1};
}
