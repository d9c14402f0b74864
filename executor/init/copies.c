/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that the task finds when it starts: written by us into file systems in memory, once all is
 * mounted and before anything of the task runs.
 *
 * Theory of operation: each comes as an fd of a regular file, which the parent has opened with the
 * caller's rights. It is read by offset, so that nobody's offset moves, and at most its cap of
 * bytes, however it has grown meanwhile. Its place is walked to beneath the root and through no
 * symlink; what is made is made in our own file systems only, never inside a bind, which is
 * somebody's. It is the task's own before it has a byte in it.
 */
#include "init/init.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

#define DIR_MODE 0755

static int give(const struct init *init, int fd)
{
    const Crib__IdsPlan *ids = init->plan->ids;

    return fchown(fd, ids->uid, ids->gid) < 0 ? -errno : 0;
}

/* A directory that was missing is the task's, as what it holds. */
static int make_dir(const struct init *init, int dir, const char *name)
{
    int made;

    if (!is_own_filesystem(dir) && !is_overlay(dir))
        return -EROFS;
    if (mkdirat(dir, name, DIR_MODE) < 0)
        return -errno;
    made = open_beneath(dir, name, O_DIRECTORY);
    if (made >= 0 &&
        fchownat(made, "", init->plan->ids->uid, init->plan->ids->gid, AT_EMPTY_PATH) < 0) {
        int r = -errno;

        fd_close(&made);
        return r;
    }
    return made;
}

/* One directory further down. Takes @dir. */
static int descend(const struct init *init, int dir, const char *name)
{
    int next = open_beneath(dir, name, O_DIRECTORY);

    if (next == -ENOENT)
        next = make_dir(init, dir, name);
    fd_close(&dir);
    return next;
}

/* The directory that a file goes to. Return: an O_PATH fd; negative errno. */
static int walk(const struct init *init, const char *path, const char **ret_name)
{
    char part[NAME_MAX + 1];
    int dir = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    const char *slash;

    if (dir < 0)
        return -errno;
    path++;
    while (dir >= 0 && (slash = strchr(path, '/'))) {
        if ((size_t)(slash - path) > NAME_MAX) {
            fd_close(&dir);
            return -ENAMETOOLONG;
        }
        memcpy(part, path, (size_t)(slash - path));
        part[slash - path] = '\0';
        dir = descend(init, dir, part);
        path = slash + 1;
    }
    *ret_name = path;
    return dir;
}

static int make_file(const struct init *init, const char *path)
{
    const char *name;
    int dir = walk(init, path, &name), fd, r;
    bool ours = dir >= 0 && (is_own_filesystem(dir) || is_overlay(dir));

    if (dir < 0)
        return dir;
    fd = ours ? openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600) : -1;
    r = fd < 0 ? (ours ? -errno : -EROFS) : give(init, fd);
    fd_close(&dir);
    if (r == 0)
        return fd;
    fd_close(&fd);
    return r;
}

/* Return: 0; -EFBIG there is more than @max; negative errno. */
static int copy(int from, int to, uint64_t max)
{
    static uint8_t data[65536];
    uint64_t done = 0;

    for (;;) {
        ssize_t n = pread(from, data, sizeof(data), (off_t)done);
        int r;

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : 0;
        done += (uint64_t)n;
        if (done > max)
            return -EFBIG;
        r = fd_write_all(to, data, (size_t)n);
        if (r < 0)
            return r;
    }
}

/* What says nothing of its mode is executable where its source is. */
static int set_mode(int from, int to, const Crib__FilesPlan__In *in)
{
    mode_t mode = in->mode & 0777;
    struct stat st;

    if (!in->has_mode) {
        if (fstat(from, &st) < 0)
            return -errno;
        mode = 0644 | (st.st_mode & 0111);
    }
    return fchmod(to, mode) < 0 ? -errno : 0;
}

static int copy_one(struct init *init, int index)
{
    const Crib__FilesPlan__In *in = init->plan->files->in[index];
    int *from, to, r;

    if (in->fd < 0 || (size_t)in->fd >= init->file_count || !in->path.len)
        return failed(init, STEP_copy_in, -EPROTO, index);
    from = &init->files[in->fd];
    to = make_file(init, (char *)in->path.data);
    if (to < 0)
        return failed(init, STEP_copy_target, to, index);
    r = copy(*from, to, in->max);
    if (r == 0)
        r = set_mode(*from, to, in);
    fd_close(&to);
    fd_close(from);
    if (r == -EFBIG)
        return failed(init, STEP_copy_size, r, index);
    return r < 0 ? failed(init, STEP_copy_in, r, index) : 0;
}

int copy_files(struct init *init)
{
    const Crib__FilesPlan *files = init->plan->files;
    int r = 0;

    for (size_t i = 0; r == 0 && files && i < files->n_in; i++)
        r = copy_one(init, (int)i);
    return r;
}
