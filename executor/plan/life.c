/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/plan.h"

#include <errno.h>
#include <stdbool.h>
#include <signal.h>
#include <stdio.h>

#include "plan/bytes.h"
#include "plan/limits.h"

#define SETUP_DEADLINE 10000 /* ms; all of init's set-up, mounts on slow disks included */

/* Return: what it is that has its other end in the parent; NULL: nothing. */
static const char *other_end(Crib__Stdio__Kind kind)
{
    switch (kind) {
    case CRIB__STDIO__KIND__pipe:
        return "pipe";
    case CRIB__STDIO__KIND__channel:
        return "channel";
    case CRIB__STDIO__KIND__pty:
        return "terminal";
    default:
        return NULL;
    }
}

/* Nobody is there to keep a time, read a pipe or answer on a channel once the parent is gone. */
static int check_detached(struct planning *p, const Crib__LifePlan *plan)
{
    const Crib__Program *program = p->plan->program;

    if (plan->timeout && p->task->has_timeout && p->task->timeout)
        return fail_text(p->err, -EINVAL, "detached", -1, NULL,
                         "a detached task has no parent to keep its timeout");
    if (plan->timeout)
        return fail_text(p->err, -EINVAL, "detached", -1, NULL,
                         "a detached task has no parent to keep limits.wall_time: leave it out, "
                         "or name it in limits.preferred");
    for (size_t i = 0; i < program->n_stdio; i++) {
        const char *other = other_end(program->stdio[i]->kind);

        if (other)
            return fail_text(p->err, -EINVAL, "detached", -1, NULL,
                             "a detached task cannot have a %s (fd %u): its parent may be gone",
                             other, program->stdio[i]->fd);
    }
    return 0;
}

static int plan_wall_time(struct planning *p, Crib__LifePlan *plan)
{
    const Crib__Limits *limits = p->policy->limits;
    char asked[32], applied[64];

    plan->has_timeout = true;
    plan->timeout = p->task->has_timeout ? p->task->timeout : 0;
    if (!limits || !limits->has_wall_time || limits->wall_time == UINT64_MAX)
        return 0;
    if (limits->wall_time == 0)
        return fail_text(p->err, -EINVAL, "limits", -1, "wall_time",
                         "0 would end every task before it starts: leave it out for no limit");
    snprintf(asked, sizeof(asked), "%llu", (unsigned long long)limits->wall_time);
    if (p->task->detached && limit_preferred(limits, "wall_time"))
        return plan_receipt(p, "limits.wall_time", asked,
                            "not available: a detached task has no parent to keep it");
    if (plan->timeout == 0 || limits->wall_time < plan->timeout) {
        plan->timeout = limits->wall_time;
        plan->rule = (char *)"";
        if (limit_rule(p, "wall_time", &plan->rule) < 0)
            return plan_no_memory(p, "life");
    }
    snprintf(applied, sizeof(applied), "%llu ms", (unsigned long long)plan->timeout);
    return plan_receipt(p, "limits.wall_time", asked, applied);
}

int plan_life(struct planning *p)
{
    Crib__LifePlan *plan = ARENA_NEW(p->arena, crib__life_plan, Crib__LifePlan);
    const Crib__Task *task = p->task;
    int r;

    if (!plan)
        return plan_no_memory(p, "life");
    plan->has_detached = plan->has_kill_signal = plan->has_setup_deadline = true;
    plan->detached = task->has_detached && task->detached;
    plan->kill_signal = task->has_kill_signal && task->kill_signal ? task->kill_signal : SIGTERM;
    plan->setup_deadline = SETUP_DEADLINE;
    if (plan->kill_signal >= _NSIG)
        return fail_text(p->err, -EINVAL, "kill_signal", -1, NULL,
                         "%u is no signal, those are 1 to %d", plan->kill_signal, _NSIG - 1);
    p->plan->life = plan;
    r = plan_wall_time(p, plan);
    if (r == 0 && plan->detached)
        r = check_detached(p, plan);
    return r;
}
