/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Single calls and capabilities.
 */
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <errno.h>

#include "base/fd.h"
#include "doctor/tries.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U /* Linux 6.3 */
#endif

void try_calls(struct told *told)
{
    struct open_how how = {.flags = O_PATH | O_CLOEXEC};
    int self = (int)syscall(SYS_pidfd_open, getpid(), 0);
    int pair[2];

    if (told_failed(told, "pidfd_open", self) ||
        told_failed(told, "pidfd_send_signal", syscall(SYS_pidfd_send_signal, self, 0, NULL, 0)) ||
        told_failed(told, "openat2", syscall(SYS_openat2, AT_FDCWD, "/", &how, sizeof(how))) ||
        told_failed(told, "socketpair",
                    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)))
        return;
    (void)told_failed(told, "close_range", syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_CLOEXEC));
}

/* An executable one, sealed, as crib-init is started from. */
void try_memfd(struct told *told)
{
    int fd = memfd_create("crib-doctor", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);

    if (fd < 0 && errno == EINVAL) /* before 6.3 all are executable */
        fd = memfd_create("crib-doctor", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (told_failed(told, "memfd_create", fd) || told_failed(told, "fchmod", fchmod(fd, 0555)))
        return;
    (void)told_failed(told, "fcntl", fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SEAL));
}

/* With a size of nothing the kernel that has the call says EINVAL. */
void try_clone3(struct told *told)
{
    long r = syscall(SYS_clone3, NULL, (size_t)0);

    (void)told_failed(told, "clone3", r < 0 && errno != EINVAL ? r : 0);
}

void try_ambient(struct told *told)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];

    if (told_failed(told, "capget", syscall(SYS_capget, &head, data)))
        return;
    data[0].inheritable = data[0].permitted;
    data[1].inheritable = data[1].permitted;
    if (told_failed(told, "capset", syscall(SYS_capset, &head, data)))
        return;
    (void)told_failed(told, "prctl(PR_CAP_AMBIENT)",
                      prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_ADMIN, 0, 0));
}

void try_loopback(struct told *told)
{
    struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (!told_failed(told, "socket", sock))
        (void)told_failed(told, "ioctl(SIOCSIFFLAGS)", ioctl(sock, SIOCSIFFLAGS, &lo));
}
