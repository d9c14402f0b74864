/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What init says, turned into events and the result.
 */
#include "supervise/task.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/clock.h"
#include "plan/plan.h"
#include "supervise/escalation.h"
#include "supervise/meter.h"
#include "supervise/timing.h"

static char *copy(crib_task *task, const char *text)
{
    return arena_text(&task->arena, text ? text : "");
}

/* Init's line replaces the plan's of the same mechanism, the same asked if there are several. */
static Crib__Receipt *find_line(const crib_task *task, const Crib__Receipt *line)
{
    Crib__Receipt *found = NULL;

    for (size_t i = 0; i < task->plan->n_receipt; i++) {
        Crib__Receipt *have = task->plan->receipt[i];

        if (strcmp(have->mechanism, line->mechanism) != 0)
            continue;
        if (have->asked && line->asked && strcmp(have->asked, line->asked) == 0)
            return have;
        found = found ? found : have;
    }
    return found;
}

/* The list may have been unpacked, with no room behind it. */
static int add_line(crib_task *task, Crib__Receipt *line)
{
    Crib__Plan *plan = task->plan;
    Crib__Receipt **list = arena_alloc(&task->arena, (plan->n_receipt + 1) * sizeof(*list));

    if (!list)
        return -ENOMEM;
    if (plan->n_receipt)
        memcpy(list, plan->receipt, plan->n_receipt * sizeof(*list));
    list[plan->n_receipt++] = line;
    plan->receipt = list;
    return 0;
}

void task_receipt(crib_task *task, const Crib__Receipt *line)
{
    Crib__Receipt *have = line->mechanism ? find_line(task, line) : NULL;

    if (!have && line->mechanism) {
        have = ARENA_NEW(&task->arena, crib__receipt, Crib__Receipt);
        if (!have || !(have->mechanism = copy(task, line->mechanism)) ||
            add_line(task, have) < 0)
            return;
    }
    if (!have)
        return;
    if (line->asked)
        have->asked = copy(task, line->asked);
    have->applied = copy(task, line->applied);
}

void task_report(crib_task *task, const Crib__Report *report, struct arena *scratch)
{
    struct crib_error error;

    timing_take(task, report);
    for (size_t i = 0; i < report->n_receipt; i++)
        task_receipt(task, report->receipt[i]);
    if (report->failure && task->state == TASK_STARTING) {
        launch_failure(task->plan, report->failure, &error);
        task_stopped(task, report->failure->step, &error);
        task_failed(task, &error);
    }
    if (report->started && task->state == TASK_STARTING)
        task_started(task);
    if (report->refused)
        task_refused(task, report->refused, scratch);
    if (report->end && task->state < TASK_ENDING)
        task_program_ended(task, report->end);
}

void task_started(crib_task *task)
{
    laps_mark(task->laps, "supervise.started");
    task_move(task, TASK_RUNNING);
    task->started_us = clock_us();
    escalation_run(task);
    meter_start(task);
    if (!task->silent && task->on.spawn)
        task->on.spawn(task, task->data);
    for (crib_stream *stream = task->streams; stream; stream = stream->next)
        stream_release(stream);
    relays_release(task);
    if (task->channel)
        channel_release(task->channel);
    if (task->stopping && task->state == TASK_RUNNING)
        task_stop(task);
}

void task_failed(crib_task *task, const struct crib_error *error)
{
    laps_mark(task->laps, "supervise.refused");
    task->result.verdict = CRIB_SETUP_FAILED;
    task->result.error = *error;
    task_stopped(task, NULL, error);
    task_move(task, TASK_ENDING);
    uv_timer_stop(&task->timer);
    meter_stop(task);
    task_emit_error(task, error);
}

/* Init is gone without a word before the program ran, and not because of us. */
static void vanished(crib_task *task, const struct groups_facts *facts)
{
    struct crib_error error;

    if (facts->oom_kills)
        fail_text(&error, -ENOMEM, "limits", -1, "memory", "%s",
                  facts->own_memory ? "too little for the set-up itself: ask for more"
                                    : "the host has none left for the set-up");
    else
        fail_text(&error, -ECONNRESET, "init", -1, NULL,
                  "ended before the program ran, wait status 0x%x", (unsigned)task->init_status);
    task_failed(task, &error);
}

/* The soft limit that each process has, in seconds; 0: none. */
static uint64_t cpu_rlimit(const crib_task *task)
{
    for (size_t i = 0; i < task->plan->n_limits; i++)
        if (strcmp(task->plan->limits[i]->name, "cpu_time") == 0)
            return task->plan->limits[i]->soft;
    return 0;
}

/* Too much may lie in the pipes and not have been seen yet. */
static void weigh_output(crib_task *task)
{
    const char *limit = task->cause ? NULL : output_passed(task);

    if (!limit)
        return;
    task->cause = CRIB_OUTPUT;
    task->limit = limit;
}

static void tell_usage(crib_task *task, const struct groups_facts *facts)
{
    Crib__Receipt line = CRIB__RECEIPT__INIT;
    char applied[ENDING_USAGE];

    ending_usage(facts, applied);
    line.mechanism = (char *)"usage";
    line.asked = (char *)"tree";
    line.applied = applied;
    task_receipt(task, &line);
}

void task_program_ended(crib_task *task, const Crib__Report__End *end)
{
    const Crib__CgroupPlan *cgroup = task->plan->cgroup;
    struct groups_facts facts;
    struct ending ending = {.report = end,
                            .facts = task->launch.groups ? &facts : NULL,
                            .killed = task->killed,
                            .bounds_pids = cgroup && cgroup->pids,
                            .cpu_time_s = cpu_rlimit(task),
                            .signals = task->signals,
                            .init_status = task->init_status,
                            .wall_us = clock_us() - task->started_us,
                            .call = task->killing};

    groups_measure(task->launch.groups, &facts);
    if (!end && task->state == TASK_STARTING && !task->cause && !task->killed) {
        vanished(task, &facts);
        return;
    }
    if (task->state == TASK_STARTING)
        task_stopped(task, NULL, NULL);
    if (end) {
        task->result.denials += end->refused_lost;
        task->denials_lost += end->refused_lost;
    }
    weigh_output(task);
    ending.cause = task->cause;
    ending.limit = task->limit;
    ending_verdict(&ending, &task->result);
    tell_usage(task, ending.facts);
    task_limit_reached(task);
    task_ended(task);
}

void task_ended(crib_task *task)
{
    laps_mark(task->laps, "supervise.program");
    /* What the program said before its end comes before its end. */
    if (task->channel && task->state == TASK_RUNNING)
        channel_catch_up(task->channel);
    task_move(task, TASK_ENDING);
    uv_timer_stop(&task->timer);
    meter_stop(task);
    if (!task->silent && task->on.exit)
        task->on.exit(task, &task->result, task->data);
}
