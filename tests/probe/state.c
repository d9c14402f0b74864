/* SPDX-License-Identifier: Apache-2.0 */
/* What the process is and has: fds, ids, capabilities, mounts, session, limits, environment. */
#include "probe/probe.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#define FD_TOP 4096

static const char *kind_of(const struct stat *st)
{
    switch (st->st_mode & S_IFMT) {
    case S_IFREG:
        return "file";
    case S_IFDIR:
        return "dir";
    case S_IFCHR:
        return "chr";
    case S_IFBLK:
        return "blk";
    case S_IFIFO:
        return "pipe";
    case S_IFSOCK:
        return "socket";
    case S_IFLNK:
        return "link";
    default:
        return "anon";
    }
}

/* `NUMBER KIND ACCESS [cloexec]`: every number is tried, so nothing hides from the list. */
static int verb_fds(int argc, char **argv)
{
    static const char *const access_names[] = {"r", "w", "rw", "path"};

    (void)argc;
    (void)argv;
    for (int fd = 0; fd < FD_TOP; fd++) {
        int flags = fcntl(fd, F_GETFL), own = fcntl(fd, F_GETFD);
        struct stat st;

        if (own < 0 || fstat(fd, &st) < 0)
            continue;
        printf("%d %s %s%s\n", fd, kind_of(&st),
               flags & O_PATH ? "path" : access_names[flags & O_ACCMODE],
               own & FD_CLOEXEC ? " cloexec" : "");
    }
    return 0;
}

/* The same numbers as /proc has them, each with what its link says. */
static int verb_fdlinks(int argc, char **argv)
{
    DIR *dir = opendir("/proc/self/fd");
    struct dirent *entry;

    (void)argc;
    (void)argv;
    if (!dir)
        return !say("/proc/self/fd", -1);
    while ((entry = readdir(dir))) {
        char text[512];
        ssize_t len;

        if (!isdigit((unsigned char)entry->d_name[0]) || atoi(entry->d_name) == dirfd(dir))
            continue;
        len = readlinkat(dirfd(dir), entry->d_name, text, sizeof(text) - 1);
        text[len < 0 ? 0 : len] = 0;
        printf("%s %s\n", entry->d_name, text);
    }
    closedir(dir);
    return 0;
}

/* `KEY VALUE` of the lines of /proc/self/status that are about rights, then what prctl says. */
static int verb_caps(int argc, char **argv)
{
    static const char *const wanted[] = {"CapInh",     "CapPrm",  "CapEff", "CapBnd", "CapAmb",
                                         "NoNewPrivs", "Seccomp", "Groups", "Uid",    "Gid"};
    FILE *file = fopen("/proc/self/status", "re");
    char line[1024];

    (void)argc;
    (void)argv;
    while (file && fgets(line, sizeof(line), file))
        for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
            size_t len = strlen(wanted[i]);

            if (strncmp(line, wanted[i], len) == 0 && line[len] == ':') {
                for (char *c = line; *c; c++)
                    if (*c == '\t')
                        *c = ' ';
                line[strcspn(line, "\n")] = 0;
                printf("%s%s\n", wanted[i], line + len + 1);
            }
        }
    if (file)
        fclose(file);
    printf("securebits 0x%x\n", (unsigned)prctl(PR_GET_SECUREBITS));
    printf("no_new_privs %d\n", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    printf("dumpable %d\n", prctl(PR_GET_DUMPABLE));
    printf("keepcaps %d\n", prctl(PR_GET_KEEPCAPS));
    return 0;
}

/* The sets as the calls give them, where there is no /proc. */
static int verb_capget(int argc, char **argv)
{
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {0};
    int bounding = 0;

    (void)argc;
    (void)argv;
    if (syscall(SYS_capget, &head, data) < 0)
        return !say("capget", -1);
    for (int cap = 0; cap < 64; cap++)
        bounding += prctl(PR_CAPBSET_READ, cap) == 1;
    printf("permitted %08x%08x\n", data[1].permitted, data[0].permitted);
    printf("effective %08x%08x\n", data[1].effective, data[0].effective);
    printf("inheritable %08x%08x\n", data[1].inheritable, data[0].inheritable);
    printf("bounding %d\n", bounding);
    return 0;
}

/* `TARGET TYPE OPTIONS SUPER-OPTIONS PROPAGATION`, PROPAGATION `private` when there is none. */
static int verb_mounts(int argc, char **argv)
{
    FILE *file = fopen("/proc/self/mountinfo", "re");
    char line[4096];

    (void)argc;
    (void)argv;
    if (!file)
        return !say("/proc/self/mountinfo", -1);
    while (fgets(line, sizeof(line), file)) {
        char root[1024], target[1024], options[512], rest[2048], type[128], source[1024],
            super[1024], *dash;

        if (sscanf(line, "%*d %*d %*s %1023s %1023s %511s %2047[^\n]", root, target, options,
                   rest) != 4)
            continue;
        dash = strncmp(rest, "- ", 2) == 0 ? rest : strstr(rest, " - ");
        if (!dash ||
            sscanf(dash + (dash == rest ? 2 : 3), "%127s %1023s %1023s", type, source, super) != 3)
            continue;
        *dash = 0;
        printf("%s %s %s %s %s\n", target, type, options, super, *rest ? rest : "private");
    }
    fclose(file);
    return 0;
}

static int verb_ids(int argc, char **argv)
{
    uid_t uid[3];
    gid_t gid[3], groups[256];
    int count;

    (void)argc;
    (void)argv;
    getresuid(&uid[0], &uid[1], &uid[2]);
    getresgid(&gid[0], &gid[1], &gid[2]);
    printf("uid %u %u %u\n", uid[0], uid[1], uid[2]);
    printf("gid %u %u %u\n", gid[0], gid[1], gid[2]);
    count = getgroups(256, groups);
    printf("groups %d", count);
    for (int i = 0; i < count; i++)
        printf(" %u", groups[i]);
    putchar('\n');
    return 0;
}

static int verb_session(int argc, char **argv)
{
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);

    (void)argc;
    (void)argv;
    say("tty", fd);
    printf("pid %d\nppid %d\npgid %d\nsid %d\n", getpid(), getppid(), getpgrp(), getsid(0));
    for (int i = 0; i < 3; i++)
        printf("isatty%d %d\n", i, isatty(i));
    if (fd >= 0)
        close(fd);
    return 0;
}

static int verb_env(int argc, char **argv)
{
    extern char **environ;

    (void)argc;
    (void)argv;
    for (char **entry = environ; *entry; entry++)
        printf("%s\n", *entry);
    return 0;
}

/* `COUNT`, then each argument in brackets. */
static int verb_args(int argc, char **argv)
{
    printf("%d\n", argc - 1);
    for (int i = 1; i < argc && i < 100; i++)
        printf("[%s]\n", argv[i]);
    return 0;
}

static int verb_argv0(int argc, char **argv)
{
    (void)argc;
    printf("%s\n", argv[-1]);
    return 0;
}

static int verb_cwd(int argc, char **argv)
{
    char path[4096];
    long r = syscall(SYS_getcwd, path, sizeof(path));

    (void)argc;
    (void)argv;
    if (r < 0)
        return !say("cwd", -1);
    printf("%s\n", path);
    return 0;
}

static int verb_limits(int argc, char **argv)
{
    static const char *const names[] = {
        "cpu",     "fsize", "data",  "stack",      "core",     "rss",  "nproc",  "nofile",
        "memlock", "as",    "locks", "sigpending", "msgqueue", "nice", "rtprio", "rttime"};

    (void)argc;
    (void)argv;
    for (int i = 0; i < 16; i++) {
        struct rlimit limit;

        if (getrlimit(i, &limit) < 0)
            say(names[i], -1);
        else
            printf("%s %llu %llu\n", names[i], (unsigned long long)limit.rlim_cur,
                   (unsigned long long)limit.rlim_max);
    }
    return 0;
}

static int verb_uname(int argc, char **argv)
{
    struct utsname name;

    (void)argc;
    (void)argv;
    uname(&name);
    printf("hostname %s\ndomain %s\n", name.nodename, name.domainname);
    return 0;
}

/* `NAME LINK` of each namespace. */
static int verb_ns(int argc, char **argv)
{
    static const char *const names[] = {"user", "pid", "mnt", "net", "ipc", "uts", "cgroup"};

    (void)argc;
    (void)argv;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[64], text[64];
        ssize_t len;

        snprintf(path, sizeof(path), "/proc/self/ns/%s", names[i]);
        len = readlink(path, text, sizeof(text) - 1);
        text[len < 0 ? 0 : len] = 0;
        printf("%s %s\n", names[i], len < 0 ? errno_name(errno) : text);
    }
    return 0;
}

/* `PID STATE NAME` of each process that /proc shows. */
static int verb_pids(int argc, char **argv)
{
    DIR *dir = opendir("/proc");
    struct dirent *entry;

    (void)argc;
    (void)argv;
    if (!dir)
        return !say("/proc", -1);
    while ((entry = readdir(dir))) {
        char path[300], line[512] = "", *name, *end;
        int fd;

        if (!isdigit((unsigned char)entry->d_name[0]))
            continue;
        snprintf(path, sizeof(path), "/proc/%s/stat", entry->d_name);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || read(fd, line, sizeof(line) - 1) < 0)
            line[0] = 0;
        if (fd >= 0)
            close(fd);
        name = strchr(line, '(');
        end = strrchr(line, ')');
        if (name && end)
            printf("%s %c %.*s\n", entry->d_name, end[2], (int)(end - name - 1), name + 1);
    }
    closedir(dir);
    return 0;
}

static int verb_time(int argc, char **argv)
{
    struct timespec now;

    (void)argc;
    (void)argv;
    clock_gettime(CLOCK_REALTIME, &now);
    printf("%lld\n", (long long)now.tv_sec);
    return 0;
}

/* The dispositions and the mask that the program was started with. */
static int verb_signals(int argc, char **argv)
{
    FILE *file = fopen("/proc/self/status", "re");
    char line[512];

    (void)argc;
    (void)argv;
    while (file && fgets(line, sizeof(line), file))
        if (strncmp(line, "Sig", 3) == 0 && line[3] != 'Q')
            printf("%.6s %s", line, strchr(line, '\t') + 1);
    if (file)
        fclose(file);
    return 0;
}

const struct verb state_verbs[] = {
    {"fds", verb_fds, 0},         {"fdlinks", verb_fdlinks, 0}, {"caps", verb_caps, 0},
    {"capget", verb_capget, 0},   {"mounts", verb_mounts, 0},   {"ids", verb_ids, 0},
    {"session", verb_session, 0}, {"env", verb_env, 0},         {"args", verb_args, 0},
    {"argv0", verb_argv0, 0},     {"cwd", verb_cwd, 0},         {"limits", verb_limits, 0},
    {"uname", verb_uname, 0},     {"ns", verb_ns, 0},           {"pids", verb_pids, 0},
    {"time", verb_time, 0},       {"signals", verb_signals, 0}, {NULL, NULL, 0},
};
