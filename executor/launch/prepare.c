/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/prepare.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/auto.h"
#include "launch/parts.h"
#include "wire/packet.h"

#define PATIENCE   10000 /* milliseconds, until init waits */
#define MOST_PATHS 4096

/* No file system is asked, which might not answer, and whoever ends the pool waits for this thread:
 * the path has just been looked up for the plan. What the kernel does not know of it any more is
 * not prepared. */
static int open_again(const Crib__MountPlan *mount)
{
    struct open_how how = {
        .flags = O_PATH | O_CLOEXEC,
        .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_CACHED,
    };
    int fd = (int)syscall(SYS_openat2, AT_FDCWD, mount->source.data, &how, sizeof(how));
    struct statx st;

    if (fd < 0)
        return -errno;
    if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_INO, &st) == 0 &&
        makedev(st.stx_dev_major, st.stx_dev_minor) == mount->device && st.stx_ino == mount->inode)
        return fd;
    fd_close(&fd);
    return -ESTALE;
}

static bool wants_path(const Crib__MountPlan *mount)
{
    return mount->type == CRIB__MOUNT_PLAN__TYPE__bind && mount->tree >= 0;
}

/* By their numbers in the plan's Host, which is no more. */
static int open_paths(const Crib__Plan *plan, struct arena *arena, struct host_fds *ret)
{
    size_t count = 0;

    for (size_t i = 0; i < plan->n_mounts; i++)
        if (wants_path(plan->mounts[i]) && plan->mounts[i]->host_path >= count)
            count = plan->mounts[i]->host_path + 1;
    if (count > MOST_PATHS)
        return -E2BIG;
    ret->fd = arena_alloc(arena, (count + 1) * sizeof(int));
    if (!ret->fd)
        return -ENOMEM;
    for (ret->count = 0; ret->count < count; ret->count++)
        ret->fd[ret->count] = -1;
    for (size_t i = 0; i < plan->n_mounts; i++) {
        const Crib__MountPlan *mount = plan->mounts[i];
        int fd = -1;

        if (!wants_path(mount) || ret->fd[mount->host_path] >= 0)
            continue;
        fd = open_again(mount);
        if (fd < 0)
            return fd;
        ret->fd[mount->host_path] = fd;
    }
    return 0;
}

static void close_paths(struct host_fds *paths)
{
    for (size_t i = 0; i < paths->count; i++)
        fd_close(&paths->fd[i]);
}

/* Its first word is that it waits; anything else is that it cannot. */
static int await(struct launch *launch, struct arena *arena)
{
    struct pollfd wait = {.fd = launch->control, .events = POLLIN};
    Crib__Report *report;
    uint8_t data[256];
    size_t none = 0;
    long n;

    if (poll(&wait, 1, PATIENCE) <= 0)
        return -ETIMEDOUT;
    n = packet_receive(launch->control, data, sizeof(data), NULL, &none);
    if (n <= 0)
        return n < 0 ? (int)n : -ECONNRESET;
    report = crib__report__unpack(&arena->pb, (size_t)n, data);
    return report && report->prepared ? 0 : -ECANCELED;
}

int prepare_sandbox(const uint8_t *data, size_t len, struct launch *ret)
{
    struct host_fds paths = {NULL};
    struct halves halves;
    struct crib_error err;
    struct arena arena;
    Crib__Plan *plan;
    int r = -EPROTO;

    arena_init(&arena, 0);
    plan = crib__plan__unpack(&arena.pb, len, data);
    if (plan) {
        halves = (struct halves){.first = *plan, .head = plan->n_mounts};
        r = open_paths(plan, &arena, &paths);
        if (r == 0)
            r = begin(&(struct launching){.plan = plan, .paths = &paths}, &halves, ret, &err);
        close_paths(&paths);
    }
    if (r == 0 && (r = await(ret, &arena)) < 0)
        launch_done(ret);
    arena_done(&arena);
    return r;
}
