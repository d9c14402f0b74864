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
#include <sys/syscall.h>
#include <unistd.h>

#include "base/auto.h"

/* The pid cannot have been given away between the open and the check: it would no longer be alive.
 */
static int open_proc(pid_t pid, int pidfd)
{
    char path[32];
    int dir;

    snprintf(path, sizeof(path), "/proc/%d", (int)pid);
    dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return -errno;
    if (syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0) < 0) {
        close(dir);
        return -ESRCH;
    }
    return dir;
}

static int write_text(int dir, const char *name, const char *text)
{
    AUTO_FD int fd = openat(dir, name, O_WRONLY | O_CLOEXEC);

    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        return -errno;
    return 0;
}

/* The same number inside and outside, for the task and, where it has one of its own, for init. */
static int write_map(int dir, const char *name, uint32_t task, uint32_t init)
{
    char text[64];
    int n = snprintf(text, sizeof(text), "%u %u 1\n", task, task);

    if (init != task)
        snprintf(text + n, sizeof(text) - (size_t)n, "%u %u 1\n", init, init);
    return write_text(dir, name, text);
}

int write_maps(const Crib__IdsPlan *plan, pid_t pid, int pidfd, struct crib_error *err)
{
    AUTO_FD int dir = open_proc(pid, pidfd);
    int r;

    if (dir < 0)
        return fail_sys(err, dir, "maps", -1, NULL, "/proc of crib-init");
    if (plan->deny_setgroups && (r = write_text(dir, "setgroups", "deny")) < 0)
        return fail_sys(err, r, "maps", -1, "setgroups", "deny");
    r = write_map(dir, "gid_map", plan->gid, plan->init_gid);
    if (r < 0)
        return fail_sys(err, r, "maps", -1, "gid_map", "map %u", plan->gid);
    r = write_map(dir, "uid_map", plan->uid, plan->init_uid);
    if (r < 0)
        return fail_sys(err, r, "maps", -1, "uid_map", "map %u", plan->uid);
    return 0;
}
