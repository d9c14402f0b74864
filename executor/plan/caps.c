/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/plan.h"

#include <errno.h>

#include "plan/bytes.h"
#include "policy/capnames.h"

static int find(struct planning *p, size_t i, uint64_t *mask)
{
    const char *name = p->policy->caps->keep[i];
    int number = capname_number(name);

    if (number < 0)
        return fail_text(p->err, -EINVAL, "caps.keep", (int)i, name, "unknown capability");
    if ((uint32_t)number > p->host->last_cap)
        return fail_text(p->err, -EOPNOTSUPP, "caps.keep", (int)i, name,
                         "this kernel does not know it: its last capability is number %u",
                         p->host->last_cap);
    *mask |= (uint64_t)1 << number;
    return 0;
}

static int receipt(struct planning *p, const Crib__CapsPlan *plan)
{
    char *text = arena_text(p->arena, plan->n_keep ? "" : "none");

    for (size_t i = 0; text && i < plan->n_keep; i++)
        text = arena_printf(p->arena, "%s%s%s", text, i ? " " : "", plan->keep[i]);
    if (!text)
        return plan_no_memory(p, "caps");
    return plan_receipt(p, "caps", text, text);
}

int plan_caps(struct planning *p)
{
    const Crib__Caps *asked = p->policy->caps;
    Crib__CapsPlan *plan = ARENA_NEW(p->arena, crib__caps_plan, Crib__CapsPlan);

    if (!plan)
        return plan_no_memory(p, "caps");
    plan->has_mask = plan->has_last = true;
    plan->last = p->host->last_cap;
    for (size_t i = 0; asked && i < asked->n_keep; i++) {
        uint64_t before = plan->mask;
        int r = find(p, i, &plan->mask);
        char *name;

        if (r < 0)
            return r;
        if (plan->mask == before) /* named twice */
            continue;
        name = arena_text(p->arena, asked->keep[i]);
        if (!name || arena_push(p->arena, &plan->keep, &plan->n_keep, name) < 0)
            return plan_no_memory(p, "caps");
    }
    p->plan->caps = plan;
    return receipt(p, plan);
}
