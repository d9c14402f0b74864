/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Id maps, written through a directory of /proc that is known to be init's.
 * Source: user_namespaces(7)
 */
#include "launch/parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"

#define MOMENTS 10000 /* of 100 us */

/* The pid cannot have been given away between the open and the check: it would no longer be alive.
 */
static int open_proc(pid_t pid, int pidfd)
{
    AUTO_FD int low = -1;
    char path[32];
    int dir;

    snprintf(path, sizeof(path), "/proc/%d", (int)pid);
    low = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (low < 0)
        return -errno;
    dir = fd_copy(low, 3); /* it may become another's fd 0 */
    if (dir < 0)
        return dir;
    if (syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0) < 0) {
        int r = -errno;

        close(dir);
        return r;
    }
    return dir;
}

/*
 * The clone lets us go on in the midst of its exec, a moment before the kernel says of the new
 * program that it may be looked at. Until then it has that from us: where we may not be, as after a
 * change of ids, its files are root's.
 */
static void await_exec(int dir)
{
    const struct timespec moment = {.tv_nsec = 100 * 1000};
    struct stat st;

    if (prctl(PR_GET_DUMPABLE) == 1)
        return;
    for (int i = 0; i < MOMENTS; i++) {
        if (fstatat(dir, "uid_map", &st, 0) < 0 || st.st_uid == geteuid())
            return;
        nanosleep(&moment, NULL);
    }
}

static int write_text(int dir, const char *name, const char *text)
{
    AUTO_FD int fd = openat(dir, name, O_WRONLY | O_CLOEXEC);

    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        return -errno;
    return 0;
}

static int fail_map(struct crib_error *err, int code, const char *name, const char *what)
{
    const struct stumble at = {"maps", -1, name, what, NULL};

    if (code != -EROFS)
        return launch_fail(err, code, &at);
    return fail_text(err, code, "maps", -1, name,
                     "%s: this /proc is mounted for reading only, and crib-init gets its ids "
                     "through it: mount one that can be written to",
                     what);
}

static void add(struct idmap *map, uint32_t id)
{
    for (size_t i = 0; i < map->count; i++)
        if (map->id[i] == id)
            return;
    map->id[map->count++] = id;
}

/* The same number inside and outside, for the task and, where it has one of its own, for init. */
static struct idmap make_map(uint32_t task, uint32_t init)
{
    struct idmap map = {.count = 0};

    add(&map, task);
    add(&map, init);
    return map;
}

static int write_map(int dir, const char *name, const struct idmap *map, struct crib_error *err)
{
    char text[IDMAP_MOST * 32];
    size_t n = 0;
    int r;

    for (size_t i = 0; i < map->count; i++)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%u %u 1\n", map->id[i], map->id[i]);
    r = write_text(dir, name, text);
    snprintf(text, sizeof(text), "map %u", map->id[0]);
    return r < 0 ? fail_map(err, r, name, text) : 0;
}

/* A caller may write a map of itself alone; the helpers know more. */
static int write_by_helper(const Crib__IdsPlan *plan, int dir, pid_t pid, struct crib_error *err)
{
    struct idmap gids = make_map(plan->gid, plan->init_gid);
    struct idmap uids = make_map(plan->uid, plan->init_uid);
    int r;

    if (plan->has_spare_gid)
        add(&gids, plan->spare_gid);
    r = newidmap("/usr/bin/newgidmap", "gid_map", dir, pid, &gids, err);
    if (r < 0)
        return r;
    return uids.count == 1 ? write_map(dir, "uid_map", &uids, err)
                           : newidmap("/usr/bin/newuidmap", "uid_map", dir, pid, &uids, err);
}

static const struct stumble no_proc = {
    "maps", -1, NULL, "there is no /proc here, through which crib-init gets its ids: mount one",
    NULL};
static const struct stumble no_signal = {"maps", -1, NULL, "/proc of crib-init",
                                         "pidfd_send_signal (Linux 5.1)"};

int write_maps(const Crib__IdsPlan *plan, pid_t pid, int pidfd, struct crib_error *err)
{
    AUTO_FD int dir = open_proc(pid, pidfd);
    struct idmap gids = make_map(plan->gid, plan->init_gid);
    struct idmap uids = make_map(plan->uid, plan->init_uid);
    int r;

    if (dir < 0)
        return launch_fail(err, dir, dir == -ENOENT ? &no_proc : &no_signal);
    await_exec(dir);
    if (plan->by_helper)
        return write_by_helper(plan, dir, pid, err);
    if (plan->deny_setgroups && (r = write_text(dir, "setgroups", "deny")) < 0)
        return fail_map(err, r, "setgroups", "deny");
    r = write_map(dir, "gid_map", &gids, err);
    return r < 0 ? r : write_map(dir, "uid_map", &uids, err);
}
