/* SPDX-License-Identifier: Apache-2.0 */
/* What a hostile task would try against init, the runtime and the host. */
#include "probe/probe.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/* Tries an open; what it says is the last try's word, or `ok` when any went well. */
static void try_open(const char *path, int flags, int times)
{
    int fd = -1;

    for (int i = 0; i < times && fd < 0; i++)
        fd = open(path, flags | O_CLOEXEC | O_NONBLOCK);
    say(path, fd);
    if (fd >= 0)
        close(fd);
}

/* Everything of pid 1 that lies in /proc. */
static int verb_pid1_files(int argc, char **argv)
{
    static const char *const reads[] = {
        "/proc/1/mem",     "/proc/1/maps",    "/proc/1/environ",   "/proc/1/auxv", "/proc/1/stack",
        "/proc/1/syscall", "/proc/1/pagemap", "/proc/1/io",        "/proc/1/exe",  "/proc/1/smaps",
        "/proc/1/fd",      "/proc/1/fdinfo",  "/proc/1/map_files", "/proc/1/cwd",  "/proc/1/root"};
    static const char *const writes[] = {"/proc/1/mem",
                                         "/proc/1/oom_score_adj",
                                         "/proc/1/comm",
                                         "/proc/1/uid_map",
                                         "/proc/1/coredump_filter",
                                         "/proc/1/attr/current",
                                         "/proc/1/timens_offsets",
                                         "/proc/1/clear_refs",
                                         "/proc/1/autogroup",
                                         "/proc/1/setgroups",
                                         "/proc/1/loginuid"};
    char link[256];

    (void)argc;
    (void)argv;
    puts("read");
    for (size_t i = 0; i < sizeof(reads) / sizeof(reads[0]); i++) {
        int fd = open(reads[i], O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        char byte;
        long r = fd;

        /* Some may be opened and only refuse to be read. */
        if (fd >= 0 && strstr(reads[i], "fd") == NULL && read(fd, &byte, 1) <= 0 && errno != EISDIR)
            r = -1;
        if (fd >= 0 && strstr(reads[i], "fd")) {
            DIR *dir = fdopendir(dup(fd));
            int seen = 0;

            while (dir && readdir(dir))
                seen++;
            if (seen <= 2) {
                r = -1;
                errno = EACCES;
            }
            if (dir)
                closedir(dir);
        }
        say(reads[i], r);
        if (fd >= 0)
            close(fd);
    }
    say("readlink", readlink("/proc/1/exe", link, sizeof(link)));
    puts("write");
    for (size_t i = 0; i < sizeof(writes) / sizeof(writes[0]); i++)
        try_open(writes[i], O_WRONLY, 1);
    return 0;
}

/* The runtime's own program, again and again (CVE-2019-5736). */
static int verb_overwrite(int argc, char **argv)
{
    long times = number(argv[1]);
    int fd;

    (void)argc;
    try_open("/proc/1/exe", O_WRONLY, (int)times);
    try_open("/proc/1/exe", O_RDWR | O_TRUNC, (int)times);
    try_open("/proc/self/exe", O_WRONLY, (int)times);
    fd = open("/proc/1/exe", O_PATH | O_CLOEXEC);
    if (fd >= 0) {
        char path[64];

        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        try_open(path, O_WRONLY, (int)times);
        close(fd);
    }
    return 0;
}

static void try_limits(void)
{
    struct rlimit one = {1, 1}, got;

    say("prlimit_get", prlimit(1, RLIMIT_CPU, NULL, &got));
    say("prlimit_cpu", prlimit(1, RLIMIT_CPU, &one, NULL));
    say("prlimit_fsize", prlimit(1, RLIMIT_FSIZE, &one, NULL));
    say("prlimit_nofile", prlimit(1, RLIMIT_NOFILE, &one, NULL));
}

static void try_schedule(void)
{
    struct sched_param idle = {0};
    cpu_set_t none;

    CPU_ZERO(&none);
    CPU_SET(0, &none);
    say("setpriority", setpriority(PRIO_PROCESS, 1, 19));
    say("setpriority_group", setpriority(PRIO_PGRP, 1, 19));
    say("setpriority_user", setpriority(PRIO_USER, 65533, 19));
    say("sched_setscheduler", sched_setscheduler(1, SCHED_IDLE, &idle));
    say("sched_setparam", sched_setparam(1, &idle));
    say("sched_setaffinity", sched_setaffinity(1, sizeof(none), &none));
    say("ioprio_set", syscall(SYS_ioprio_set, 1, 1, 3 << 13));
    say("setpgid", setpgid(1, 0));
    say("migrate_pages", syscall(SYS_migrate_pages, 1, 0, NULL, NULL));
}

static void try_memory(void)
{
    char byte;
    struct iovec mine = {&byte, 1}, other = {(void *)0x400000, 1};
    long pidfd = syscall(SYS_pidfd_open, 1, 0);

    say("ptrace_attach", ptrace(PTRACE_ATTACH, 1, NULL, NULL));
    say("ptrace_seize", ptrace(PTRACE_SEIZE, 1, NULL, NULL));
    say("process_vm_readv", process_vm_readv(1, &mine, 1, &other, 1, 0));
    say("process_vm_writev", process_vm_writev(1, &mine, 1, &other, 1, 0));
    say("kcmp", syscall(SYS_kcmp, 1, getpid(), 0, 0, 0));
    for (int fd = 0; pidfd >= 0 && fd < 16; fd++)
        if (syscall(SYS_pidfd_getfd, pidfd, fd, 0) >= 0)
            printf("pidfd_getfd ok %d\n", fd);
    if (pidfd >= 0) {
        say("pidfd_send_signal", syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0));
        say("process_madvise", syscall(SYS_process_madvise, pidfd, &other, 1, 4, 0));
        say("setns", syscall(SYS_setns, pidfd, 0x20000));
        close((int)pidfd);
    }
}

/* Signals of every kind, to pid 1 and to all. What counts is that pid 1 goes on afterwards. */
static int verb_pid1_signals(int argc, char **argv)
{
    static const int signals[] = {SIGKILL, SIGSTOP, SIGTERM, SIGINT,  SIGHUP,
                                  SIGSEGV, SIGTSTP, SIGUSR1, SIGCHLD, SIGALRM};

    (void)argc;
    (void)argv;
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        char what[32];

        snprintf(what, sizeof(what), "kill%d", signals[i]);
        say(what, kill(1, signals[i]));
        syscall(SYS_tgkill, 1, 1, signals[i]);
    }
    for (int signo = 32; signo <= 64; signo++)
        kill(1, signo);
    usleep(100000);
    printf("ppid %d\n", getppid());
    return 0;
}

static int verb_pid1_change(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    try_limits();
    try_schedule();
    try_memory();
    usleep(50000);
    printf("ppid %d\n", getppid());
    return 0;
}

/* What lies in /proc and /sys and changes the host when written to. */
static int verb_kernel_writes(int argc, char **argv)
{
    static const char *const paths[] = {"/proc/sys/kernel/core_pattern",
                                        "/proc/sys/kernel/modprobe",
                                        "/proc/sys/kernel/hostname",
                                        "/proc/sys/kernel/domainname",
                                        "/proc/sys/vm/overcommit_memory",
                                        "/proc/sys/vm/panic_on_oom",
                                        "/proc/sys/fs/binfmt_misc/register",
                                        "/proc/sys/net/ipv4/ip_forward",
                                        "/proc/sys/kernel/ns_last_pid",
                                        "/proc/sysrq-trigger",
                                        "/proc/irq/default_smp_affinity",
                                        "/proc/kcore",
                                        "/proc/kmsg",
                                        "/proc/kpageflags",
                                        "/sys/kernel/uevent_helper",
                                        "/sys/fs/cgroup/release_agent",
                                        "/sys/fs/cgroup/cgroup.procs",
                                        "/sys/kernel/mm/ksm/run",
                                        "/dev/mem",
                                        "/dev/kmsg",
                                        "/dev/kvm",
                                        "/dev/sda",
                                        "/dev/vda",
                                        "/dev/fuse",
                                        "/dev/net/tun"};

    (void)argc;
    (void)argv;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        try_open(paths[i], O_WRONLY, 1);
    return 0;
}

/* tiocsti FD...: typing into a terminal, and the other ways in (TIOCLINUX paste, TIOCSCTTY). */
static int verb_tiocsti(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        int fd = (int)number(argv[i]);
        char paste = 3;

        for (const char *c = "touch /tmp/owned\n"; *c; c++)
            if (ioctl(fd, TIOCSTI, c) < 0)
                break;
        say("tiocsti", ioctl(fd, TIOCSTI, "\n"));
        say("tiocsti_high", syscall(SYS_ioctl, fd, TIOCSTI | (1L << 32), "\n"));
        say("tioclinux", ioctl(fd, TIOCLINUX, &paste));
        say("tiocsctty", ioctl(fd, TIOCSCTTY, 1));
        say("tiocsctty0", ioctl(fd, TIOCSCTTY, 0));
    }
    return 0;
}

/* Ways to more rights: each must fail, or change nothing. */
static int verb_rights(int argc, char **argv)
{
    gid_t group = 0;

    (void)argc;
    (void)argv;
    say("setuid0", setuid(0));
    say("setgid0", setgid(0));
    say("setresuid0", setresuid(0, 0, 0));
    say("setgroups", setgroups(1, &group));
    say("unshare_user", unshare(CLONE_NEWUSER));
    say("unshare_mount", unshare(CLONE_NEWNS));
    say("unshare_net", unshare(CLONE_NEWNET));
    say("unshare_pid", unshare(CLONE_NEWPID));
    say("chroot", chroot("/tmp"));
    say("mount", syscall(SYS_mount, "none", "/tmp", "tmpfs", 0, NULL));
    say("umount", syscall(SYS_umount2, "/proc", 2));
    say("pivot_root", syscall(SYS_pivot_root, "/tmp", "/tmp"));
    say("sethostname", sethostname("owned", 5));
    say("setdomainname", setdomainname("owned", 5));
    say("reboot", syscall(SYS_reboot, 0xfee1dead, 672274793, 0x89abcdef, NULL));
    say("swapon", syscall(SYS_swapon, "/tmp/x", 0));
    say("init_module", syscall(SYS_init_module, NULL, 0, ""));
    say("bpf", syscall(SYS_bpf, 0, NULL, 0));
    say("io_uring_setup", syscall(SYS_io_uring_setup, 1, NULL));
    say("userfaultfd", syscall(SYS_userfaultfd, 1));
    say("perf_event_open", syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0));
    say("acct", syscall(SYS_acct, "/tmp/x"));
    say("settimeofday", syscall(SYS_settimeofday, NULL, NULL));
    say("open_by_handle_at", syscall(SYS_open_by_handle_at, -100, NULL, 0));
    return 0;
}

static int write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));

    if (fd >= 0)
        close(fd);
    return n < 0 ? -1 : 0;
}

/* remount PATH: as root of a user namespace of its own, where that can be had, and where not. */
static int verb_remount(int argc, char **argv)
{
    unsigned uid = getuid();
    char map[64];

    (void)argc;
    say("unshare", unshare(CLONE_NEWUSER | CLONE_NEWNS));
    snprintf(map, sizeof(map), "0 %u 1", uid);
    say("setgroups", write_text("/proc/self/setgroups", "deny"));
    say("uid_map", write_text("/proc/self/uid_map", map));
    say("remount", mount(NULL, argv[1], NULL, MS_REMOUNT | MS_BIND, NULL));
    say("remount_nosuid", mount(NULL, argv[1], NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
    say("umount", umount2(argv[1], MNT_DETACH));
    say("umount_tmp", umount2("/tmp", MNT_DETACH));
    say("umount_root", umount2("/", MNT_DETACH));
    return 0;
}

const struct verb attack_verbs[] = {
    {"pid1-files", verb_pid1_files, 0},
    {"overwrite", verb_overwrite, 1},
    {"pid1-signals", verb_pid1_signals, 0},
    {"pid1-change", verb_pid1_change, 0},
    {"kernel-writes", verb_kernel_writes, 0},
    {"tiocsti", verb_tiocsti, 1},
    {"rights", verb_rights, 0},
    {"remount", verb_remount, 1},
    {NULL, NULL, 0},
};
