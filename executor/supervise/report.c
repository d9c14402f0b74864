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

void task_receipt(crib_task *task, const Crib__Receipt *line)
{
    Crib__Receipt *have = line->mechanism ? find_line(task, line) : NULL;

    if (!have && line->mechanism) {
        have = ARENA_NEW(&task->arena, crib__receipt, Crib__Receipt);
        if (!have || !(have->mechanism = copy(task, line->mechanism)) ||
            arena_push(&task->arena, &task->plan->receipt, &task->plan->n_receipt, have) < 0)
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

    for (size_t i = 0; i < report->n_receipt; i++)
        task_receipt(task, report->receipt[i]);
    if (report->failure && task->state == TASK_STARTING) {
        launch_failure(task->plan, report->failure, &error);
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
    task_move(task, TASK_RUNNING);
    task->started_us = clock_us();
    escalation_run(task);
    if (!task->silent && task->on.spawn)
        task->on.spawn(task, task->data);
    for (crib_stream *stream = task->streams; stream; stream = stream->next)
        stream_release(stream);
    if (task->channel)
        channel_release(task->channel);
    if (task->stopping && task->state == TASK_RUNNING)
        task_stop(task);
}

void task_failed(crib_task *task, const struct crib_error *error)
{
    task->result.verdict = CRIB_SETUP_FAILED;
    task->result.error = *error;
    task_move(task, TASK_ENDING);
    uv_timer_stop(&task->timer);
    task_emit_error(task, error);
}

/* Init is gone without a word before the program ran, and not because of us. */
static void vanished(crib_task *task)
{
    struct crib_error error;

    fail_text(&error, -ECONNRESET, "init", -1, NULL,
              "ended before the program ran, wait status 0x%x", (unsigned)task->init_status);
    task_failed(task, &error);
}

void task_program_ended(crib_task *task, const Crib__Report__End *end)
{
    struct ending ending = {.report = end,
                            .cause = task->cause,
                            .killed = task->killed,
                            .signals = task->signals,
                            .init_status = task->init_status,
                            .wall_us = clock_us() - task->started_us};

    if (!end && task->state == TASK_STARTING && !task->cause && !task->killed) {
        vanished(task);
        return;
    }
    if (end) {
        task->result.denials += end->refused_lost;
        task->denials_lost += end->refused_lost;
    }
    ending_verdict(&ending, &task->result);
    task_limit_reached(task);
    task_ended(task);
}

void task_ended(crib_task *task)
{
    /* What the program said before its end comes before its end. */
    if (task->channel && task->state == TASK_RUNNING)
        channel_catch_up(task->channel);
    task_move(task, TASK_ENDING);
    uv_timer_stop(&task->timer);
    if (!task->silent && task->on.exit)
        task->on.exit(task, &task->result, task->data);
}
