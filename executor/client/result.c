/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A task's result as its daemon tells it, with what is known here alone.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "client/answer.h"
#include "client/remote.h"
#include "plan/plan.h"
#include "supervise/left.h"
#include "supervise/timing.h"

/* A copy that lives as long as the task. */
static Crib__Result *copy(crib_task *task, const Crib__Result *from)
{
    size_t len = crib__result__get_packed_size(from);
    uint8_t *bytes = malloc(len + 1);
    Crib__Result *ret;

    if (!bytes)
        return NULL;
    crib__result__pack(from, bytes);
    ret = crib__result__unpack(&task->arena.pb, len, bytes);
    free(bytes);
    return ret;
}

/* What only this process could look at stands in its own list alone. Return: 0; -ENOMEM. */
static int add_hidden(crib_task *task, const Crib__Result *result)
{
    Crib__Denial **all = NULL;
    size_t count = 0;
    int r = 0;

    for (size_t i = 0; r == 0 && i < result->n_denials; i++)
        r = arena_push(&task->arena, &all, &count, result->denials[i]);
    for (size_t i = 0; r == 0 && i < task->n_denials; i++)
        if (plan_why_hidden(task->denials[i]))
            r = arena_push(&task->arena, &all, &count, task->denials[i]);
    if (r < 0)
        return r;
    task->denials = all;
    task->n_denials = count;
    return 0;
}

/* The daemon's list is whole but for these; what it counts beyond the events that came here was
 * refused. */
static int take_denials(struct remote_task *to, const Crib__Result *result)
{
    crib_task *task = to->task;
    uint64_t all = result->denials_lost;

    for (size_t i = 0; i < result->n_denials; i++)
        all += result->denials[i]->count;
    if (all > to->heard)
        task->result.denials += all - to->heard;
    task->denials_lost = result->denials_lost;
    return add_hidden(task, result);
}

static void take_usage(crib_task *task, const Crib__Usage *usage)
{
    struct crib_result *result = &task->result;

    result->wall_us = clock_us() - task->started_us;
    if (!usage)
        return;
    result->user_us = usage->user_time;
    result->system_us = usage->system_time;
    result->wall_us = usage->wall_time;
    result->peak_memory = usage->peak_memory;
    result->peak_pids = usage->peak_pids;
    result->switches = usage->switches;
    result->preempted = usage->preempted;
    result->read_bytes = usage->read_bytes;
    result->written_bytes = usage->written_bytes;
    task->counted = usage->streams;
    task->n_counted = usage->n_streams;
}

/* As ending.c has it: what began here comes before what the daemon makes of it. */
static enum crib_verdict decide(const crib_task *task, enum crib_verdict said)
{
    return task->cause && said != CRIB_FILTER ? task->cause : said;
}

/* What ended it here goes by its own limit. */
static const char *limit_of(const crib_task *task, const Crib__Result *from)
{
    const char *here = task->limit ? task->limit : "";

    if (task->result.verdict != (enum crib_verdict)from->verdict)
        return here;
    return from->limit ? ending_limit(from->limit) : here;
}

/* @from: a copy that lives as long as the task */
static void take_end(crib_task *task, const Crib__Result *from)
{
    struct crib_result *result = &task->result;

    result->verdict = decide(task, (enum crib_verdict)from->verdict); /* the same numbers */
    result->limit = limit_of(task, from);
    result->call = from->call ? from->call : "";
    result->status = from->has_status ? from->status : -1;
    result->signal = from->has_signal ? from->signal : 0;
    take_usage(task, from->usage);
}

static bool makes_sense(const crib_task *task, const Crib__Result *result)
{
    bool failed = result->verdict == CRIB__RESULT__VERDICT__setup_failed;

    if (!result->has_verdict || result->verdict < CRIB__RESULT__VERDICT__exited ||
        result->verdict > CRIB__RESULT__VERDICT__pids)
        return false;
    return !failed || task->state != TASK_RUNNING;
}

int remote_result(struct remote_task *to, const Crib__Result *from)
{
    crib_task *task = to->task;
    Crib__Result *result;

    if (!makes_sense(task, from))
        return -EPROTO;
    result = copy(task, from);
    if (!result)
        return -ENOMEM;
    task->plan->receipt = result->receipt;
    task->plan->n_receipt = result->n_receipt;
    timing_there(task, result->timing, result->n_timing, to->asked);
    if (take_denials(to, result) < 0)
        return -ENOMEM;
    if (task->state == TASK_ENDING)
        return 0;
    if (from->verdict == CRIB__RESULT__VERDICT__setup_failed) {
        Crib__Error none = CRIB__ERROR__INIT;

        task->result.verdict = CRIB_SETUP_FAILED;
        answer_error(from->error ? from->error : &none, &task->result.error);
        return 0;
    }
    take_end(task, result);
    return 0;
}

static bool has_overlay(const Crib__Result *result)
{
    for (size_t i = 0; i < result->n_receipt; i++)
        if (result->receipt[i]->mechanism &&
            strncmp(result->receipt[i]->mechanism, "overlay ", strlen("overlay ")) == 0)
            return true;
    return false;
}

int remote_last_result(struct remote_task *to, const Crib__Result *from)
{
    crib_task *task = to->task;
    Crib__Result *result;

    if (!task->left && !has_overlay(from))
        return 0;
    result = copy(task, from);
    if (!result)
        return -ENOMEM;
    task->plan->receipt = result->receipt;
    task->plan->n_receipt = result->n_receipt;
    task->changes = result->changes;
    task->n_changes = result->n_changes;
    task->changes_lost = result->changes_lost;
    return left_told(task, result->copied, result->n_copied);
}
