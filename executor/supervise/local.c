/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A task whose sandbox is under this process: init's control socket and pidfd on the loop.
 */
#include "supervise/task.h"

#include <errno.h>
#include <signal.h>

#include "base/auto.h"
#include "supervise/escalation.h"
#include "supervise/left.h"
#include "supervise/overlays.h"
#include "supervise/placeholders.h"

#define REPORTS_AT_ONCE 64         /* in one turn of the loop: others wait too */
#define REPORT_ARENA    (1u << 20) /* bytes; a packet is at most 64 KiB */

/* Return: as launch_receive(). */
static int read_report(crib_task *task)
{
    struct arena scratch;
    Crib__Report *report;
    AUTO_FD int fd = -1;
    int r;

    arena_init(&scratch, REPORT_ARENA);
    r = launch_receive(&task->launch, &scratch, &report, &fd);
    if (r > 0 && report->terminal) {
        int code = task_take_master(task, fd);

        r = code < 0 ? code : r;
    }
    if (r > 0 && report->upper) {
        int code = overlays_take(task, report->upper, fd_take(&fd));

        r = code < 0 ? code : r;
    }
    if (r > 0)
        task_report(task, report, &scratch);
    if (r > 0 && report->left)
        left_take(task, report->left, fd_take(&fd));
    arena_done(&scratch);
    return r;
}

static void not_understood(crib_task *task, int code)
{
    struct crib_error error;

    fail_sys(&error, code, "init", -1, NULL, "receive its report");
    task_failed(task, &error);
}

bool task_read_reports(crib_task *task)
{
    int r = 1;

    if (task->control_ended)
        return false;
    for (int i = 0; i < REPORTS_AT_ONCE && r > 0 && !task->control_ended; i++)
        r = read_report(task);
    if (r > 0 || r == -EAGAIN || r == -EINTR)
        return r > 0;
    /* The end, or nonsense: init is leaving, and whatever it still does is of no use. */
    task->control_ended = true;
    uv_poll_stop(&task->control);
    if (task->state < TASK_ENDING || r < 0)
        launch_signal(&task->launch, SIGKILL);
    if (r < 0)
        left_gone(task, r);
    if (r < 0 && task->state == TASK_STARTING && !task->cause && !task->killed)
        not_understood(task, r);
    return false;
}

/* Init's process is gone: whatever it has not reported now, it never will. */
static void on_gone(uv_poll_t *poll, int status, int events)
{
    crib_task *task = poll->data;
    int init_status = 0, r;

    (void)status;
    (void)events;
    r = launch_reap(&task->launch, &init_status);
    if (r == -EAGAIN)
        return;
    uv_timer_stop(&task->timer);
    task->place->quiet(task);
    while (task_read_reports(task))
        ;
    task->init_status = r > 0 ? init_status : SIGKILL;
    if (task->state < TASK_ENDING)
        task_program_ended(task, NULL);
    task_gone(task);
}

static void on_control(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    task_read_reports(poll->data);
}

static int signal_init(crib_task *task, int signo)
{
    return launch_signal(&task->launch, signo);
}

static void quiet(crib_task *task)
{
    if (task->handles > 1)
        uv_poll_stop(&task->control);
    if (task->handles > 2)
        uv_poll_stop(&task->gone);
}

static void close_all(crib_task *task)
{
    if (task->handles > 1)
        uv_close((uv_handle_t *)&task->control, task_handle_closed);
    if (task->handles > 2)
        uv_close((uv_handle_t *)&task->gone, task_handle_closed);
    /* A pid that has been reaped may be somebody else's by now. */
    if (task->silent)
        launch_done(&task->launch);
    else
        launch_leave(&task->launch);
}

static int give_up(crib_task *task)
{
    if (relays_ended(task))
        return -ESRCH;
    relays_drop(task);
    return 0;
}

static const struct task_place here = {signal_init, task_read_reports, quiet,
                                       close_all,   give_up,           task_set_window};

static int watch(crib_task *task)
{
    int r = uv_poll_init(task->loop, &task->control, task->launch.control);

    if (r < 0)
        return r;
    task->control.data = task;
    task->handles = 2;
    r = uv_poll_init(task->loop, &task->gone, task->launch.pidfd);
    if (r < 0)
        return r;
    task->gone.data = task;
    task->handles = 3;
    uv_poll_start(&task->control, UV_READABLE, on_control);
    uv_poll_start(&task->gone, UV_READABLE, on_gone);
    return 0;
}

int task_adopt(crib_task *task, struct launch launch, struct crib_error *err)
{
    int r;

    task->place = &here;
    task->launch = launch;
    task->pid = launch.pid;
    task_begin(task);
    r = watch(task);
    if (r < 0)
        return fail_sys(err, r, "loop", -1, NULL, "watch the task");
    escalation_set_up(task);
    return 0;
}

/* Said only where it could have been otherwise. */
static void tell_start(crib_task *task)
{
    Crib__Receipt line = CRIB__RECEIPT__INIT;

    line.mechanism = (char *)"start";
    line.asked = (char *)"prepared";
    line.applied = (char *)(task->launch.prepared ? "prepared ahead" : "made for this task");
    if (task->pool)
        task_receipt(task, &line);
}

/* The caller may have no right to one that could be used again. */
static void tell_net(crib_task *task)
{
    Crib__Receipt line = CRIB__RECEIPT__INIT;

    line.mechanism = (char *)"net.namespace";
    line.asked = (char *)"empty";
    line.applied = (char *)"empty, its own";
    if (task->plan->namespaces->net_again && !task->launch.net)
        task_receipt(task, &line);
}

int task_start(crib_task *task, const struct host_fds *paths, const int *stdio,
               struct crib_error *err)
{
    struct launch launch;
    int r = placeholders_make(task->plan, paths, &task->placeholders, err);

    if (r == 0)
        r = overlays_open(task, paths, err);
    laps_mark(task->laps, "supervise.overlays");
    if (r == 0)
        r = launch_start(
            &(struct launching){task->plan, paths, stdio, task->pool, task->laps}, &launch, err);
    if (r == 0)
        r = task_adopt(task, launch, err);
    if (r == 0) {
        tell_start(task);
        tell_net(task);
    }
    return r;
}
