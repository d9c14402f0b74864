/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: a tree may be deeper than there are descriptors, or than a path may be long.
 * So nothing is entered below the second level: what is deeper is moved up, as a directory beside
 * the others, and its turn comes. Each round removes or flattens everything at the top; a round
 * that brings nothing forward is the end.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "harness/box.h"

struct removal {
    int top;
    unsigned long moved; /* names given so far */
    unsigned long done;  /* in this round */
};

static int open_dir(int parent, const char *name)
{
    int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat(parent, name, flags);

    if (fd < 0 && errno == EACCES) {
        /* a task of our own id may have taken every permission away; a symlink is no EACCES */
        if (fchmodat(parent, name, 0700, 0) < 0)
            return -errno;
        fd = openat(parent, name, flags);
    }
    if (fd < 0)
        return -errno;
    (void)fchmod(fd, 0700); /* so that entries can be removed; else that tells */
    return fd;
}

/* Removes anything but a directory that is not empty. Return: whether it did. */
static bool remove_entry(int dir, const char *name)
{
    return unlinkat(dir, name, 0) == 0 || unlinkat(dir, name, AT_REMOVEDIR) == 0;
}

static int move_up(struct removal *r, int dir, const char *name)
{
    AUTO_FD int inner = open_dir(dir, name); /* which must be writable to be moved */
    char up[32];

    if (inner < 0)
        return inner;
    do {
        snprintf(up, sizeof(up), ".moved-%lu", r->moved++);
        if (renameat2(dir, name, r->top, up, RENAME_NOREPLACE) == 0) {
            r->done++;
            return 0;
        }
    } while (errno == EEXIST);
    return -errno;
}

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* Calls @each for every entry. Return: 0; the first negative errno, after all were visited. */
static int for_each(struct removal *r, int fd, int (*each)(struct removal *, int, const char *))
{
    int copy = fd_copy(fd, 3), result = 0;
    DIR *dir = copy < 0 ? NULL : fdopendir(copy);
    struct dirent *entry;

    if (!dir) {
        fd_close(&copy);
        return -ENOMEM;
    }
    rewinddir(dir);
    while ((entry = readdir(dir))) {
        int one = is_dots(entry->d_name) ? 0 : each(r, fd, entry->d_name);

        if (one < 0 && result == 0)
            result = one;
    }
    closedir(dir);
    return result;
}

static int flatten(struct removal *r, int dir, const char *name)
{
    if (!remove_entry(dir, name))
        return move_up(r, dir, name);
    r->done++;
    return 0;
}

static int remove_top(struct removal *r, int top, const char *name)
{
    AUTO_FD int dir = -1;
    int e;

    if (remove_entry(top, name)) {
        r->done++;
        return 0;
    }
    dir = open_dir(top, name);
    if (dir < 0)
        return dir;
    e = for_each(r, dir, flatten);
    if (unlinkat(top, name, AT_REMOVEDIR) == 0)
        r->done++;
    return e;
}

int remove_tree(int parent, const char *name)
{
    AUTO_FD int top = open_dir(parent, name);
    struct removal r = {.top = top};
    int e;

    if (top < 0)
        return top == -ENOENT ? 0 : top;
    do {
        r.done = 0;
        e = for_each(&r, top, remove_top);
    } while (r.done);
    if (unlinkat(parent, name, AT_REMOVEDIR) == 0)
        return 0;
    return e < 0 ? e : -errno;
}
