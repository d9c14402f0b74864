/* SPDX-License-Identifier: Apache-2.0 */
#include "supervise/commit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/auto.h"

#define CHUNK      65536
#define NAME_TRIES 16
#define MOST_DEEP  4096 /* steps down while a directory is removed */

struct commit {
    int upper, source;
    uint64_t budget; /* bytes of contents that there may still be */
};

static int open_parent(const struct commit *commit, const char *path, const char **ret_name)
{
    char dir[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t len = slash ? (size_t)(slash - path) : 0;

    *ret_name = slash ? slash + 1 : path;
    if (len >= sizeof(dir))
        return -ENAMETOOLONG;
    memcpy(dir, path, len);
    dir[len] = '\0';
    return open_within(commit->source, dir, O_PATH | O_DIRECTORY);
}

static void make_name(char name[32])
{
    uint64_t number = 0;

    if (getrandom(&number, sizeof(number), 0) < 0)
        number = (uint64_t)(uintptr_t)name;
    snprintf(name, 32, ".crib-%016llx", (unsigned long long)number);
}

/* Empties a directory from the bottom up, one directory open at a time. */
static int remove_inside(int top)
{
    char path[PATH_MAX] = "";
    size_t len = 0;

    for (unsigned steps = 0; steps < MOST_DEEP * 16; steps++) {
        int fd = open_within(top, path, O_RDONLY | O_DIRECTORY);
        DIR *dir = fd < 0 ? NULL : fdopendir(fd);
        struct dirent *entry;
        bool down = false;
        int r = 0;

        if (!dir) {
            r = -errno;
            if (fd >= 0)
                close(fd);
            return fd < 0 ? fd : r;
        }
        while (r == 0 && !down && (entry = readdir(dir))) {
            size_t n = strlen(entry->d_name);

            if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
                continue;
            if (unlinkat(fd, entry->d_name, 0) == 0 ||
                unlinkat(fd, entry->d_name, AT_REMOVEDIR) == 0 || errno == ENOENT)
                continue;
            r = errno == ENOTEMPTY || errno == EEXIST ? 0 : -errno;
            if (r == 0 && len + n + 2 > sizeof(path))
                r = -ENAMETOOLONG;
            if (r == 0) {
                len += (size_t)snprintf(path + len, sizeof(path) - len, "%s%s", len ? "/" : "",
                                        entry->d_name);
                down = true;
            }
        }
        closedir(dir);
        if (r < 0)
            return r;
        if (down)
            continue;
        if (len == 0)
            return 0;
        while (len && path[--len] != '/')
            ;
        path[len] = '\0';
    }
    return -E2BIG;
}

static int remove_at(int parent, const char *name)
{
    int dir, r;

    if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return -errno;
    if (unlinkat(parent, name, AT_REMOVEDIR) == 0)
        return 0;
    if (errno != ENOTEMPTY && errno != EEXIST)
        return -errno;
    dir = open_within(parent, name, O_PATH | O_DIRECTORY);
    if (dir < 0)
        return dir;
    r = remove_inside(dir);
    fd_close(&dir);
    if (r == 0 && unlinkat(parent, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
        r = -errno;
    return r;
}

static int copy_range(struct commit *commit, int from, int to, off_t start, off_t end)
{
    char data[CHUNK];

    while (start < end) {
        size_t want = end - start < CHUNK ? (size_t)(end - start) : CHUNK;
        ssize_t n = pread(from, data, want, start);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : 0;
        if ((uint64_t)n > commit->budget)
            return -EFBIG;
        commit->budget -= (uint64_t)n;
        for (ssize_t done = 0; done < n;) {
            ssize_t wrote = pwrite(to, data + done, (size_t)(n - done), start + done);

            if (wrote < 0 && errno != EINTR)
                return -errno;
            done += wrote > 0 ? wrote : 0;
        }
        start += n;
    }
    return 0;
}

/* Holes stay holes, or a file that is all hole would fill the disk. */
static int copy_content(struct commit *commit, int from, int to, off_t size)
{
    off_t at = 0;

    while (at < size) {
        off_t data = lseek(from, at, SEEK_DATA), hole;
        int r;

        if (data < 0 && errno == ENXIO)
            break;
        hole = data < 0 ? -1 : lseek(from, data, SEEK_HOLE);
        if (data < 0 || hole < 0)
            return -errno;
        r = copy_range(commit, from, to, data, hole < size ? hole : size);
        if (r < 0)
            return r;
        at = hole;
    }
    return ftruncate(to, size) < 0 ? -errno : 0;
}

static int finish_file(int to, const struct stat *st)
{
    const struct timespec times[] = {st->st_atim, st->st_mtim};

    if (fchmod(to, st->st_mode & 0777) < 0)
        return -errno;
    futimens(to, times);
    return 0;
}

static int write_file(struct commit *commit, const struct change *change, int parent,
                      const char *name)
{
    AUTO_FD int from = open_within(commit->upper, change->path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    AUTO_FD int to = -1;
    struct stat st;
    int r;

    if (from < 0)
        return from;
    if (fstat(from, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode) || st.st_mode & 06000)
        return -ESTALE;
    to = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (to < 0)
        return -errno;
    r = copy_content(commit, from, to, st.st_size);
    return r < 0 ? r : finish_file(to, &st);
}

static int write_link(const struct commit *commit, const struct change *change, int parent,
                      const char *name)
{
    AUTO_FD int from = open_within(commit->upper, change->path, O_PATH);
    char text[PATH_MAX];
    ssize_t n = from < 0 ? -1 : readlinkat(from, "", text, sizeof(text) - 1);

    if (from < 0)
        return from;
    if (n < 0)
        return -errno;
    text[n] = '\0';
    return symlinkat(text, parent, name) < 0 ? -errno : 0;
}

/* Beside the place first; then onto it. */
static int put(struct commit *commit, const struct change *change, int parent, const char *name)
{
    char made[32];
    int r = -EEXIST;

    for (int i = 0; r == -EEXIST && i < NAME_TRIES; i++) {
        make_name(made);
        r = S_ISLNK(change->upper.st_mode) ? write_link(commit, change, parent, made)
                                           : write_file(commit, change, parent, made);
        if (r < 0 && r != -EEXIST)
            unlinkat(parent, made, 0);
    }
    if (r < 0)
        return r;
    if (renameat(parent, made, parent, name) == 0)
        return 0;
    r = -errno;
    if (r == -EISDIR || r == -EEXIST || r == -ENOTEMPTY) {
        r = remove_at(parent, name);
        if (r == 0 && renameat(parent, made, parent, name) < 0)
            r = -errno;
    }
    if (r < 0)
        unlinkat(parent, made, 0);
    return r;
}

/* Its mode comes at last, lest nothing could be made in it. */
static int put_dir(int parent, const char *name)
{
    struct stat st;
    int r;

    if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(st.st_mode) &&
        (r = remove_at(parent, name)) < 0)
        return r;
    return mkdirat(parent, name, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

static int set_dir_mode(const struct commit *commit, const struct change *change)
{
    AUTO_FD int fd = open_within(commit->source, change->path, O_RDONLY | O_DIRECTORY);
    struct stat st;

    if (fd < 0)
        return fd;
    if (fstat(fd, &st) < 0)
        return -errno;
    /* What the source's own has of these bits stays. */
    return fchmod(fd, (change->upper.st_mode & 01777) | (st.st_mode & 06000)) < 0 ? -errno : 0;
}

static int check(const struct change *change, const char **ret_why)
{
    mode_t mode = change->upper.st_mode;

    if (!S_ISREG(mode) && !S_ISDIR(mode) && !S_ISLNK(mode)) {
        *ret_why = "devices, FIFOs and sockets are not committed";
        return -EOPNOTSUPP;
    }
    if (!S_ISLNK(mode) && mode & 06000) {
        *ret_why = "it has a set-user-ID or set-group-ID bit";
        return -EPERM;
    }
    return 0;
}

static int make(struct commit *commit, struct change *change)
{
    const char *name;
    int parent, r = 0;

    if (change->kind != CRIB__CHANGE__KIND__removed)
        r = check(change, &change->why);
    if (r < 0)
        return r;
    parent = open_parent(commit, change->path, &name);
    if (parent < 0)
        return change->kind == CRIB__CHANGE__KIND__removed && parent == -ENOENT ? 0 : parent;
    if (change->kind == CRIB__CHANGE__KIND__removed)
        r = remove_at(parent, name);
    else if (S_ISDIR(change->upper.st_mode))
        r = put_dir(parent, name);
    else
        r = put(commit, change, parent, name);
    fd_close(&parent);
    if (r == -EFBIG && commit->budget == 0)
        change->why = "all contents together are more than the overlay's size";
    return r;
}

size_t commit_changes(int upper, int source, uint64_t size, struct changes *changes)
{
    struct commit commit = {.upper = upper, .source = source, .budget = size};
    size_t failed = 0;

    for (size_t i = 0; i < changes->count; i++)
        if (changes->list[i].code == 0)
            changes->list[i].code = make(&commit, &changes->list[i]);
    for (size_t i = changes->count; i-- > 0;) {
        struct change *change = &changes->list[i];

        if (change->code == 0 && change->kind != CRIB__CHANGE__KIND__removed &&
            S_ISDIR(change->upper.st_mode))
            change->code = set_dir_mode(&commit, change);
        failed += change->code != 0;
    }
    return failed;
}
