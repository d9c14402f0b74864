/* SPDX-License-Identifier: Apache-2.0 */
#include "supervise/escalation.h"

#include <errno.h>
#include <signal.h>

#include "supervise/meter.h"

static void set_up_late(crib_task *task, uint64_t ms)
{
    struct crib_error error;

    task->place->signal(task, SIGKILL);
    fail_text(&error, -ETIMEDOUT, "init", -1, NULL, "set-up took longer than %llu s",
              (unsigned long long)(ms / 1000));
    task_failed(task, &error);
}

static uint64_t set_up_ms(const crib_task *task)
{
    const Crib__LifePlan *life = task->plan->life;

    return life && life->setup_deadline ? life->setup_deadline : TASK_SETUP_MS;
}

/* The loop's idea of now may be as old as the callback that is running. */
static void arm(crib_task *task, uint64_t ms);

/*
 * A program whose files are wanted is killed by its init, which then has them taken, and is given
 * the time for that. Return: whether it is.
 */
static bool spare_init(crib_task *task)
{
    if (task->spared || !task->launch.lefts || task->state != TASK_RUNNING)
        return false;
    task->spared = launch_end(&task->launch) == 0;
    if (task->spared)
        arm(task, TASK_LEAVE_MS);
    return task->spared;
}

static void on_timer(uv_timer_t *timer)
{
    crib_task *task = timer->data;
    enum task_state before = task->state;

    task->place->catch_up(task);
    if (task->state != before)
        return; /* just in time */
    if (task->cause && spare_init(task))
        return;
    if (task->cause)
        task->place->signal(task, SIGKILL);
    else if (task->state == TASK_STARTING)
        set_up_late(task, set_up_ms(task));
    else
        task_end(task, CRIB_WALL_TIMEOUT);
}

static void arm(crib_task *task, uint64_t ms)
{
    uv_update_time(task->loop);
    uv_timer_start(&task->timer, on_timer, ms, 0);
}

void escalation_set_up(crib_task *task)
{
    arm(task, set_up_ms(task));
}

void escalation_run(crib_task *task)
{
    const Crib__LifePlan *life = task->plan->life;

    if (task->cause)
        return;
    uv_timer_stop(&task->timer);
    if (life && life->timeout)
        arm(task, life->timeout);
}

/* What the kernel has counted by now was before what begins now. */
static bool has_cause(crib_task *task)
{
    if (!task->cause && task->state == TASK_RUNNING)
        meter_look(task);
    return task->cause != 0;
}

static const char *limit_of(enum crib_verdict cause, const Crib__LifePlan *life)
{
    if (cause == CRIB_WALL_TIMEOUT)
        return life && life->rule ? "wall_time" : "timeout";
    return cause == CRIB_OUTPUT ? "max_buffer" : NULL;
}

void task_end(crib_task *task, enum crib_verdict cause)
{
    const Crib__LifePlan *life = task->plan->life;

    if (task->state >= TASK_ENDING || has_cause(task))
        return;
    task->cause = cause;
    task->limit = limit_of(cause, life);
    task->place->signal(task, life && life->kill_signal ? (int)life->kill_signal : SIGTERM);
    arm(task, TASK_GRACE_MS);
}

/* Init's death is enough, and the groups are faster where the tree is large. */
static void kill_all(crib_task *task)
{
    task->place->signal(task, SIGKILL);
    groups_kill(task->launch.groups);
}

void task_end_at_once(crib_task *task, enum crib_verdict cause, const char *limit)
{
    if (task->cause || task->state >= TASK_ENDING)
        return;
    task->cause = cause;
    task->limit = limit;
    uv_timer_stop(&task->timer);
    if (!spare_init(task))
        kill_all(task);
}

void task_kill(crib_task *task)
{
    if (task->state >= TASK_ENDING)
        return;
    has_cause(task);
    task->killed = true;
    kill_all(task);
}

int task_signal(crib_task *task, int signo)
{
    if (signo < 0 || signo > SIGRTMAX)
        return -EINVAL;
    if (task->state == TASK_ENDING && task->place && signo == SIGKILL)
        return task->place->give_up(task);
    if (task->state >= TASK_ENDING)
        return -ESRCH;
    if (signo == 0)
        return 0;
    if (signo == SIGKILL) {
        task_kill(task);
        return 0;
    }
    task->signals |= 1ull << (signo - 1);
    return task->place->signal(task, signo);
}

int task_abort(crib_task *task)
{
    struct crib_error error;

    if (task->state >= TASK_ENDING)
        return -ESRCH;
    if (task->aborted)
        return 0;
    task->aborted = true;
    task_end(task, CRIB_KILLED);
    fail_text(&error, -ECANCELED, NULL, -1, NULL, "aborted");
    task_emit_error(task, &error);
    return 0;
}
