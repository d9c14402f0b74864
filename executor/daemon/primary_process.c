/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/primary_process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "daemon/become.h"
#include "daemon/log.h"
#include "primary/primary.h"

#define GRACE_MS 5000 /* for one that is left to remove what it has made in the file system */

/* --- the child, until it is executed --- */

static void inherit(int fd)
{
    (void)fcntl(fd, F_SETFD, 0);
}

/* The program is the one that runs here, whatever is at its path by now. Ends with the errno where
 * it cannot be executed. */
static void __attribute__((noreturn))
be_primary(int sock, const struct peer *peer, bool change, pid_t parent, const char *path)
{
    char *const argv[] = {(char *)"cribd", (char *)PRIMARY_OPTION, (char *)path, NULL};
    char *const env[] = {NULL};
    int exe, r;

    become_leave_fds(sock, PRIMARY_SOCK);
    exe = open("/proc/self/exe", O_PATH | O_CLOEXEC);
    r = become_peer(peer, change, parent);
    become_leave_signals();
    for (int fd = 0; fd <= PRIMARY_SOCK; fd++)
        inherit(fd);
    if (r == 0 && exe >= 0)
        syscall(SYS_execveat, exe, "", argv, env, AT_EMPTY_PATH);
    _exit(r < 0 ? -r : errno);
}

/* --- starting --- */

/* All signals blocked: no handler of the daemon runs in the child. */
static pid_t fork_primary(struct daemon *daemon, int sock, const struct peer *peer,
                          const char *path)
{
    pid_t parent = getpid(), pid;
    sigset_t all, before;
    int code;

    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    pid = fork();
    code = errno;
    if (pid == 0)
        be_primary(sock, peer, daemon->uid == 0, parent, path);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return pid < 0 ? -code : pid;
}

/* Return: whether it was ended by us or itself, in *info. */
static void reap(const struct primary_process *process, siginfo_t *info)
{
    *info = (siginfo_t){0};
    while (waitid(P_PID, (id_t)process->pid, info, WEXITED) < 0 && errno == EINTR)
        ;
}

/* Sets pid, pidfd and sock. Return: 0; negative errno, and nothing is left. */
static int start_process(struct primary_process *process, const struct peer *peer, const char *path)
{
    AUTO_FD int ours = -1;
    AUTO_FD int theirs = -1;
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
        return -errno;
    ours = pair[0];
    theirs = pair[1];
    process->pid = fork_primary(process->daemon, theirs, peer, path);
    if (process->pid < 0)
        return process->pid;
    process->pidfd = pidfd_open(process->pid, 0);
    if (process->pidfd < 0) {
        int code = -errno;
        siginfo_t info;

        kill(process->pid, SIGKILL);
        reap(process, &info);
        return code;
    }
    process->sock = fd_take(&ours);
    return 0;
}

/* --- the end --- */

static void give_back(struct daemon *daemon, uid_t uid)
{
    daemon->metrics.clusters--;
    quota_release(daemon->quota, uid, QUOTA_CLUSTERS, 1);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct primary_process *process = handle->data;
    struct daemon *daemon = process->daemon;

    if (--process->handles > 0)
        return;
    fd_close(&process->pidfd);
    give_back(daemon, process->uid);
    free(process);
    daemon_settle(daemon);
}

static void close_handle(uv_handle_t *handle)
{
    if (!uv_is_closing(handle))
        uv_close(handle, on_handle_closed);
}

static void stop_talking(struct primary_process *process)
{
    process->owner = NULL;
    close_handle((uv_handle_t *)&process->talk);
    fd_close(&process->sock);
}

static void on_grace(uv_timer_t *timer)
{
    const struct primary_process *process = timer->data;

    pidfd_send_signal(process->pidfd, SIGKILL, NULL, 0);
}

void primary_process_leave(struct primary_process *process)
{
    if (!process->owner)
        return;
    stop_talking(process);
    uv_timer_start(&process->timer, on_grace, GRACE_MS, 0);
}

static void on_life(uv_poll_t *poll, int status, int events)
{
    struct primary_process *process = poll->data;
    siginfo_t info;
    int code, signo;

    (void)status;
    (void)events;
    reap(process, &info);
    code = info.si_code == CLD_EXITED ? info.si_status : 0;
    signo = info.si_code == CLD_EXITED ? 0 : info.si_status;
    log_line(LOG_INFO, "cluster ended",
             (struct log_field[]){LOG_N("uid", process->uid), LOG_N("pid", process->pid),
                                  LOG_N("status", code), LOG_N("signal", signo), LOG_END});
    if (process->owner)
        process->on->lost(process, code, signo);
    stop_talking(process);
    close_handle((uv_handle_t *)&process->timer);
    close_handle((uv_handle_t *)&process->life);
}

/* --- the loop --- */

static void on_talk(uv_poll_t *poll, int status, int events)
{
    struct primary_process *process = poll->data;

    (void)status; /* whoever is told finds out what is wrong */
    (void)events;
    process->on->ready(process);
}

void primary_process_watch(struct primary_process *process, int events)
{
    if (!process->owner || events == process->watching)
        return;
    process->watching = events;
    if (events)
        uv_poll_start(&process->talk, events, on_talk);
    else
        uv_poll_stop(&process->talk);
}

static int watch(struct primary_process *process)
{
    uv_loop_t *loop = process->daemon->loop;
    int r;

    process->talk.data = process->life.data = process->timer.data = process;
    r = uv_poll_init(loop, &process->life, process->pidfd);
    if (r < 0)
        return r;
    process->handles++;
    r = uv_poll_init(loop, &process->talk, process->sock);
    if (r < 0)
        return r;
    uv_timer_init(loop, &process->timer);
    process->handles += 2;
    return uv_poll_start(&process->life, UV_READABLE, on_life);
}

/* Of one that could not be watched nobody hears. */
static void unmake(struct primary_process *process)
{
    siginfo_t info;

    pidfd_send_signal(process->pidfd, SIGKILL, NULL, 0);
    reap(process, &info);
    fd_close(&process->sock);
    if (process->handles > 1) {
        close_handle((uv_handle_t *)&process->talk);
        close_handle((uv_handle_t *)&process->timer);
    }
    if (process->handles > 0) {
        close_handle((uv_handle_t *)&process->life);
        return;
    }
    fd_close(&process->pidfd);
    give_back(process->daemon, process->uid);
    free(process);
}

int primary_process_start(struct daemon *daemon, const struct peer *peer, const char *path,
                          const struct primary_process_events *on, void *owner,
                          struct primary_process **ret)
{
    struct primary_process *process = calloc(1, sizeof(*process));
    int r = process ? quota_charge(daemon->quota, peer->uid, QUOTA_CLUSTERS, 1) : -ENOMEM;

    if (r < 0) {
        free(process);
        return r;
    }
    daemon->metrics.clusters++;
    *process = (struct primary_process){
        .daemon = daemon, .owner = owner, .on = on, .uid = peer->uid, .sock = -1, .pidfd = -1};
    r = start_process(process, peer, path);
    if (r < 0) {
        give_back(daemon, peer->uid);
        free(process);
        return r;
    }
    r = watch(process);
    if (r < 0) {
        unmake(process);
        return r;
    }
    log_line(LOG_INFO, "cluster",
             (struct log_field[]){LOG_N("uid", peer->uid), LOG_N("pid", process->pid), LOG_END});
    *ret = process;
    return 0;
}
