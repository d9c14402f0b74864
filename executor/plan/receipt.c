/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/plan.h"

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
