/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/nested.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "daemon/connection.h"
#include "supervise/task.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

#define PATH_BYTES 64
#define DEEPEST    33 /* pid namespaces, one in another: MAX_PID_NS_LEVEL, and one */

/* Return: the pid namespace of a process; 0 it cannot be looked at. */
static ino_t space_of(const char *process)
{
    char path[PATH_BYTES];
    struct stat st;

    snprintf(path, sizeof(path), "/proc/%s/ns/pid", process);
    return stat(path, &st) == 0 ? st.st_ino : 0;
}

static ino_t space_of_pid(pid_t pid)
{
    char text[16];

    snprintf(text, sizeof(text), "%d", (int)pid);
    return space_of(text);
}

static bool lives(int pidfd)
{
    struct pollfd poll_of = {.fd = pidfd, .events = POLLIN};

    return pidfd >= 0 && poll(&poll_of, 1, 0) == 0;
}

static const struct entry *entry_of(const crib_task *task)
{
    return task->data;
}

/* The task that has a namespace; 0: one whose namespace is not known. Also those that are being
 * ended: as long as init is there, so may be others. */
static const struct entry *find_task(const struct daemon *daemon, ino_t space)
{
    for (const crib_task *task = daemon->ex->tasks; task; task = task->next)
        if (!task->reaped && entry_of(task)->space == space)
            return entry_of(task);
    return NULL;
}

static int in_none(const struct daemon *daemon)
{
    return find_task(daemon, 0) ? -EACCES : 0;
}

/* Return: 1 and the task that has the namespace, or the nearest above it; 0 none; -EACCES. */
static int find_above(const struct daemon *daemon, pid_t pid, ino_t own, const struct entry **ret)
{
    char path[PATH_BYTES];
    AUTO_FD int fd = -1;

    snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    for (int depth = 0; fd >= 0 && depth < DEEPEST; depth++) {
        struct stat st;
        int above;

        if (fstat(fd, &st) < 0)
            return -EACCES;
        if (st.st_ino == own)
            return in_none(daemon);
        *ret = find_task(daemon, st.st_ino);
        if (*ret)
            return 1;
        above = ioctl(fd, NS_GET_PARENT);
        if (above < 0)
            return errno == EPERM ? in_none(daemon) : -EACCES; /* EPERM: beyond our own */
        fd_close(&fd);
        fd = above;
    }
    return -EACCES;
}

/* Whether a process has one number only, as the daemon's /proc sees it: then it is in no namespace
 * below. Anybody may read that. */
static bool is_plain(pid_t pid)
{
    char path[PATH_BYTES], *text = NULL, *at;
    unsigned numbers = 0;
    size_t len;
    AUTO_FD int fd = -1;

    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fd_read_file(fd, 64 * 1024, &text, &len) < 0)
        return false;
    at = strstr(text, "\nNSpid:");
    if (at) {
        char *line = at + strlen("\nNSpid:"), *end = strchr(line, '\n');

        while (line < end) {
            strtoul(line, &line, 10);
            numbers++;
            while (line < end && (*line == ' ' || *line == '\t'))
                line++;
        }
    }
    free(text);
    return numbers == 1;
}

/* Return: as find_above(). */
static int look(const struct daemon *daemon, pid_t pid, const struct entry **ret)
{
    ino_t own = space_of("self"), its = space_of_pid(pid);

    if (its && its == own)
        return 0;
    if (!its || !own)
        return is_plain(pid) ? 0 : -EACCES;
    return find_above(daemon, pid, own, ret);
}

int nested_look(const struct daemon *daemon, int pidfd, struct peer *peer)
{
    const struct entry *entry = NULL;
    int r;

    peer->inside = 0;
    if (!daemon->ex->tasks || peer->pid == 0)
        return 0; /* no task lives; or it is in no namespace of the daemon's, nor below */
    r = lives(pidfd) ? look(daemon, peer->pid, &entry) : -EACCES;
    if (!lives(pidfd))
        return -EACCES;
    if (r == 0)
        return 0;
    if (r < 0 || entry->doomed)
        return -EACCES;
    peer->inside = entry->id;
    return 0;
}

/* Return: a pidfd; -1. */
static int hold(int sock, const struct peer *peer)
{
    int fd = -1;
    socklen_t size = sizeof(fd);
    struct stat st;
    char path[PATH_BYTES];

    if (getsockopt(sock, SOL_SOCKET, SO_PEERPIDFD, &fd, &size) == 0)
        return fd;
    if (errno != ENOPROTOOPT || peer->pid <= 0)
        return -1;
    /* an older kernel: the number may be another's by now, but hardly one of the same user */
    fd = pidfd_open(peer->pid, 0);
    snprintf(path, sizeof(path), "/proc/%d", (int)peer->pid);
    if (fd >= 0 && (stat(path, &st) < 0 || (st.st_uid != peer->uid && st.st_uid != 0)))
        fd_close(&fd);
    return fd;
}

int nested_find(const struct daemon *daemon, int sock, struct peer *peer)
{
    AUTO_FD int pidfd = -1;

    peer->inside = 0;
    if (!daemon->ex->tasks)
        return 0;
    pidfd = hold(sock, peer);
    return nested_look(daemon, pidfd, peer);
}

static bool is_program(const Crib__MountPlan *mount)
{
    return mount->from && strcmp(mount->from, "program") == 0;
}

/* What was shown for the task's program alone is part of what it has. */
static int add_program(struct entry *entry, const Crib__Plan *plan, Crib__Policy *policy)
{
    for (size_t i = 0; i < plan->n_mounts; i++) {
        Crib__Mount *mount;

        if (!is_program(plan->mounts[i]))
            continue;
        mount = ARENA_NEW(&entry->arena, crib__mount, Crib__Mount);
        if (!mount)
            return -ENOMEM;
        mount->has_source = mount->has_target = true;
        mount->source = plan->mounts[i]->source;
        mount->target = plan->mounts[i]->target;
        policy->mounts[policy->n_mounts++] = mount;
    }
    return 0;
}

int nested_note(struct entry *entry, const Crib__Task *task, const Crib__Plan *plan)
{
    Crib__Policy policy = *task->policy;
    size_t most = policy.n_mounts + task->n_mounts + plan->n_mounts, size;
    AUTO_FREE Crib__Mount **mounts = calloc(most + 1, sizeof(*mounts));

    entry->space = space_of_pid((pid_t)entry->pid);
    if (!mounts)
        return -ENOMEM;
    if (policy.n_mounts)
        memcpy(mounts, policy.mounts, policy.n_mounts * sizeof(*mounts));
    if (task->n_mounts)
        memcpy(mounts + policy.n_mounts, task->mounts, task->n_mounts * sizeof(*mounts));
    policy.mounts = mounts;
    policy.n_mounts += task->n_mounts;
    if (add_program(entry, plan, &policy) < 0)
        return -ENOMEM;
    size = crib__policy__get_packed_size(&policy);
    entry->ceiling.data = arena_alloc(&entry->arena, size + 1);
    if (!entry->ceiling.data)
        return -ENOMEM;
    entry->ceiling.len = crib__policy__pack(&policy, entry->ceiling.data);
    return 0;
}

int nested_ceiling(const struct daemon *daemon, const struct peer *peer, struct arena *arena,
                   Crib__Policy **ret, struct crib_error *err)
{
    const struct entry *entry = NULL;

    *ret = NULL;
    if (!peer->inside)
        return 0;
    for (const crib_task *task = daemon->ex->tasks; task && !entry; task = task->next)
        if (entry_of(task)->id == peer->inside)
            entry = entry_of(task);
    if (!entry || entry->doomed || !entry->ceiling.data)
        return fail_text(err, -EACCES, "ceiling", -1, NULL, "the task that asks has ended");
    *ret = crib__policy__unpack(&arena->pb, entry->ceiling.len, entry->ceiling.data);
    return *ret ? 0 : fail_sys(err, -ENOMEM, "ceiling", -1, NULL, NULL);
}

int nested_check(const Crib__SpawnRequest *request, struct crib_error *err)
{
    const Crib__Task *task = request->task;

    if (request->detached)
        return fail_text(err, -EACCES, "detached", -1, NULL,
                         "a task that another task asks for cannot outlive it");
    for (size_t i = 0; i < task->n_stdio; i++)
        if (task->stdio[i]->has_kind && task->stdio[i]->kind == CRIB__STDIO__KIND__file)
            return fail_text(err, -EACCES, "stdio", (int)task->stdio[i]->fd, NULL,
                             "for a task that another task asks for nothing is opened on the "
                             "host: give it an fd");
    return 0;
}

static bool shows(const Crib__Policy *policy, const ProtobufCBinaryData *path)
{
    for (size_t i = 0; i < policy->n_mounts; i++) {
        const Crib__Mount *mount = policy->mounts[i];
        const ProtobufCBinaryData *source = mount->has_source ? &mount->source : &mount->target;
        Crib__Mount__Type type = mount->has_type ? mount->type : CRIB__MOUNT__TYPE__bind;

        if ((type == CRIB__MOUNT__TYPE__bind || type == CRIB__MOUNT__TYPE__host ||
             type == CRIB__MOUNT__TYPE__overlay) &&
            source->len == path->len && memcmp(source->data, path->data, path->len) == 0)
            return true;
    }
    return false;
}

int nested_check_plan(const Crib__Plan *plan, const Crib__Policy *ceiling, struct crib_error *err)
{
    for (size_t i = 0; i < plan->n_mounts; i++)
        if (is_program(plan->mounts[i]) && !shows(ceiling, &plan->mounts[i]->source))
            return fail_text(err, -EACCES, "program", -1,
                             (const char *)plan->mounts[i]->target.data,
                             "the policy does not show it; for a task that another task asks for "
                             "nothing is shown besides");
    return 0;
}

int nested_cut(const struct daemon *daemon, const struct peer *peer, struct arena *arena,
               Crib__Policy **policy, bool *ret_cut, struct crib_error *err)
{
    Crib__Policy *ceiling;
    int r = nested_ceiling(daemon, peer, arena, &ceiling, err);

    return r < 0 || !ceiling ? r : site_cut(policy, ceiling, false, false, arena, ret_cut, err);
}
