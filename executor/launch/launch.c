/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/launch.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "launch/groups.h"
#include "launch/parts.h"
#include "wire/packet.h"

/* Both ends above 2, which may be closed in the caller and must not be mistaken for its stdio. */
static int make_control(int *ret_ours, int *ret_theirs)
{
    AUTO_FD int one = -1, other = -1;
    int pair[2], ours, theirs;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
        return -errno;
    one = pair[0];
    other = pair[1];
    ours = fd_copy(one, 3);
    if (ours < 0)
        return ours;
    theirs = fd_copy(other, 3);
    if (theirs < 0) {
        fd_close(&ours);
        return theirs;
    }
    *ret_ours = ours;
    *ret_theirs = theirs;
    return 0;
}

/* Behind the trees goes the lock of the task's own id, which init keeps without looking at it. */
static int add_own(int own, int *trees, int count, struct crib_error *err)
{
    int r;

    if (own <= 0)
        return count;
    r = count < PACKET_MAX_FDS ? fd_copy(own, 3) : -EMFILE;
    if (r >= 0) {
        trees[count] = r;
        return count + 1;
    }
    while (count > 0)
        fd_close(&trees[--count]);
    return fail_sys(err, r, "ids.own", -1, NULL, "the lock of the id");
}

static int hand_over(const Crib__Plan *plan, const struct host_fds *paths, const int *stdio,
                     struct launch *launch, struct crib_error *err)
{
    int trees[PACKET_MAX_FDS];
    int r = write_maps(plan->ids, launch->pid, launch->pidfd, err), count;

    if (r < 0)
        return r;
    laps_mark(launch->laps, "launch.maps");
    count = make_trees(plan, paths, trees, err);
    if (count < 0)
        return count;
    count = add_own(launch->own, trees, count, err);
    if (count < 0)
        return count;
    laps_mark(launch->laps, "launch.trees");
    r = send_plan(plan, launch->control, stdio, trees, (size_t)count, err);
    while (count > 0)
        fd_close(&trees[--count]);
    return r;
}

static unsigned count_uppers(const Crib__Plan *plan)
{
    unsigned count = 0;

    for (size_t i = 0; i < plan->n_mounts; i++)
        count += plan->mounts[i]->type == CRIB__MOUNT_PLAN__TYPE__overlay &&
                 plan->mounts[i]->keep > CRIB__MOUNT__KEEP__discard;
    return count;
}

static const struct stumble controlling = {"init", -1, NULL, "a control socket", "socketpair"};

int launch_start(const Crib__Plan *plan, const struct host_fds *paths, const int *stdio,
                 struct laps *laps, struct launch *ret, struct crib_error *err)
{
    struct launch launch = {
        .pidfd = -1, .control = -1, .laps = laps, .terminal = plan->program->terminal != NULL,
        .lefts = plan->files ? (unsigned)plan->files->n_out : 0, .uppers = count_uppers(plan)};
    AUTO_FD int theirs = -1;
    int image = image_fd(&init_image, err), r;

    if (image < 0)
        return image;
    if (paths->own > 0) {
        launch.own = fd_copy(paths->own, 3);
        if (launch.own < 0)
            return fail_sys(err, launch.own, "ids.own", -1, NULL, "the lock of the id");
    }
    r = make_control(&launch.control, &theirs);
    if (r < 0) {
        launch_leave(&launch);
        return launch_fail(err, r, &controlling);
    }
    laps_mark(laps, "launch.image");
    r = plan->cgroup ? groups_new(plan->cgroup, &launch.groups, err) : 0;
    laps_mark(laps, "launch.groups");
    if (r == 0)
        r = clone_init(plan->namespaces, launch.groups, image, theirs, &launch.pid, &launch.pidfd,
                       err);
    groups_started(launch.groups);
    laps_mark(laps, "launch.clone");
    if (r == 0)
        r = hand_over(plan, paths, stdio, &launch, err);
    laps_mark(laps, r < 0 ? "launch.refused" : "launch.send");
    if (r < 0) {
        launch_done(&launch);
        return r;
    }
    *ret = launch;
    return 0;
}

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
        poll(&gone, 1, -1);
        waitpid(launch->pid, &status, WNOHANG);
    }
    launch_leave(launch);
}
