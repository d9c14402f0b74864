/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/plan.h"

#include <stddef.h>

#include "plan/bytes.h"

int plan_receipt(struct planning *p, const char *mechanism, const char *asked, const char *applied)
{
    Crib__Receipt *line = ARENA_NEW(p->arena, crib__receipt, Crib__Receipt);

    if (!line)
        return plan_no_memory(p, "receipt");
    line->mechanism = arena_text(p->arena, mechanism);
    line->asked = arena_text(p->arena, asked);
    line->applied = arena_text(p->arena, applied);
    if (!line->mechanism || !line->asked || !line->applied ||
        arena_push(p->arena, &p->plan->receipt, &p->plan->n_receipt, line) < 0)
        return plan_no_memory(p, "receipt");
    return 0;
}

/* Init must not be reached by the task, or what it says of the task could not be believed. */
static int receipt_init(struct planning *p)
{
    const Crib__IdsPlan *ids = p->plan->ids;
    char *applied = ids->init_uid == ids->uid
                        ? arena_text(p->arena, "undumpable; its uid is the task's")
                        : arena_printf(p->arena, "undumpable, uid %u", ids->init_uid);

    return applied ? plan_receipt(p, "init", "out of the task's reach", applied)
                   : plan_no_memory(p, "receipt");
}

int plan_always(struct planning *p)
{
    int r = receipt_init(p);

    if (r == 0)
        r = plan_receipt(p, "session", "its own", "its own");
    return r < 0 ? r
                 : plan_receipt(p, "privileges", "no new ones",
                                "no new ones: no_new_privs, secure bits locked");
}
