/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crib-init as an fd: a sealed memfd, so that there is nothing on disk to find and nothing that a
 * task could overwrite; where the host forbids executable memfds, the installed copy.
 */
#include "launch/parts.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U /* Linux 6.3 */
#endif

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

extern const char launch_image[], launch_image_end[];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int kept = -1;

static int new_memfd(void)
{
    int fd = memfd_create("crib-init", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);

    if (fd < 0 && errno == EINVAL)
        fd = memfd_create("crib-init", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    return fd < 0 ? -errno : fd;
}

static int make_memfd(void)
{
    size_t len = (size_t)(launch_image_end - launch_image);
    int fd = new_memfd(), r;

    if (fd < 0)
        return fd;
    r = fchmod(fd, 0555) < 0 ? -errno : fd_write_all(fd, launch_image, len);
    if (r == 0 && fcntl(fd, F_ADD_SEALS, SEALS) < 0)
        r = -errno;
    if (r < 0)
        fd_close(&fd);
    return r < 0 ? r : fd;
}

/* Not among 0 to 2, which may be closed in the caller and become somebody's stdio. */
static int find_image(struct crib_error *err)
{
    int fd = make_memfd(), high;

    if (fd == -EACCES || fd == -EPERM) {
        fd = open(CRIB_INIT_PATH, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            return fail_sys(err, -errno, "init", -1, CRIB_INIT_PATH,
                            "executable memfds are forbidden (vm.memfd_noexec) and the installed "
                            "copy cannot be opened");
    }
    if (fd < 0)
        return fail_sys(err, fd, "init", -1, NULL, "make the image");
    high = fd_copy(fd, 3);
    fd_close(&fd);
    return high < 0 ? fail_sys(err, high, "init", -1, NULL, "make the image") : high;
}

int image_fd(struct crib_error *err)
{
    int fd;

    pthread_mutex_lock(&lock);
    /* A host program that closes fds which are not its own gets a new one, not an error. */
    if (kept >= 0 && fcntl(kept, F_GET_SEALS) != SEALS && errno != EINVAL)
        kept = -1;
    if (kept < 0) {
        fd = find_image(err);
        kept = fd < 0 ? -1 : fd;
    } else {
        fd = kept;
    }
    pthread_mutex_unlock(&lock);
    return fd;
}
