/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/become.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

void become_leave_fds(int sock, int at)
{
    if (sock != at)
        dup3(sock, at, O_CLOEXEC);
    close_range(0, (unsigned)at - 1, 0);
    close_range((unsigned)at + 1, ~0u, 0);
    for (int i = 0; i < at; i++)
        (void)open("/dev/null", O_RDWR | O_CLOEXEC);
}

/* By the system call: the C library keeps two to itself. */
void become_leave_signals(void)
{
    static const struct {
        void (*handler)(int);
        unsigned long flags;
        void (*restorer)(void);
        unsigned long mask;
    } plain;
    sigset_t none;

    for (int sig = 1; sig <= 64; sig++)
        syscall(SYS_rt_sigaction, sig, &plain, NULL, sizeof(plain.mask));
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* What a file could be opened with or left behind by, the ids aside. */
static int leave_surroundings(void)
{
    struct rlimit cores = {0}, files;

    setsid(); /* /dev/tty is not to be the daemon's */
    umask(022);
    setrlimit(RLIMIT_CORE, &cores);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max; /* also bounds the fds that may be on their way */
        setrlimit(RLIMIT_NOFILE, &files);
    }
    return chdir("/") < 0 ? -errno : 0;
}

static int drop_capabilities(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0}};

    return syscall(SYS_capset, &head, none) < 0 ? -errno : 0;
}

/* Changing ids makes a process dumpable where fs.suid_dumpable says so; until that is undone, the
 * capabilities that it still has keep the client from looking into it. */
static int take_ids(const struct peer *peer)
{
    if (prctl(PR_SET_KEEPCAPS, 1) < 0 || setgroups(peer->n_groups, peer->groups) < 0 ||
        setresgid(peer->gid, peer->gid, peer->gid) < 0 ||
        setresuid(peer->uid, peer->uid, peer->uid) < 0)
        return -errno;
    return geteuid() == peer->uid && getegid() == peer->gid ? 0 : -EPERM;
}

int become_peer(const struct peer *peer, bool change, pid_t parent)
{
    int r = leave_surroundings();

    if (prctl(PR_SET_DUMPABLE, 0) < 0)
        return -errno;
    if (r == 0 && change)
        r = take_ids(peer);
    if (prctl(PR_SET_DUMPABLE, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return -errno;
    if (r == 0 && peer->uid != 0)
        r = drop_capabilities();
    /* Behind the ids, whose change clears it; the socket's end says the same, but not to a process
     * that waits for a file system. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        return -errno;
    if (getppid() != parent)
        _exit(0);
    return r;
}
