/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Life as pid 1: one poll() over what can happen.
 */
#include "init/init.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "init/answers.h"
#include "wire/packet.h"

enum { CONTROL, PARENT, SIGNALS, LISTENER, COUNT };

/*
 * Every way out of here ends the sandbox: we are pid 1. But the kernel closes our files first, and
 * with them goes the lock of the task's own id, where the parent is gone too: nobody may have that
 * id then any more.
 */
void leave(void)
{
    kill(-1, SIGKILL);
    while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
        ;
    _exit(0);
}

static void take_order(struct init *init)
{
    char data[256];
    size_t none = 0;
    long n = packet_receive(init->control, data, sizeof(data), NULL, &none);
    Crib__Order *order;

    if (n <= 0)
        return;
    order = crib__order__unpack(NULL, (size_t)n, (uint8_t *)data);
    if (order && order->has_signal)
        kill(init->task, (int)order->signal);
    crib__order__free_unpacked(order, NULL);
}

static void reap(struct init *init, struct answers *answers)
{
    uint64_t lost;
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid != init->task)
            continue;
        lost = answers_finish(answers);
        report_end(init, status, lost, answers && answers->killed);
        leave_behind(init);
        leave();
    }
}

/*
 * A signal from outside is the task's: who knows our pid knows it as the task's. One from inside
 * would be the task talking to itself, and is dropped.
 */
static void take_signals(struct init *init, int fd, struct answers *answers)
{
    struct signalfd_siginfo info;

    while (read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGCHLD)
            reap(init, answers);
        else if (info.ssi_pid == 0)
            kill(init->task, (int)info.ssi_signo);
    }
}

/* Return: what answers, made at the first call; without it the task would wait for ever. */
static struct answers *answer(struct init *init, struct answers *answers)
{
    if (!answers)
        answers = answers_new(init);
    if (!answers)
        leave();
    answers_next(answers);
    return answers;
}

/* The parent's end of the control socket closes with it, by exec too; a detached task goes on. */
static void check_parent(struct init *init, struct pollfd *polls)
{
    if (polls[PARENT].revents)
        leave();
    if (!(polls[CONTROL].revents & (POLLHUP | POLLERR)))
        return;
    if (!init->plan->life->detached)
        leave();
    polls[CONTROL].fd = -1;
}

void serve(struct init *init)
{
    struct answers *answers = NULL;
    struct pollfd polls[COUNT] = {
        [CONTROL] = {.fd = init->control, .events = POLLIN},
        [PARENT] = {.fd = init->plan->life->detached ? -1 : init->parent, .events = POLLIN},
        [SIGNALS] = {.events = POLLIN},
        [LISTENER] = {.fd = init->listener, .events = POLLIN},
    };
    sigset_t all;

    sigfillset(&all);
    polls[SIGNALS].fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
    if (polls[SIGNALS].fd < 0)
        leave();
    reap(init, answers); /* SIGCHLD was blocked since the start, but it may have been merged */
    for (;;) {
        poll(polls, COUNT, answers_due(answers));
        answers_flush(answers);
        if (polls[LISTENER].revents & POLLIN)
            answers = answer(init, answers);
        else if (polls[LISTENER].revents)
            polls[LISTENER].fd = -1; /* nobody is left under the filter */
        if (polls[CONTROL].revents & POLLIN)
            take_order(init);
        if (polls[SIGNALS].revents & POLLIN)
            take_signals(init, polls[SIGNALS].fd, answers);
        check_parent(init, polls);
    }
}
