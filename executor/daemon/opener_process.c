/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/opener_process.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "daemon/opener_child.h"
#include "wire/packet.h"

/* Forked with all signals blocked: no handler of the daemon runs in the child. */
static pid_t fork_opener(const struct opener_start *start)
{
    sigset_t all, before;
    int code;
    pid_t pid;

    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    pid = fork();
    code = errno;
    if (pid == 0)
        opener_child(start);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return pid < 0 ? -code : pid;
}

static void reap(struct opener_process *process)
{
    siginfo_t info;

    while (waitid(P_PID, (id_t)process->pid, &info, WEXITED) < 0 && errno == EINTR)
        ;
}

/* Sets pid, pidfd and sock. Return: 0; negative errno, and nothing is left. */
static int start_process(struct opener_process *process, const struct peer *peer, bool change)
{
    struct opener_start start = {.peer = peer, .change = change, .parent = getpid()};
    AUTO_FD int ours = -1;
    AUTO_FD int theirs = -1;
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    ours = pair[0];
    theirs = pair[1];
    start.sock = theirs;
    process->pid = fork_opener(&start);
    if (process->pid < 0)
        return process->pid;
    process->pidfd = pidfd_open(process->pid, 0);
    if (process->pidfd < 0) {
        int code = -errno;

        kill(process->pid, SIGKILL);
        reap(process);
        return code;
    }
    process->sock = fd_take(&ours);
    return 0;
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct opener_process *process = handle->data;

    if (--process->handles > 0)
        return;
    if (process->on)
        process->on->gone(process);
    free(process);
}

static void close_handle(uv_handle_t *handle)
{
    if (!uv_is_closing(handle))
        uv_close(handle, on_handle_closed);
}

static void stop_talking(struct opener_process *process)
{
    process->living = false;
    close_handle((uv_handle_t *)&process->talk);
    close_handle((uv_handle_t *)&process->timer);
    fd_close(&process->sock);
}

void opener_process_kill(struct opener_process *process)
{
    if (!process->living)
        return;
    stop_talking(process);
    pidfd_send_signal(process->pidfd, SIGKILL, NULL, 0);
}

static void lose(struct opener_process *process)
{
    if (!process->living)
        return;
    opener_process_kill(process);
    process->on->lost(process);
}

void opener_process_abandon(struct opener_process *process)
{
    opener_process_kill(process);
    close_handle((uv_handle_t *)&process->life);
    fd_close(&process->pidfd);
}

/* It has ended. What it said last is not read: an opener ends only when something is wrong. */
static void on_life(uv_poll_t *poll, int status, int events)
{
    struct opener_process *process = poll->data;

    (void)status;
    (void)events;
    lose(process);
    reap(process);
    opener_process_abandon(process);
}

static void on_talk(uv_poll_t *poll, int status, int events)
{
    struct opener_process *process = poll->data;

    if (status < 0 || events & UV_DISCONNECT)
        lose(process);
    else
        process->on->readable(process);
}

static void on_timer(uv_timer_t *timer)
{
    struct opener_process *process = timer->data;

    process->on->alarm(process);
}

static int watch(struct opener_process *process, uv_loop_t *loop)
{
    int r;

    process->talk.data = process->life.data = process->timer.data = process;
    r = uv_poll_init(loop, &process->life, process->pidfd);
    if (r < 0)
        return r;
    process->handles++;
    r = uv_poll_init(loop, &process->talk, process->sock);
    if (r < 0)
        return r;
    process->handles += 2;
    uv_timer_init(loop, &process->timer);
    r = uv_poll_start(&process->life, UV_READABLE, on_life);
    return r < 0 ? r : uv_poll_start(&process->talk, UV_READABLE, on_talk);
}

/* Of one that could not be watched nobody hears. */
static void unmake(struct opener_process *process)
{
    process->on = NULL;
    pidfd_send_signal(process->pidfd, SIGKILL, NULL, 0);
    reap(process);
    if (process->handles > 1)
        stop_talking(process);
    fd_close(&process->sock);
    fd_close(&process->pidfd);
    if (process->handles > 0)
        close_handle((uv_handle_t *)&process->life);
    else
        free(process);
}

int opener_process_start(uv_loop_t *loop, const struct peer *peer, bool change,
                         const struct opener_process_events *on, void *owner,
                         struct opener_process **ret)
{
    struct opener_process *process = calloc(1, sizeof(*process));
    int r = process ? start_process(process, peer, change) : -ENOMEM;

    if (r < 0) {
        free(process);
        return r;
    }
    process->on = on;
    process->owner = owner;
    process->living = true;
    r = watch(process, loop);
    if (r < 0)
        unmake(process);
    else
        *ret = process;
    return r;
}

void opener_process_send(struct opener_process *process, const void *data, size_t len)
{
    if (packet_send(process->sock, data, len, NULL, 0) < 0)
        shutdown(process->sock, SHUT_RDWR);
}

void opener_process_alarm(struct opener_process *process, uint64_t ms)
{
    if (ms)
        uv_timer_start(&process->timer, on_timer, ms, 0);
    else
        uv_timer_stop(&process->timer);
}
