/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The place of a task that runs under a daemon.
 */
#include <errno.h>
#include <signal.h>

#include "base/clock.h"
#include "client/remote.h"

static int signal_task(crib_task *task, int signo)
{
    struct remote_task *to = task->remote;
    Crib__KillRequest request = CRIB__KILL_REQUEST__INIT;
    int r;

    request.task = to->number;
    request.signal = (uint32_t)signo;
    r = rpc_call(to->link->rpc, RPC_KILL, &request.base, to->link->deadline_ms, NULL, NULL);
    return r == -ENOTCONN ? -ESRCH : r; /* that it is lost is told from the loop */
}

/* Events come by the loop alone. */
static bool catch_up(crib_task *task)
{
    (void)task;
    return false;
}

static void quiet(crib_task *task)
{
    struct remote_task *to = task->remote;

    to->quiet = true;
    rpc_forget(to->link->rpc, to);
    remote_link_silent(to);
}

/* Whether there is any is known there. */
static int give_up(crib_task *task)
{
    struct remote_task *to = task->remote;

    if (!to->over)
        (void)signal_task(task, SIGKILL);
    return -ESRCH;
}

static void forget(struct remote_task *to)
{
    Crib__ForgetRequest request = CRIB__FORGET_REQUEST__INIT;

    request.task = to->number;
    (void)rpc_call(to->link->rpc, RPC_FORGET, &request.base, 0, NULL, NULL);
}

static void close_all(crib_task *task)
{
    struct remote_task *to = task->remote;

    quiet(task);
    if (to->over)
        forget(to);
    else if (task->silent)
        (void)signal_task(task, SIGKILL);
    remote_link_leave(to->link, to);
}

/* The terminal itself is here: what sets its size needs no daemon. */
const struct task_place remote_place = {signal_task, catch_up, quiet,
                                        close_all,   give_up,  task_set_window};

static void end_lost(crib_task *task, const struct crib_error *error)
{
    task_emit_error(task, error);
    if (task->state != TASK_RUNNING)
        return; /* it was let go meanwhile */
    task->result.verdict = task->cause ? task->cause : CRIB_KILLED;
    task->result.status = -1;
    task->result.signal = SIGKILL;
    task->result.wall_us = clock_us() - task->started_us;
    task_ended(task);
}

void remote_task_lost(struct remote_task *to, const struct crib_error *error)
{
    crib_task *task = to->task;

    if (to->quiet)
        return;
    rpc_forget(to->link->rpc, to);
    if (task->state == TASK_STARTING)
        task_failed(task, error);
    else if (task->state == TASK_RUNNING)
        end_lost(task, error);
    if (to->quiet)
        return;
    remote_link_silent(to);
    task_gone(task);
}
