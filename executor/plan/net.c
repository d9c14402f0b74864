/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/plan.h"

#include <stdbool.h>
#include <string.h>

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

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* Whether a call can make a socket that is no unix socket. An io_uring makes them unseen. */
static bool makes_more(const char *call)
{
    if (begins(call, "io_uring"))
        return true;
    if (!begins(call, "socket"))
        return false;
    return !begins(call, "socket(domain == AF_UNIX") && !begins(call, "socketpair(domain == AF_UNIX");
}

static bool any_makes_more(char *const *calls, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (makes_more(calls[i]))
            return true;
    return false;
}

/*
 * A network namespace is the dearest wall to make and to take down. Where nothing can be made in it
 * that could stay, one serves many tasks, one after the other: launch/nets.h.
 */
int plan_net_again(struct planning *p)
{
    const Crib__SyscallsPlan *calls = p->plan->syscalls;
    Crib__NamespacesPlan *plan = p->plan->namespaces;

    if (!p->plan->net->loopback || !p->host->privileged || p->plan->caps->mask || !calls ||
        (calls->has_trace && calls->trace != CRIB__TRACE__no_trace) ||
        any_makes_more(calls->allow, calls->n_allow) || any_makes_more(calls->log, calls->n_log))
        return 0;
    plan->has_net_again = plan->net_again = true;
    return plan_receipt(p, "net.namespace", "empty", "empty, used one after the other");
}
