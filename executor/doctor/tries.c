/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/tries.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"

static void nothing(struct told *told)
{
    (void)told;
}

static const struct row {
    const char *name;
    int flags;
    try_body *body;
} rows[] = {
    {"calls", 0, try_calls},
    {"memfd", 0, try_memfd},
    {"clone3", 0, try_clone3},
    {"filter", 0, try_filter},
    {"listener", 0, try_listener},
    {"landlock", 0, try_landlock},
    {"namespaces.mount", CLONE_NEWUSER | CLONE_NEWNS, nothing},
    {"namespaces.pid", CLONE_NEWUSER | CLONE_NEWPID, nothing},
    {"namespaces.net", CLONE_NEWUSER | CLONE_NEWNET, nothing},
    {"namespaces.ipc", CLONE_NEWUSER | CLONE_NEWIPC, nothing},
    {"namespaces.uts", CLONE_NEWUSER | CLONE_NEWUTS, nothing},
    {"namespaces.cgroup", CLONE_NEWUSER | CLONE_NEWCGROUP, nothing},
    {"loopback", CLONE_NEWUSER | CLONE_NEWNET, try_loopback},
    {"ambient", CLONE_NEWUSER, try_ambient},
    {"mounts", CLONE_NEWUSER | CLONE_NEWNS, try_mounts},
    {"proc", CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID, try_proc},
    {"devpts", CLONE_NEWUSER | CLONE_NEWNS, try_devpts},
    {"overlay", CLONE_NEWUSER | CLONE_NEWNS, try_overlay},
};

bool told_failed(struct told *told, const char *call, long result)
{
    int code = result < 0 ? -errno : 0;

    snprintf(told->call, sizeof(told->call), "%s", call);
    told->code = code;
    return code < 0;
}

static bool write_map(struct told *told, const char *path, const char *text)
{
    AUTO_FD int fd = open(path, O_WRONLY | O_CLOEXEC);

    return !told_failed(told, path, fd < 0 ? fd : (long)write(fd, text, strlen(text)));
}

/* Its own number, as an ordinary caller's task has it. */
static bool map_ids(struct told *told, uid_t uid, gid_t gid)
{
    char uids[32], gids[32];

    snprintf(uids, sizeof(uids), "%u %u 1\n", uid, uid);
    snprintf(gids, sizeof(gids), "%u %u 1\n", gid, gid);
    return write_map(told, "/proc/self/setgroups", "deny") &&
           write_map(told, "/proc/self/gid_map", gids) &&
           write_map(told, "/proc/self/uid_map", uids);
}

struct trial {
    struct told *told;
    try_body *body;
    bool map;
    uid_t uid;
    gid_t gid;
};

static void in_child(const struct trial *trial)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_DUMPABLE, 1); /* else its own maps would be root's files */
    if (!trial->map || map_ids(trial->told, trial->uid, trial->gid)) {
        told_failed(trial->told, "", 0);
        trial->body(trial->told);
    }
    _exit(0);
}

static int add(const char *name, const struct told *told, int signo, struct arena *arena,
               Crib__Survey *survey)
{
    Crib__Survey__Attempt *attempt = ARENA_NEW(arena, crib__survey__attempt, Crib__Survey__Attempt);

    if (!attempt)
        return -ENOMEM;
    attempt->name = arena_text(arena, name);
    attempt->has_code = true;
    attempt->code = told->code;
    attempt->has_signal = signo != 0;
    attempt->signal = (uint32_t)signo;
    if (told->code < 0 || signo)
        attempt->call = arena_text(arena, told->call);
    return attempt->name ? arena_push(arena, &survey->attempts, &survey->n_attempts, attempt)
                         : -ENOMEM;
}

/* Return: the signal that ended it; 0. */
static int wait_for(pid_t pid)
{
    int status = 0;

    while (waitpid(pid, &status, __WALL) < 0 && errno == EINTR)
        ;
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static int try_in(struct told *told, const char *name, int flags, try_body *body,
                  struct arena *arena, Crib__Survey *survey)
{
    const struct trial trial = {told, body, (flags & CLONE_NEWUSER) != 0, geteuid(), getegid()};
    pid_t pid;

    snprintf(told->call, sizeof(told->call), "clone");
    told->code = 0;
    /* As fork(), but into new namespaces, and by the call that crib itself uses. */
    pid = (pid_t)syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, 0);
    if (pid == 0)
        in_child(&trial);
    if (pid > 0)
        return add(name, told, wait_for(pid), arena, survey);
    if (!flags)
        return -errno;
    told->code = -errno;
    return add(name, told, 0, arena, survey);
}

int tries_one(const char *name, int flags, try_body *body, struct arena *arena,
              Crib__Survey *survey)
{
    struct told *told =
        mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int r;

    if (told == MAP_FAILED)
        return -errno;
    r = try_in(told, name, flags, body, arena, survey);
    munmap(told, sizeof(*told));
    return r;
}

int tries_make(bool namespaces, struct arena *arena, Crib__Survey *survey)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < sizeof(rows) / sizeof(rows[0]); i++)
        if (namespaces || !(rows[i].flags & CLONE_NEWUSER))
            r = tries_one(rows[i].name, rows[i].flags, rows[i].body, arena, survey);
    return r;
}
