/* SPDX-License-Identifier: Apache-2.0 */
#include "supervise/timing.h"

#include <errno.h>
#include <string.h>

#define SPANS_MOST 256 /* taken from a daemon */

int timing_begin(crib_task *task, const struct laps *from)
{
    task->laps = arena_alloc(&task->arena, sizeof(*task->laps));
    if (!task->laps)
        return -ENOMEM;
    *task->laps = *from;
    return 0;
}

void timing_take(crib_task *task, const Crib__Report *report)
{
    if (!task->laps || !report->n_laps || task->inside)
        return;
    task->inside = arena_alloc(&task->arena, sizeof(*task->inside));
    if (!task->inside)
        return;
    *task->inside = (struct laps){.begun = report->laps[0]->at};
    for (size_t i = 1; i < report->n_laps && i <= LAPS_MOST; i++) {
        const Crib__Report__Lap *lap = report->laps[i];
        const char *name = lap->name ? arena_text(&task->arena, lap->name) : NULL;

        if (name)
            laps_add(task->inside, name, lap->at);
    }
}

/* Of the daemon's rooms some have the names of ours. */
static void mark_room(crib_task *task, Crib__Span *span)
{
    const char *room = span->room ? span->room : "";

    if (strcmp(room, "init") != 0 && strcmp(room, "task") != 0 && strncmp(room, "cribd", 5) != 0)
        room = arena_printf(&task->arena, "cribd.%s", room);
    span->room = (char *)(room ? room : "cribd");
}

void timing_there(crib_task *task, Crib__Span **spans, size_t count, uint64_t later)
{
    if (!task->laps || task->n_spans)
        return;
    task->spans = spans;
    task->n_spans = count < SPANS_MOST ? count : SPANS_MOST;
    for (size_t i = 0; i < task->n_spans; i++) {
        mark_room(task, spans[i]);
        spans[i]->has_begin = spans[i]->has_length = true;
        spans[i]->begin += later;
    }
}

/* `room.name`, or in init's own room a name alone. */
static int name_span(const char *name, struct arena *arena, Crib__Span *span)
{
    const char *dot = strchr(name, '.');

    span->room = dot ? arena_copy(arena, name, (size_t)(dot - name)) : (char *)"init";
    span->name = arena_text(arena, dot ? dot + 1 : name);
    return span->room && span->name ? 0 : -ENOMEM;
}

static int add_span(const char *name, uint64_t begin, uint64_t length, struct arena *arena,
                    Crib__Result *to)
{
    Crib__Span *span = ARENA_NEW(arena, crib__span, Crib__Span);

    if (!span || name_span(name, arena, span) < 0)
        return -ENOMEM;
    span->has_begin = span->has_length = true;
    span->begin = begin;
    span->length = length;
    return arena_push(arena, &to->timing, &to->n_timing, span);
}

/* Since @request. A sandbox that was prepared has laps before it: they cost this request nothing.
 */
static int add_laps(const struct laps *laps, uint64_t request, struct arena *arena,
                    Crib__Result *to)
{
    uint64_t before = laps->begun;
    int r = 0;

    for (unsigned i = 0; r == 0 && i < laps->count; i++) {
        uint64_t from = before < request ? request : before, at = laps->lap[i].at;

        if (at >= from)
            r = add_span(laps->lap[i].name, from - request, at - from, arena, to);
        before = at;
    }
    return r;
}

/* A short list, nearly in order. */
static void sort(Crib__Span **spans, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        Crib__Span *span = spans[i];
        size_t k = i;

        for (; k > 0 && spans[k - 1]->begin > span->begin; k--)
            spans[k] = spans[k - 1];
        spans[k] = span;
    }
}

int timing_spans(const struct laps *laps, struct arena *arena, Crib__Result *to)
{
    return add_laps(laps, laps->begun, arena, to);
}

int timing_fill(const crib_task *task, struct arena *arena, Crib__Result *to)
{
    int r;

    if (!task->laps)
        return 0;
    r = timing_spans(task->laps, arena, to);
    if (r == 0 && task->inside)
        r = add_laps(task->inside, task->laps->begun, arena, to);
    for (size_t i = 0; r == 0 && i < task->n_spans; i++)
        r = arena_push(arena, &to->timing, &to->n_timing, task->spans[i]);
    sort(to->timing, to->n_timing);
    return r;
}
