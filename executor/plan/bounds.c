/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is said of the limits that end a task: how much it was, and where it was written.
 */
#include "plan/plan.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include "plan/bytes.h"
#include "plan/limits.h"
#include "text/units.h"

/* wall_time may be the caller's, and is LifePlan's. */
static const struct row {
    const char *name;
    size_t has, at; /* in Crib__Limits */
} rows[] = {
#define ROW(field)                                                                                 \
    {                                                                                              \
#field, offsetof(Crib__Limits, has_##field), offsetof(Crib__Limits, field)                 \
    }
    ROW(memory), ROW(pids), ROW(cpu_time), ROW(output), ROW(output_total),
#undef ROW
};

static int add(struct planning *p, const char *name, uint64_t value)
{
    Crib__BoundPlan *plan = ARENA_NEW(p->arena, crib__bound_plan, Crib__BoundPlan);
    char text[UNIT_TEXT];

    if (!plan)
        return plan_no_memory(p, "limits");
    plan->name = arena_text(p->arena, name);
    plan->value = arena_text(p->arena, unit_write(unit_find("crib.Limits", name), value, text));
    if (!plan->name || !plan->value || limit_rule(p, name, &plan->rule) < 0 ||
        arena_push(p->arena, &p->plan->bounds, &p->plan->n_bounds, plan) < 0)
        return plan_no_memory(p, "limits");
    return 0;
}

int plan_bounds(struct planning *p)
{
    const char *limits = (const char *)p->policy->limits;
    int r = 0;

    for (size_t i = 0; limits && r == 0 && i < sizeof(rows) / sizeof(rows[0]); i++)
        if (*(const protobuf_c_boolean *)(limits + rows[i].has))
            r = add(p, rows[i].name, *(const uint64_t *)(limits + rows[i].at));
    return r;
}
