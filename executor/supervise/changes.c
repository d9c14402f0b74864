/* SPDX-License-Identifier: Apache-2.0 */
#include "supervise/changes.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/auto.h"

#define CHUNK 65536              /* bytes compared at once */
#define MOST  (INT64_C(1) << 28) /* bytes compared; larger files count as changed */

struct dir {
    const char *path;
    bool hides; /* nothing of the source is to be seen in it */
};

struct walk {
    int upper, source;
    struct arena *arena;
    struct changes *changes;
    struct dir *dirs; /* found; in the order of reading */
    size_t n_dirs;
};

int open_within(int dir, const char *path, uint64_t flags)
{
    struct open_how how = {
        .flags = flags | O_CLOEXEC | O_NOFOLLOW,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
    };
    long fd = syscall(SYS_openat2, dir, path[0] ? path : ".", &how, sizeof(how));

    return fd < 0 ? -errno : (int)fd;
}

static int stat_within(int dir, const char *path, struct stat *ret)
{
    AUTO_FD int fd = open_within(dir, path, O_PATH);

    if (fd < 0)
        return fd;
    return fstat(fd, ret) < 0 ? -errno : 0;
}

static int add(struct walk *walk, const char *path, Crib__Change__Kind kind,
               const struct stat *upper, int code)
{
    struct changes *changes = walk->changes;
    struct change change = {.path = path, .kind = kind, .code = code};

    if (changes->count >= CHANGES_MOST)
        return -E2BIG;
    if (upper)
        change.upper = *upper;
    if (changes->count == changes->room) {
        size_t room = changes->room ? changes->room * 2 : 64;
        struct change *list = arena_alloc(walk->arena, room * sizeof(*list));

        if (!list)
            return -ENOMEM;
        if (changes->count)
            memcpy(list, changes->list, changes->count * sizeof(*list));
        changes->list = list;
        changes->room = room;
    }
    changes->list[changes->count++] = change;
    return 0;
}

static bool is_whiteout(const struct stat *st)
{
    return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
}

static bool is_placeholder(const struct stat *st)
{
    return st->st_mode == PLACEHOLDER_MODE && st->st_size == 0;
}

static ssize_t read_some(int fd, char *data)
{
    size_t used = 0;

    while (used < CHUNK) {
        ssize_t n = read(fd, data + used, CHUNK - used);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        used += (size_t)n;
    }
    return (ssize_t)used;
}

/* Return: whether two regular files are surely alike. */
static bool same_content(const struct walk *walk, const char *path)
{
    AUTO_FD int mine = open_within(walk->upper, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    AUTO_FD int its = open_within(walk->source, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    AUTO_FREE char *data = malloc(2 * (size_t)CHUNK);
    ssize_t n, m;

    if (mine < 0 || its < 0 || !data)
        return false;
    do {
        n = read_some(mine, data);
        m = read_some(its, data + CHUNK);
        if (n < 0 || n != m || memcmp(data, data + CHUNK, (size_t)n) != 0)
            return false;
    } while (n == CHUNK);
    return true;
}

static bool same_link(const struct walk *walk, const char *path)
{
    AUTO_FD int mine = open_within(walk->upper, path, O_PATH);
    AUTO_FD int its = open_within(walk->source, path, O_PATH);
    char one[PATH_MAX], other[PATH_MAX];
    ssize_t n = mine < 0 ? -1 : readlinkat(mine, "", one, sizeof(one));
    ssize_t m = its < 0 ? -1 : readlinkat(its, "", other, sizeof(other));

    return n >= 0 && n == m && memcmp(one, other, (size_t)n) == 0;
}

/* Whether what was copied up is what it was. */
static bool is_same(const struct walk *walk, const char *path, const struct stat *upper,
                    const struct stat *source)
{
    if (upper->st_mode != source->st_mode)
        return false;
    switch (upper->st_mode & S_IFMT) {
    case S_IFDIR:
        return true;
    case S_IFREG:
        return upper->st_size == source->st_size && upper->st_size <= MOST &&
               same_content(walk, path);
    case S_IFLNK:
        return same_link(walk, path);
    default:
        return false;
    }
}

static const char *join(struct walk *walk, const char *dir, const char *name)
{
    return dir[0] ? arena_printf(walk->arena, "%s/%s", dir, name) : arena_text(walk->arena, name);
}

static bool is_opaque(int dir)
{
    char value[2];

    return fgetxattr(dir, "user.overlay.opaque", value, sizeof(value)) == 1 && value[0] == 'y';
}

/* The names that the source has in a directory which hides them all. */
static int add_hidden(struct walk *walk, int upper, const char *path)
{
    int fd = open_within(walk->source, path, O_RDONLY | O_DIRECTORY), r = 0;
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;
    struct stat st;

    if (!dir) {
        if (fd >= 0)
            close(fd);
        return 0; /* none is there, or none that could be told */
    }
    while (r == 0 && (entry = readdir(dir))) {
        const char *name = entry->d_name, *inner;

        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
            fstatat(upper, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
            continue;
        inner = join(walk, path, name);
        r = inner ? add(walk, inner, CRIB__CHANGE__KIND__removed, NULL, 0) : -ENOMEM;
    }
    closedir(dir);
    return r;
}

/* One name of the upper directory. Below what hides the source the kernel marks nothing any more.
 */
static int look(struct walk *walk, const char *path, const struct stat *st, bool hides)
{
    const struct dir dir = {path, hides};
    struct stat source;
    bool there = stat_within(walk->source, path, &source) == 0;
    int r = 0;

    if (is_placeholder(st))
        return 0;
    if (is_whiteout(st))
        return add(walk, path, CRIB__CHANGE__KIND__removed, NULL, 0);
    if (!there)
        r = add(walk, path, CRIB__CHANGE__KIND__added, st, 0);
    else if (!is_same(walk, path, st, &source))
        r = add(walk, path, CRIB__CHANGE__KIND__changed, st, 0);
    if (r == 0 && S_ISDIR(st->st_mode))
        r = arena_push_value(walk->arena, &walk->dirs, &walk->n_dirs, &dir, sizeof(dir));
    return r;
}

static int look_at(struct walk *walk, DIR *dir, const char *path, bool hides)
{
    struct dirent *entry;
    struct stat st;
    int r = 0;

    while (r == 0 && (entry = readdir(dir))) {
        const char *name = entry->d_name, *inner;

        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
            continue;
        inner = join(walk, path, name);
        if (!inner)
            return -ENOMEM;
        if (fstatat(dirfd(dir), name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            r = add(walk, inner, CRIB__CHANGE__KIND__changed, NULL, -errno);
        else
            r = look(walk, inner, &st, hides);
    }
    return r;
}

static int read_dir(struct walk *walk, const struct dir *at)
{
    const char *path = at->path;
    int fd = open_within(walk->upper, path, O_RDONLY | O_DIRECTORY), r;
    bool hides;
    DIR *dir;

    if (fd < 0) /* it was told of; what is in it cannot be */
        return path[0] ? add(walk, path, CRIB__CHANGE__KIND__changed, NULL, fd) : fd;
    dir = fdopendir(fd);
    if (!dir) {
        r = -errno;
        close(fd);
        return r;
    }
    hides = at->hides || (path[0] && is_opaque(fd));
    r = hides ? add_hidden(walk, fd, path) : 0;
    if (r == 0)
        r = look_at(walk, dir, path, hides);
    closedir(dir);
    return r;
}

/* `/` before all else, so that a directory is followed by what is in it. */
static int by_path(const void *one, const void *other)
{
    const char *a = ((const struct change *)one)->path, *b = ((const struct change *)other)->path;

    while (*a && *a == *b) {
        a++;
        b++;
    }
    return (*a == '/' ? 1
            : *a      ? (unsigned char)*a + 1
                      : 0) -
           (*b == '/' ? 1
            : *b      ? (unsigned char)*b + 1
                      : 0);
}

int changes_find(int upper, int source, struct arena *arena, struct changes *ret)
{
    struct walk walk = {.upper = upper, .source = source, .arena = arena, .changes = ret};
    struct dir dir = {"", false};
    int r = read_dir(&walk, &dir);

    for (size_t i = 0; r == 0 && i < walk.n_dirs; i++) {
        dir = walk.dirs[i];
        r = read_dir(&walk, &dir);
    }
    if (r == 0 && ret->count)
        qsort(ret->list, ret->count, sizeof(*ret->list), by_path);
    return r;
}
