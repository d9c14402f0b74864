/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much a task may write. The parent counts it on its way, so it must pass the parent: where an
 * fd would lead elsewhere the task gets a pipe, and what comes there is written on.
 */
#include "plan/plan.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "plan/bytes.h"
#include "plan/limits.h"

#define FDS_TEXT 80 /* bytes for a list of fds in the receipt; more is cut */

enum way {
    NOT_OUTPUT, /* nothing is written to it that would be output */
    COUNTED,    /* the parent reads it */
    RELAYED,    /* it will */
    UNKNOWN,    /* it may be written to, and cannot be relayed */
};

/* As the caller has opened it. Return: NULL: not known, or both for reading and writing. */
static const Crib__Stdio__Mode *mode_of(const struct planning *p, uint32_t fd)
{
    for (size_t i = 0; i < p->task->n_stdio; i++)
        if (p->task->stdio[i]->fd == fd)
            return p->task->stdio[i]->has_mode ? &p->task->stdio[i]->mode : NULL;
    return NULL;
}

static enum way way_of(const struct planning *p, const Crib__Stdio *entry)
{
    const Crib__Stdio__Mode *mode = mode_of(p, entry->fd);

    switch (entry->kind) {
    case CRIB__STDIO__KIND__pipe:
        return entry->fd == 0 ? NOT_OUTPUT : COUNTED;
    case CRIB__STDIO__KIND__pty:
        return COUNTED;
    case CRIB__STDIO__KIND__inherit:
    case CRIB__STDIO__KIND__given:
        break;
    default:
        return NOT_OUTPUT;
    }
    if (mode && *mode == CRIB__STDIO__MODE__read)
        return NOT_OUTPUT;
    if (mode || entry->fd == 1 || entry->fd == 2)
        return RELAYED;
    return entry->fd == 0 ? NOT_OUTPUT : UNKNOWN;
}

/* Return: the first fd that goes that way; -1: none. Writes `1, 2`, those that do, to @text. */
static int list(const struct planning *p, bool (*goes)(enum way way), char text[FDS_TEXT])
{
    const Crib__Program *program = p->plan->program;
    size_t used = 0;
    int first = -1;

    text[0] = '\0';
    for (size_t i = 0; i < program->n_stdio; i++) {
        uint32_t fd = program->stdio[i]->fd;

        if (!goes(way_of(p, program->stdio[i])))
            continue;
        if (used + 8 < FDS_TEXT)
            used +=
                (size_t)snprintf(text + used, FDS_TEXT - used, "%s%u", first < 0 ? "" : ", ", fd);
        first = first < 0 ? (int)fd : first;
    }
    return first;
}

static bool is_counted(enum way way)
{
    return way == COUNTED || way == RELAYED;
}

static bool is_unknown(enum way way)
{
    return way == UNKNOWN;
}

static int tell(struct planning *p, const char *mechanism, uint64_t asked, bool each)
{
    char counted[FDS_TEXT], unknown[FDS_TEXT];
    bool some = list(p, is_counted, counted) >= 0, all = list(p, is_unknown, unknown) < 0;
    const char *wish = arena_printf(p->arena, "%llu", (unsigned long long)asked);
    const char *applied =
        arena_printf(p->arena, "%llu bytes, %s%s%s%s%s", (unsigned long long)asked,
                     some ? each ? "each of fds " : "of all fds together: " : "and no fd leads out",
                     counted, all ? "" : "; not available for fds ", unknown,
                     all ? "" : ": they can be read from as well as written to");

    return wish && applied ? plan_receipt(p, mechanism, wish, applied)
                           : plan_no_memory(p, "output");
}

/* Return: 1 it can be held; 0 not, and the receipt says so; negative errno. */
static int check(struct planning *p, const char *name, const char *mechanism, uint64_t asked)
{
    const Crib__Limits *limits = p->policy->limits;
    bool preferred = limit_preferred(limits, name);
    char fds[FDS_TEXT];
    int fd;

    if (asked == 0)
        return fail_text(p->err, -EINVAL, "limits", -1, name,
                         "0 would end every task that says a word: give it /dev/null instead");
    if (p->task->detached && preferred) {
        const char *wish = arena_printf(p->arena, "%llu", (unsigned long long)asked);

        return wish ? plan_receipt(p, mechanism, wish,
                                   "not available: a detached task has no parent to keep it")
                    : plan_no_memory(p, "output");
    }
    if (p->task->detached)
        return fail_text(p->err, -EINVAL, "detached", -1, NULL,
                         "a detached task has no parent to keep limits.%s: leave it out, or name "
                         "it in limits.preferred",
                         name);
    fd = list(p, is_unknown, fds);
    if (fd >= 0 && !preferred)
        return fail_text(p->err, -EOPNOTSUPP, "limits", -1, name,
                         "what is written to fd %d cannot be counted, since it can be read from "
                         "too: give one that is open for writing alone, or name it in "
                         "limits.preferred",
                         fd);
    return 1;
}

static int hold(struct planning *p, const char *name, const char *mechanism, uint64_t asked,
                bool each, uint64_t *ret)
{
    int r = asked == UINT64_MAX ? 0 : check(p, name, mechanism, asked);

    if (r <= 0)
        return r;
    *ret = asked;
    return tell(p, mechanism, asked, each);
}

static int add_relayed(struct planning *p, Crib__OutputPlan *plan)
{
    const Crib__Program *program = p->plan->program;

    for (size_t i = 0; i < program->n_stdio; i++)
        if (way_of(p, program->stdio[i]) == RELAYED &&
            arena_push_value(p->arena, &plan->relayed, &plan->n_relayed, &program->stdio[i]->fd,
                             sizeof(*plan->relayed)) < 0)
            return plan_no_memory(p, "output");
    return 0;
}

int plan_output(struct planning *p)
{
    const Crib__Limits *limits = p->policy->limits;
    Crib__OutputPlan *plan;
    int r = 0;

    if (!limits || (!limits->has_output && !limits->has_output_total))
        return 0;
    plan = ARENA_NEW(p->arena, crib__output_plan, Crib__OutputPlan);
    if (!plan)
        return plan_no_memory(p, "output");
    if (limits->has_output)
        r = hold(p, "output", "limits.output", limits->output, true, &plan->each);
    if (r == 0 && limits->has_output_total)
        r = hold(p, "output_total", "limits.output_total", limits->output_total, false,
                 &plan->total);
    if (r < 0 || (!plan->each && !plan->total))
        return r;
    plan->has_each = plan->each != 0;
    plan->has_total = plan->total != 0;
    p->plan->output = plan;
    return add_relayed(p, plan);
}
