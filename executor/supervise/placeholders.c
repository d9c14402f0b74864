/* SPDX-License-Identifier: Apache-2.0 */
#include "supervise/placeholders.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/auto.h"
#include "plan/view.h"
#include "supervise/changes.h"
#include "supervise/rights.h"

#define TRIES 4096 /* while others make and remove the same */

struct placeholder {
    int parent, file; /* file: open, and locked */
    char name[NAME_MAX + 1];
};

struct placeholders {
    Crib__IdsPlan ids;
    size_t count;
    struct placeholder list[];
};

/* As changes.h, into other file systems too: a bind shows what is mounted inside. */
static int open_below(int dir, const char *name, uint64_t flags)
{
    struct open_how how = {
        .flags = flags | O_CLOEXEC | O_NOFOLLOW,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    long fd = syscall(SYS_openat2, dir, name, &how, sizeof(how));

    return fd < 0 ? -errno : (int)fd;
}

static bool is_ours(const struct stat *st)
{
    return st->st_mode == PLACEHOLDER_MODE && st->st_size == 0;
}

static void note(Crib__MountPlan *mask, const struct stat *st)
{
    mask->has_device = mask->has_inode = true;
    mask->device = st->st_dev;
    mask->inode = st->st_ino;
}

/* Whether @name is still the file that is open. */
static bool is_there(int parent, const char *name, int file)
{
    struct stat at, open;

    return fstat(file, &open) == 0 && fstatat(parent, name, &at, AT_SYMLINK_NOFOLLOW) == 0 &&
           at.st_dev == open.st_dev && at.st_ino == open.st_ino && is_ours(&at);
}

/* Return: the file, made or found, and locked; -EAGAIN: once more; other negative errno. */
static int hold_once(int parent, const char *name)
{
    int fd = openat(parent, name,
                    O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
                    PLACEHOLDER_MODE & 07777);
    int r = fd < 0 ? -errno : 0;

    if (r == 0 && fchmod(fd, PLACEHOLDER_MODE & 07777) < 0) {
        r = -errno;
        unlinkat(parent, name, 0);
    }
    if (r == -EEXIST) {
        fd = open_below(parent, name, O_RDONLY | O_NONBLOCK | O_NOCTTY);
        r = fd == -ENOENT ? -EAGAIN : fd == -EACCES ? -EBUSY : fd < 0 ? fd : 0;
    }
    if (r == 0 && flock(fd, LOCK_SH | LOCK_NB) < 0)
        r = errno == EWOULDBLOCK ? -EAGAIN : -errno;
    if (r == 0 && !is_there(parent, name, fd))
        r = -EAGAIN; /* whoever held it has removed it */
    if (r < 0)
        fd_close(&fd);
    return r < 0 ? r : fd;
}

static int hold(int parent, const char *name)
{
    int r = -EAGAIN;

    for (int i = 0; r == -EAGAIN && i < TRIES; i++) {
        r = hold_once(parent, name);
        if (r == -EAGAIN)
            sched_yield();
    }
    return r;
}

/* The task can make nothing here, and change nothing about that. */
static int is_out_of_reach(int dir, int code, const Crib__IdsPlan *ids, Crib__MountPlan *mask)
{
    struct stat st;

    if (code != -EROFS && code != -EACCES && code != -EPERM)
        return code;
    if (fstat(dir, &st) < 0)
        return -errno;
    if (code != -EROFS && st.st_uid == ids->uid)
        return code; /* its own: it could open it to itself */
    note(mask, &st);
    return 0;
}

/* Takes @parent. */
static int reserve(struct placeholders *all, int parent, const char *name, Crib__MountPlan *mask)
{
    struct placeholder *one = &all->list[all->count];
    struct stat st;
    int file = hold(parent, name), r = file;

    if (r >= 0 && fstat(file, &st) < 0)
        r = -errno;
    if (r < 0) {
        r = is_out_of_reach(parent, r, &all->ids, mask);
        fd_close(&parent);
        return r;
    }
    note(mask, &st);
    one->parent = parent;
    one->file = file;
    memcpy(one->name, name, strlen(name) + 1);
    all->count++;
    return 0;
}

/* Return: 1: go on at *dir; 0: done; negative errno. Closes *dir, or puts the next there. */
static int step(struct placeholders *all, int *dir, const char *name, bool last,
                Crib__MountPlan *mask)
{
    AUTO_FD int next = open_below(*dir, name, O_PATH);
    struct stat st;

    if (next >= 0 && fstat(next, &st) < 0)
        return -errno;
    if (next == -ENOENT || (next >= 0 && is_ours(&st)))
        return reserve(all, fd_take(dir), name, mask);
    if (next < 0)
        return next;
    if (last || !S_ISDIR(st.st_mode))
        return 0; /* init masks or pins what is there, and refuses a symlink on the way */
    fd_close(dir);
    *dir = fd_take(&next);
    return 1;
}

static int walk(struct placeholders *all, int top, const char *path, Crib__MountPlan *mask)
{
    int dir = fd_copy(top, 3), r = dir < 0 ? dir : 1;

    while (r > 0) {
        char name[NAME_MAX + 1];
        size_t len = strcspn(path, "/");

        if (len > NAME_MAX) {
            r = -ENAMETOOLONG;
            break;
        }
        memcpy(name, path, len);
        name[len] = '\0';
        r = step(all, &dir, name, !path[len], mask);
        path += len + 1;
    }
    fd_close(&dir);
    return r;
}

/* A mask in a bind that can be written. Return: the bind, the path in it too; NULL. */
static const Crib__MountPlan *bind_of(const Crib__Plan *plan, const Crib__MountPlan *mask,
                                      const char **ret_rest)
{
    const char *target = (const char *)mask->target.data;
    const Crib__MountPlan *under = view_under(plan, target);

    if (!under || under->type != CRIB__MOUNT_PLAN__TYPE__bind || !under->write || !under->is_dir)
        return NULL;
    *ret_rest = path_below(target, (const char *)under->target.data);
    return **ret_rest ? under : NULL;
}

static int make_one(struct placeholders *all, const Crib__Plan *plan, size_t index,
                    const struct host_fds *paths, struct crib_error *err)
{
    Crib__MountPlan *mask = plan->mounts[index];
    const char *rest, *target = (const char *)mask->target.data;
    const Crib__MountPlan *bind = bind_of(plan, mask, &rest);
    int r;

    if (!bind)
        return 0;
    r = bind->host_path < paths->count ? walk(all, paths->fd[bind->host_path], rest + 1, mask)
                                       : -EPROTO;
    if (r == -EACCES || r == -EPERM)
        return fail_text(err, r, "mounts", (int)index, target,
                         "mask: nothing can be made in its directory, which is the task's own: "
                         "let its owner write there, or mask the directory");
    if (r == -EBUSY)
        return fail_text(err, r, "mounts", (int)index, target,
                         "mask: the name is held for a task with another id: wait for that to end; "
                         "what is left of one that was killed is an empty file to be removed");
    return r < 0 ? fail_sys(err, r, "mounts", (int)index, target, "mask: hold the name") : 0;
}

static int make_all(struct placeholders *all, const Crib__Plan *plan, const struct host_fds *paths,
                    struct crib_error *err)
{
    struct rights rights;
    int r = rights_take(plan->ids, &rights);

    if (r < 0)
        return fail_sys(err, r, "mounts", -1, NULL, "take the task's rights on files");
    for (size_t i = 0; r == 0 && i < plan->n_mounts; i++)
        if (plan->mounts[i]->type == CRIB__MOUNT_PLAN__TYPE__mask)
            r = make_one(all, plan, i, paths, err);
    rights_give_back(&rights);
    return r;
}

int placeholders_make(Crib__Plan *plan, const struct host_fds *paths, struct placeholders **ret,
                      struct crib_error *err)
{
    struct placeholders *all;
    size_t masks = 0;
    int r;

    *ret = NULL;
    for (size_t i = 0; i < plan->n_mounts; i++)
        masks += plan->mounts[i]->type == CRIB__MOUNT_PLAN__TYPE__mask;
    if (masks == 0)
        return 0;
    all = calloc(1, sizeof(*all) + masks * sizeof(all->list[0]));
    if (!all)
        return fail_sys(err, -ENOMEM, "mounts", -1, NULL, NULL);
    all->ids = *plan->ids;
    r = make_all(all, plan, paths, err);
    if (r == 0 && all->count && plan->life && plan->life->detached)
        r = fail_text(err, -EINVAL, "mounts", -1, all->list[0].name,
                      "mask: a name that is not there yet is held by the parent, and nobody would "
                      "be there for a detached task: make it first");
    if (r < 0 || all->count == 0) {
        placeholders_remove(all);
        return r;
    }
    *ret = all;
    return 0;
}

void placeholders_remove(struct placeholders *all)
{
    struct rights rights;
    int r = all ? rights_take(&all->ids, &rights) : -EINVAL;

    for (size_t i = 0; all && i < all->count; i++) {
        struct placeholder *one = &all->list[i];

        if (r == 0 && flock(one->file, LOCK_EX | LOCK_NB) == 0 &&
            is_there(one->parent, one->name, one->file))
            unlinkat(one->parent, one->name, 0);
        fd_close(&one->file);
        fd_close(&one->parent);
    }
    if (r == 0)
        rights_give_back(&rights);
    free(all);
}
