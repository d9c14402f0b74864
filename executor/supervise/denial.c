/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was refused, told: by init, by a daemon, or by a limit that ended the task.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "plan/plan.h"
#include "supervise/hidden.h"
#include "supervise/once.h"
#include "supervise/task.h"

/* A copy that lives as long as the task. Return: NULL: no memory. */
static Crib__Denial *copy_for(crib_task *task, const Crib__Denial *denial)
{
    size_t len = crib__denial__get_packed_size(denial);
    uint8_t *packed = arena_alloc(&task->arena, len + 1);

    if (!packed)
        return NULL;
    crib__denial__pack(denial, packed);
    return crib__denial__unpack(&task->arena.pb, len, packed);
}

/* Keeps the first denials for the result; how many there were is counted in any case. */
static void keep(crib_task *task, const Crib__Denial *denial)
{
    Crib__Denial *kept = task->n_denials < TASK_MAX_DENIALS ? copy_for(task, denial) : NULL;

    if (!kept || arena_push(&task->arena, &task->denials, &task->n_denials, kept) < 0)
        task->denials_lost += denial->count;
}

static const char *text_of(const char *text)
{
    return text ? text : "";
}

static const char *bytes_text(protobuf_c_boolean has, const ProtobufCBinaryData *bytes,
                              struct arena *arena)
{
    const char *text = has ? arena_copy(arena, bytes->data, bytes->len) : NULL;

    return text_of(text);
}

void denial_event(const Crib__Denial *denial, struct arena *arena, struct crib_denial *ret)
{
    *ret = (struct crib_denial){.pid = denial->pid,
                                .call = text_of(denial->call),
                                .text = text_of(denial->text),
                                .answer = text_of(denial->answer),
                                .count = denial->count,
                                .rule = text_of(denial->rule),
                                .edit = text_of(denial->edit),
                                .number = denial->number};
    if (denial->has_by)
        ret->by = (enum crib_denied_by)(denial->by - CRIB__DENIAL__BY__filter);
    ret->program = bytes_text(denial->has_program, &denial->program, arena);
    ret->object = bytes_text(denial->has_object, &denial->object, arena);
    for (size_t i = 0; i < denial->n_args && i < 6; i++)
        ret->args[i] = denial->args[i];
}

static void tell(crib_task *task, const Crib__Denial *denial)
{
    struct crib_denial event;
    struct arena arena;

    arena_init(&arena, 0);
    denial_event(denial, &arena, &event);
    task->on.denied(task, &event, task->data);
    arena_done(&arena);
}

void task_denied(crib_task *task, const Crib__Denial *denial, bool refused)
{
    bool hidden = plan_why_hidden(denial);

    if (hidden && task->may_look && !hidden_stands(denial))
        return;
    if (!once_is_new(&task->told, &task->arena, denial))
        return;
    if (refused)
        task->result.denials += denial->count;
    if (!hidden || task->may_look)
        keep(task, denial);
    if (!task->silent && task->on.denied)
        tell(task, denial);
}

/* Traced for refusals of files alone: what comes out well is nobody's news. */
static bool is_for_why(const crib_task *task, const Crib__Report__Refused *refused)
{
    const Crib__SyscallsPlan *plan = task->plan->syscalls;

    return refused->file && plan && plan->has_trace && plan->trace == CRIB__TRACE__files;
}

void task_refused(crib_task *task, const Crib__Report__Refused *refused, struct arena *scratch)
{
    Crib__Denial *denial;
    int r = is_for_why(task, refused) ? plan_why(task->plan, refused, scratch, &denial)
                                      : plan_denial(task->plan, refused, scratch, &denial);

    if (r == 0 && !denial)
        return;
    if (r == 0) {
        task_denied(task, denial, refused->answer != 0);
        return;
    }
    task->result.denials += refused->answer != 0 ? refused->count : 0;
    task->denials_lost += refused->count;
}

static const Crib__LimitPlan *limit_of(const crib_task *task, const char *name)
{
    for (size_t i = 0; i < task->plan->n_limits; i++)
        if (strcmp(task->plan->limits[i]->name, name) == 0)
            return task->plan->limits[i];
    return NULL;
}

/* The rlimit that must have been what ended it; NULL: none. A program can raise the signals itself,
 * and then the time it used tells. */
static const Crib__LimitPlan *limit_behind(const crib_task *task)
{
    const struct crib_result *result = &task->result;
    const Crib__LimitPlan *cpu = limit_of(task, "cpu_time");
    uint64_t used = (result->user_us + result->system_us) / 1000000;

    if (result->verdict != CRIB_SIGNALED)
        return NULL;
    if (cpu && (result->signal == SIGXCPU || result->signal == SIGKILL) && used >= cpu->soft)
        return cpu;
    return result->signal == SIGXFSZ ? limit_of(task, "file_size") : NULL;
}

static void tell_limit(crib_task *task, const char *name, const char *text, const char *rule,
                       const char *edit)
{
    Crib__Denial denial = CRIB__DENIAL__INIT;

    denial.has_by = denial.has_count = true;
    denial.by = CRIB__DENIAL__BY__limit;
    denial.count = 1;
    denial.call = (char *)name;
    denial.text = (char *)text;
    denial.answer = (char *)"killed";
    denial.rule = (char *)text_of(rule);
    denial.edit = (char *)edit;
    task_denied(task, &denial, false);
}

void task_limit_reached(crib_task *task)
{
    const Crib__LifePlan *life = task->plan->life;
    const Crib__LimitPlan *limit = limit_behind(task);
    char text[80], edit[80];

    if (task->result.verdict == CRIB_WALL_TIMEOUT && life && life->rule) {
        snprintf(text, sizeof(text), "wall_time of %llu ms", (unsigned long long)life->timeout);
        tell_limit(task, "wall_time", text, life->rule, "raise limits.wall_time");
    } else if (limit) {
        snprintf(text, sizeof(text), "%s of %llu%s", limit->name, (unsigned long long)limit->soft,
                 strcmp(limit->name, "cpu_time") == 0 ? " s" : " bytes");
        snprintf(edit, sizeof(edit), "raise limits.%s", limit->name);
        tell_limit(task, limit->name, text, limit->rule, edit);
    }
}
