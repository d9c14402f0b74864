/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/launch.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "launch/groups.h"
#include "launch/nets.h"
#include "launch/parts.h"
#include "wire/packet.h"

/*
 * One packet with at most one fd: others are closed, and an error.
 *
 * Return: as packet_receive()
 */
static long receive(struct launch *launch, void *data, size_t size, int *ret_fd)
{
    int fds[PACKET_MAX_FDS];
    size_t count = PACKET_MAX_FDS;
    long n = packet_receive(launch->control, data, size, fds, &count);

    if (n < 0 || count == 0)
        return n;
    *ret_fd = fds[0];
    if (count == 1)
        return n;
    while (count > 1)
        fd_close(&fds[--count]);
    return -EPROTO;
}

/* Whether an fd belongs to it. */
static bool brings(const Crib__Report *report)
{
    return report->terminal || report->upper || (report->left && report->left->code == 0);
}

/* What is left behind is so once the program has ended, each file in its turn. */
static int check_left(struct launch *launch, const Crib__Report *report)
{
    if (!report->left)
        return 0;
    if (!launch->ended || report->terminal || report->end || report->upper)
        return -EPROTO;
    if (launch->left >= launch->lefts || report->left->index != launch->left)
        return -EPROTO;
    launch->left++;
    return 0;
}

/* Where the changes of overlays will be is known before anything runs. */
static int check_upper(struct launch *launch, const Crib__Report *report)
{
    if (report->started && launch->uppers)
        return -EPROTO;
    if (!report->upper)
        return 0;
    if (!launch->uppers || report->started || report->terminal || report->end)
        return -EPROTO;
    launch->uppers--;
    return 0;
}

/* An fd comes with a report that is of one, and with no other. */
static int check_report(struct launch *launch, const Crib__Report *report, int fd)
{
    int r;

    if (!report || brings(report) != (fd >= 0))
        return -EPROTO;
    if (launch->terminal ? report->started : report->terminal)
        return -EPROTO;
    r = check_left(launch, report);
    if (r == 0)
        r = check_upper(launch, report);
    if (r < 0)
        return r;
    launch->terminal = launch->terminal && !report->terminal;
    launch->ended = launch->ended || report->end;
    return 0;
}

int launch_receive(struct launch *launch, struct arena *arena, Crib__Report **ret_report,
                   int *ret_fd)
{
    uint8_t data[PACKET_MAX_BYTES];
    AUTO_FD int fd = -1;
    long n = receive(launch, data, sizeof(data), &fd);
    int r;

    *ret_fd = -1;
    /* Init has left without reading all of ours. That is told once, and before what it still sent.
     */
    if (n == -ECONNRESET)
        n = receive(launch, data, sizeof(data), &fd);
    if (n == -ECONNRESET)
        return 0;
    if (n <= 0)
        return (int)n;
    *ret_report = crib__report__unpack(&arena->pb, (size_t)n, data);
    r = check_report(launch, *ret_report, fd);
    if (r < 0 || fd < 0)
        return r < 0 ? r : 1;
    *ret_fd = fd > 2 ? fd_take(&fd) : fd_copy(fd, 3);
    return *ret_fd < 0 ? *ret_fd : 1;
}

static int order(struct launch *launch, int signo)
{
    Crib__Order order = CRIB__ORDER__INIT;
    int r;

    order.has_signal = 1;
    order.signal = (uint32_t)signo;
    r = packet_send_message(launch->control, &order.base);
    return r == -EPIPE || r == -ECONNRESET ? -ESRCH : r;
}

int launch_signal(struct launch *launch, int signo)
{
    if (signo < 1 || signo >= NSIG)
        return -EINVAL;
    if (signo == SIGKILL) {
        groups_kill(launch->groups);
        return syscall(SYS_pidfd_send_signal, launch->pidfd, SIGKILL, NULL, 0) < 0 ? -errno : 0;
    }
    return order(launch, signo);
}

int launch_end(struct launch *launch)
{
    return order(launch, SIGKILL);
}

int launch_reap(struct launch *launch, int *ret_status)
{
    struct pollfd gone = {.fd = launch->pidfd, .events = POLLIN};

    if (poll(&gone, 1, 0) <= 0)
        return -EAGAIN;
    launch->gone = true;
    return waitpid(launch->pid, ret_status, WNOHANG) == launch->pid ? 1 : 0;
}

void launch_leave(struct launch *launch)
{
    /* Our fds are never 0 to 2, so that a zeroed struct closes nothing. */
    if (launch->pidfd > 0)
        fd_close(&launch->pidfd);
    if (launch->control > 0)
        fd_close(&launch->control);
    if (launch->own > 0)
        fd_close(&launch->own);
    if (launch->gone)
        nets_give_back(launch->net);
    else
        nets_drop(launch->net);
    launch->net = NULL;
    groups_free(launch->groups);
    launch->groups = NULL;
    launch->pid = 0;
}

void launch_done(struct launch *launch)
{
    struct pollfd gone = {.fd = launch->pidfd, .events = POLLIN};
    int status;

    if (launch->pid > 0) {
        /* Where there is no such call, its pid is good as long as it is not gone. */
        if (syscall(SYS_pidfd_send_signal, launch->pidfd, SIGKILL, NULL, 0) < 0 &&
            poll(&gone, 1, 0) == 0)
            kill(launch->pid, SIGKILL);
        launch->gone = poll(&gone, 1, -1) > 0;
        waitpid(launch->pid, &status, WNOHANG);
    }
    launch_leave(launch);
}
