/* SPDX-License-Identifier: Apache-2.0 */
#include "host/tried.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"

/* Of this process alone: its users hold a lock. */
static int name_probe(char path[TRIED_PATH], const char *dir)
{
    int n = snprintf(path, TRIED_PATH, "%s/crib-try-%d", dir, (int)getpid());

    return n < TRIED_PATH ? 0 : -ENAMETOOLONG;
}

int tried_make(const char *dir)
{
    char path[TRIED_PATH];
    int fd, r = name_probe(path, dir);

    if (r < 0)
        return r;
    if (mkdir(path, 0755) < 0 && errno != EEXIST)
        return -errno;
    fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

void tried_drop(int *probe, const char *dir)
{
    char path[TRIED_PATH];

    if (*probe < 0)
        return;
    fd_close(probe);
    if (name_probe(path, dir) == 0)
        rmdir(path);
}

int tried_write(const char *dir, const char *name, const char *text)
{
    AUTO_FD int fd = -1;
    char path[TRIED_PATH];

    if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
        return -ENAMETOOLONG;
    fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        return -errno;
    return 0;
}

bool tried_is(int probe, const char *name, const char *word)
{
    AUTO_FD int fd = openat(probe, name, O_RDONLY | O_CLOEXEC);
    char text[64];
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

    if (n < 0)
        return false;
    text[n] = '\0';
    text[strcspn(text, "\n")] = '\0';
    return strcmp(text, word) == 0;
}

int tried_read(const char *path, size_t max, char **ret)
{
    AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t len;

    return fd < 0 ? -errno : fd_read_file(fd, max, ret, &len);
}
