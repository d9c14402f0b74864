/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/groups.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "launch/groups_leaf.h"

#define DEPTH 64 /* of groups that a task has made */
#define NAMES 64 /* tried, before something else must be wrong */
/* To remove a leaf, a millisecond apart: its last process may still be on its way. */
#define TRIES 20

/* A leaf may be left over: by owners that were killed, as far as we know at the start, or by us. */
static atomic_bool left_over = true;

static int open_dir(int at, const char *name)
{
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    return fd < 0 ? -errno : fd;
}

/* Whether what has a name there is what we have open. */
static bool is_still(int at, const char *name, int fd)
{
    struct stat named, open;

    return fstatat(at, name, &named, AT_SYMLINK_NOFOLLOW) == 0 && fstat(fd, &open) == 0 &&
           named.st_ino == open.st_ino && named.st_dev == open.st_dev;
}

/* Whether processes are in a group or below it; version 1 says nothing of those below. */
static bool is_populated(int leaf)
{
    AUTO_FD int events = openat(leaf, "cgroup.events", O_RDONLY | O_CLOEXEC);
    char text[128];
    ssize_t n = events < 0 ? 0 : read(events, text, sizeof(text) - 1);

    if (n <= 0)
        return false;
    text[n] = '\0';
    return strstr(text, "populated 1") != NULL;
}

/*
 * A task that was shown its groups may have made others below. They are removed depth first; how
 * deep they can be is bounded by what a task may make (cgroup.max.depth) and by our fds.
 */
static int remove_tree(int at, const char *name, unsigned depth)
{
    struct dirent *entry;
    int fd;
    DIR *dir;

    if (unlinkat(at, name, AT_REMOVEDIR) == 0)
        return 0;
    if (errno != EBUSY || depth == 0)
        return -errno;
    fd = open_dir(at, name);
    dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        if (fd >= 0)
            close(fd);
        return -EBUSY;
    }
    while (!is_populated(fd) && (entry = readdir(dir)))
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
            remove_tree(fd, entry->d_name, depth - 1);
    closedir(dir);
    return unlinkat(at, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

/* An owner holds the lock as long as it lives. */
static void remove_left(int at, const char *name)
{
    AUTO_FD int leaf = -1;

    if (strncmp(name, "crib-", 5) != 0 || strcmp(name, "crib-host") == 0 ||
        strncmp(name, "crib-try-", 9) == 0)
        return;
    leaf = open_dir(at, name);
    if (leaf >= 0 && flock(leaf, LOCK_EX | LOCK_NB) == 0 && is_still(at, name, leaf) &&
        remove_tree(at, name, DEPTH) == -EBUSY)
        atomic_store(&left_over, true); /* a task that goes on: its turn comes */
}

static void reclaim(const Crib__CgroupPlan *plan)
{
    for (size_t i = 0; i < plan->n_groups; i++) {
        DIR *dir = opendir((const char *)plan->groups[i]->dir.data);
        struct dirent *entry;

        while (dir && (entry = readdir(dir)))
            if (entry->d_type == DT_DIR)
                remove_left(dirfd(dir), entry->d_name);
        if (dir)
            closedir(dir);
    }
}

/* Return: 0; -EAGAIN the name is, or has just been, somebody's; other negative errno. */
static int make_leaf(struct leaf *leaf, const char *name)
{
    if (mkdirat(leaf->base, name, 0755) < 0)
        return errno == EEXIST ? -EAGAIN : -errno;
    leaf->dir = open_dir(leaf->base, name);
    if (leaf->dir == -ENOENT || (leaf->dir >= 0 && (flock(leaf->dir, LOCK_EX | LOCK_NB) < 0 ||
                                                    !is_still(leaf->base, name, leaf->dir)))) {
        fd_close(&leaf->dir);
        leaf->dir = -1;
        return -EAGAIN;
    }
    if (leaf->dir < 0) {
        int r = leaf->dir;

        leaf->dir = -1;
        unlinkat(leaf->base, name, AT_REMOVEDIR);
        return r;
    }
    return 0;
}

/* Numbers are ours; the process id keeps owners in one directory apart, mostly. */
static int name_leaf(struct leaf *leaf)
{
    static atomic_uint last;
    int r = -EAGAIN;

    for (int i = 0; i < NAMES && r == -EAGAIN; i++) {
        snprintf(leaf->name, sizeof(leaf->name), "crib-%d-%u", (int)getpid(),
                 atomic_fetch_add(&last, 1));
        r = make_leaf(leaf, leaf->name);
    }
    if (r < 0)
        leaf->name[0] = '\0';
    return r;
}

/* Version 1 takes no more than the group above has. Return: NULL: that was not it. */
static const char *above_has_less(const char *file, int code)
{
    if (code == -EINVAL && strcmp(file, "cpu.cfs_quota_us") == 0)
        return "the group above has less processor time: ask for less";
    if ((code == -EACCES || code == -EINVAL) && strcmp(file, "cpuset.cpus") == 0)
        return "the group above does not have all of these processors: ask for some that it has";
    return NULL;
}

static int write_setting(const struct leaf *leaf, const Crib__CgroupPlan__Setting *setting,
                         struct crib_error *err)
{
    int r = leaf_write(leaf, setting->file, setting->value);
    const char *why = above_has_less(setting->file, r);

    if (why)
        return fail_text(err, r, "limits", -1, setting->limit, "write %s to %s: %s", setting->value,
                         setting->file, why);
    return r < 0 ? fail_sys(err, r, "limits", -1, setting->limit, "write %s to %s", setting->value,
                            setting->file)
                 : 0;
}

static int fill_leaf(struct leaf *leaf, const Crib__CgroupPlan__Group *plan, struct crib_error *err)
{
    const char *dir = (const char *)plan->dir.data;
    int r;

    leaf->version = plan->version;
    leaf->base = open_dir(AT_FDCWD, dir);
    if (leaf->base < 0) {
        r = leaf->base;
        leaf->base = -1;
        return fail_sys(err, r, "cgroup", -1, dir, "open it");
    }
    r = name_leaf(leaf);
    if (r < 0)
        return fail_sys(err, r, "cgroup", -1, dir, "make a group");
    for (size_t i = 0; i < plan->n_controllers; i++)
        leaf->has |= leaf_controller(plan->controllers[i]);
    for (size_t i = 0; i < plan->n_settings; i++)
        if ((r = write_setting(leaf, plan->settings[i], err)) < 0)
            return r;
    /* A single thread may join by `tasks` without anybody else having to wait for it. */
    leaf->join =
        openat(leaf->dir, leaf->version == 2 ? "cgroup.procs" : "tasks", O_WRONLY | O_CLOEXEC);
    return leaf->join < 0 ? fail_sys(err, -errno, "cgroup", -1, dir, "open the group to join") : 0;
}

/* Version 1 tells by an eventfd of the moment before a process is killed. */
static int watch_memory(struct groups *groups, const struct leaf *leaf)
{
    AUTO_FD int control = openat(leaf->dir, "memory.oom_control", O_RDONLY | O_CLOEXEC);
    char text[48];

    groups->oom = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (control < 0 || groups->oom < 0)
        return -errno;
    snprintf(text, sizeof(text), "%d %d", groups->oom, control);
    return leaf_write(leaf, "cgroup.event_control", text);
}

/* A change of the file is told after it was read. */
static int watch_pids(struct groups *groups, const struct leaf *leaf)
{
    char text[64];

    groups->forks = openat(leaf->dir, "pids.events", O_RDONLY | O_CLOEXEC);
    return groups->forks < 0 || read(groups->forks, text, sizeof(text)) < 0 ? -errno : 0;
}

static int watch(struct groups *groups, const Crib__CgroupPlan *plan, struct crib_error *err)
{
    const struct leaf *memory = groups_leaf(groups, LEAF_MEMORY);
    const struct leaf *pids = groups_leaf(groups, LEAF_PIDS);
    int r = 0;

    if (plan->memory && memory && memory->version == 1)
        r = watch_memory(groups, memory);
    if (r == 0 && plan->pids && pids) {
        groups->silent = pids->version == 1;
        r = groups->silent ? 0 : watch_pids(groups, pids);
    }
    return r < 0 ? fail_sys(err, r, "cgroup", -1, NULL, "be told of the limits") : 0;
}

int groups_new(const Crib__CgroupPlan *plan, struct groups **ret, struct crib_error *err)
{
    struct groups *groups = calloc(1, sizeof(*groups));
    int r = 0;

    if (!groups)
        return fail_sys(err, -ENOMEM, "cgroup", -1, NULL, NULL);
    groups->oom = groups->forks = -1;
    groups->own_pids = plan->own_pids;
    if (atomic_exchange(&left_over, false))
        reclaim(plan);
    if (plan->n_groups > LEAVES)
        r = fail_sys(err, -E2BIG, "cgroup", -1, NULL, NULL);
    for (size_t i = 0; r == 0 && i < plan->n_groups; i++) {
        groups->leaf[i] = (struct leaf){.base = -1, .dir = -1, .join = -1};
        groups->count = i + 1;
        r = fill_leaf(&groups->leaf[i], plan->groups[i], err);
    }
    if (r == 0)
        r = watch(groups, plan, err);
    if (r < 0) {
        groups_free(groups);
        return r;
    }
    *ret = groups;
    return 0;
}

int groups_into(const struct groups *groups)
{
    for (size_t i = 0; i < groups->count; i++)
        if (groups->leaf[i].version == 2)
            return groups->leaf[i].dir;
    return -1;
}

int groups_join(const struct groups *groups, bool into)
{
    for (size_t i = 0; i < groups->count; i++) {
        const struct leaf *leaf = &groups->leaf[i];

        if ((leaf->version == 1 || into) && write(leaf->join, "0", 1) < 0)
            return -errno;
    }
    return 0;
}

void groups_started(struct groups *groups)
{
    for (size_t i = 0; groups && i < groups->count; i++) {
        fd_close(&groups->leaf[i].join);
        fd_close(&groups->leaf[i].base);
    }
}

struct groups_watch groups_watch(const struct groups *groups)
{
    return (struct groups_watch){.memory = groups->oom, .pids = groups->forks};
}

bool groups_silent_pids(const struct groups *groups)
{
    return groups->silent;
}

void groups_kill(struct groups *groups)
{
    for (size_t i = 0; groups && i < groups->count; i++)
        if (groups->leaf[i].version == 2)
            leaf_write(&groups->leaf[i], "cgroup.kill", "1");
}

/* What is still busy after that is a task's that goes on, and is removed by whoever comes later. */
static void remove_leaf(struct leaf *leaf)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    char name[sizeof(leaf->name) + 3]; /* from itself */

    snprintf(name, sizeof(name), "../%s", leaf->name);
    for (int i = 0, r = 0; leaf->dir >= 0; i++) {
        r = remove_tree(leaf->dir, name, DEPTH);
        if (r == 0)
            break;
        if (r != -EBUSY || i == TRIES) {
            atomic_store(&left_over, true);
            break;
        }
        nanosleep(&pause, NULL);
    }
    fd_close(&leaf->join);
    fd_close(&leaf->dir);
    fd_close(&leaf->base);
}

void groups_free(struct groups *groups)
{
    if (!groups)
        return;
    fd_close(&groups->oom);
    fd_close(&groups->forks);
    for (size_t i = 0; i < groups->count; i++)
        remove_leaf(&groups->leaf[i]);
    free(groups);
}
