/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/foreign.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <asm/ioctls.h>
#include <unistd.h>

#include "base/auto.h"

/* fstat() would ask the file system. The kernel looks "." up in a directory alone, and with
 * RESOLVE_CACHED asks nobody then. */
static bool is_directory(int fd)
{
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_CACHED};
    long r = syscall(SYS_openat2, fd, ".", &how, sizeof(how));

    if (r >= 0)
        close((int)r);
    return r >= 0 || errno != ENOTDIR;
}

/* The kernel answers this for regular files itself, and for nothing else that is no directory. */
static bool is_regular(int fd)
{
    loff_t size;

    return ioctl(fd, FIOQSIZE, &size) == 0;
}

/* Finds ` - TYPE ` in the line of mountinfo that begins with @id. */
static bool names_mount(const char *line, unsigned long long id, bool *ret_served)
{
    unsigned long long number;
    const char *type;

    if (sscanf(line, "%llu ", &number) != 1 || number != id)
        return false;
    type = strstr(line, " - ");
    *ret_served = !type || strncmp(type + 3, "fuse", 4) == 0;
    return true;
}

/* A mount that is not seen may have been made by anybody, over anything. @pid: who sees; 0: we. */
static bool is_served(unsigned long long mount, pid_t pid)
{
    char path[40] = "/proc/self/mountinfo";
    AUTO_FREE char *line = NULL;
    bool served = true;
    size_t room = 0;
    FILE *file;

    if (pid > 0)
        snprintf(path, sizeof(path), "/proc/%d/mountinfo", (int)pid);
    file = fopen(path, "re");
    if (!file)
        return true;
    while (getline(&line, &room, file) > 0 && !names_mount(line, mount, &served))
        ;
    fclose(file);
    return served;
}

static bool is_known(const struct foreign_mounts *known, unsigned long long mount)
{
    for (int i = 0; known && i < known->n; i++)
        if (known->id[i] == mount)
            return true;
    return false;
}

static int check_file(int fd, struct foreign_mounts *known, pid_t pid)
{
    struct statx st;

    if (fcntl(fd, F_GET_SEALS) >= 0) /* in memory: memfd, tmpfs */
        return 0;
    /* Asked for nothing, a file system tells its device, and the kernel the mount. */
    if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, 0, &st) < 0)
        return -errno;
    if (st.stx_dev_major != 0) /* a block device, mounted by root */
        return 0;
    if (!(st.stx_mask & STATX_MNT_ID))
        return -EOPNOTSUPP;
    if (is_known(known, st.stx_mnt_id))
        return 0;
    if (is_served(st.stx_mnt_id, 0) && (pid <= 0 || is_served(st.stx_mnt_id, pid)))
        return -EOPNOTSUPP;
    if (known && known->n < FOREIGN_MOUNTS)
        known->id[known->n++] = st.stx_mnt_id;
    return 0;
}

int foreign_look(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0)
        return -errno;
    if (flags & O_PATH)
        return -EINVAL;
    return is_directory(fd) ? -EISDIR : 0;
}

int foreign_check_task(int fd, struct foreign_mounts *known, pid_t pid)
{
    int r = foreign_look(fd);

    return r == 0 && is_regular(fd) ? check_file(fd, known, pid) : r;
}

int foreign_check(int fd, struct foreign_mounts *known)
{
    return foreign_check_task(fd, known, 0);
}

void foreign_calm(int fd)
{
    struct linger none = {0};

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
}

static pid_t fork_with_fds(void)
{
    return (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL, NULL, 0);
}

/* The child's child closes, so that it need not be waited for. */
static void close_apart(int fd)
{
    pid_t pid = fork_with_fds();

    if (pid == 0) {
        if (fork_with_fds() == 0)
            close(fd);
        _exit(0);
    }
    if (pid < 0) /* better one fd less than to wait for its file system */
        return;
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    /* Closing begins with leaving the table. A tenth of a second is no promise, only patience. */
    for (int i = 0; i < 100 && fcntl(fd, F_GETFD) >= 0; i++)
        usleep(1000);
}

void foreign_close(int *fd)
{
    int kept = errno;

    if (*fd < 0)
        return;
    foreign_calm(*fd);
    if (foreign_check(*fd, NULL) == -EOPNOTSUPP)
        close_apart(*fd);
    else
        close(*fd);
    *fd = -1;
    errno = kept;
}
