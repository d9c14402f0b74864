/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/plan.h"

#include <stdbool.h>

#include "plan/bytes.h"

int plan_net(struct planning *p)
{
    const Crib__Net *asked = p->policy->net;
    bool wanted = !asked || !asked->has_loopback || asked->loopback;
    Crib__NetPlan *plan = ARENA_NEW(p->arena, crib__net_plan, Crib__NetPlan);
    const char *applied = "down";

    if (!plan)
        return plan_no_memory(p, "net");
    plan->has_loopback = true;
    plan->loopback = wanted && p->plan->namespaces->net;
    p->plan->net = plan;
    if (!p->plan->namespaces->net)
        applied = "the host's";
    else if (plan->loopback)
        applied = "up";
    return plan_receipt(p, "net.loopback", wanted ? "up" : "down", applied);
}
