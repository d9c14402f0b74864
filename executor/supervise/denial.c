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

static void emit(crib_task *task, const Crib__Denial *denial)
{
    struct crib_denial event;
    struct arena arena;

    arena_init(&arena, 0);
    denial_event(denial, &arena, &event);
    task->on.denied(task, &event, task->data);
    arena_done(&arena);
}

/* Whether everything was killed for it. */
static bool is_kill(const Crib__Denial *denial)
{
    return denial->call && denial->answer && strcmp(denial->answer, "killed") == 0 &&
           (!denial->has_by || denial->by == CRIB__DENIAL__BY__filter);
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
    if (!task->killing && is_kill(denial))
        task->killing = arena_text(&task->arena, denial->call);
    if (!hidden || task->may_look)
        keep(task, denial);
    if (!task->silent && task->on.denied)
        emit(task, denial);
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

static const Crib__BoundPlan *bound_of(const crib_task *task, const char *name)
{
    for (size_t i = 0; i < task->plan->n_bounds; i++)
        if (strcmp(task->plan->bounds[i]->name, name) == 0)
            return task->plan->bounds[i];
    return NULL;
}

/* @text: `memory of 64M`. */
static void tell(crib_task *task, const char *name, const char *text, const char *rule)
{
    char edit[64];

    snprintf(edit, sizeof(edit), "raise limits.%s", name);
    tell_limit(task, name, text, rule, edit);
}

void task_limit_reached(crib_task *task)
{
    const Crib__LifePlan *life = task->plan->life;
    const struct crib_result *result = &task->result;
    const Crib__BoundPlan *bound = bound_of(task, result->limit);
    const Crib__LimitPlan *file_size = limit_of(task, "file_size");
    char text[96];

    if (result->verdict == CRIB_WALL_TIMEOUT && life && life->rule) {
        snprintf(text, sizeof(text), "wall_time of %llu ms", (unsigned long long)life->timeout);
        tell(task, "wall_time", text, life->rule);
    } else if (bound) {
        snprintf(text, sizeof(text), "%s of %s", bound->name, bound->value);
        tell(task, bound->name, text, bound->rule);
    } else if (result->verdict == CRIB_SIGNALED && result->signal == SIGXFSZ && file_size) {
        snprintf(text, sizeof(text), "file_size of %llu bytes",
                 (unsigned long long)file_size->soft);
        tell(task, "file_size", text, file_size->rule);
    }
}
