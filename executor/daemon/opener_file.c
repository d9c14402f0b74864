/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/opener_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/auto.h"
#include "daemon/foreign.h"

static int open_now(const char *path, uint32_t flags)
{
    struct open_how how = {
        .flags = (flags & ~(uint32_t)O_TRUNC) | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
        .mode = flags & O_CREAT ? 0666 : 0,
        .resolve = RESOLVE_NO_MAGICLINKS,
    };
    long fd = syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));

    return fd < 0 ? -errno : (int)fd;
}

/* Wherever proc is mounted: /proc/self/maps is /proc/NUMBER/maps. */
static bool is_own_proc(int fd)
{
    char link[32], own[32], text[PATH_MAX];
    struct statfs fs;
    ssize_t n;

    if (fstatfs(fd, &fs) == 0 && fs.f_type != PROC_SUPER_MAGIC)
        return false;
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, text, sizeof(text) - 1);
    if (n < 0)
        return true;
    text[n] = '\0';
    snprintf(own, sizeof(own), "/%d/", (int)getpid());
    return strstr(text, own) != NULL;
}

static int prepare(int fd, uint32_t flags)
{
    struct stat st;
    int r = foreign_check(fd, NULL);

    if (r < 0)
        return r;
    if (is_own_proc(fd))
        return -EACCES;
    if (fstat(fd, &st) < 0)
        return -errno;
    if (flags & O_TRUNC && S_ISREG(st.st_mode) && ftruncate(fd, 0) < 0)
        return -errno;
    return fcntl(fd, F_SETFL, flags & O_APPEND) < 0 ? -errno : 0;
}

int opener_file_open(const char *path, uint32_t flags)
{
    AUTO_FD int fd = open_now(path, flags);
    int r;

    if (fd < 0) {
        r = fd;
        fd = -1;
        return r;
    }
    r = prepare(fd, flags);
    return r < 0 ? r : fd_take(&fd);
}
