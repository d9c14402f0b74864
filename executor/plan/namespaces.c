/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/plan.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "plan/bytes.h"

struct space {
    const char *name;
    bool host; /* the caller's own */
};

static bool is_host(protobuf_c_boolean has, Crib__Namespaces__Space space)
{
    return has && space == CRIB__NAMESPACES__SPACE__host;
}

/* One line, with the names of all that are of one kind. */
static char *names(struct arena *arena, const struct space *spaces, size_t count, bool host,
                   const char *first)
{
    char *text = arena_text(arena, first);

    for (size_t i = 0; text && i < count; i++)
        if (spaces[i].host == host)
            text = arena_printf(arena, "%s%s%s", text, *text ? " " : "", spaces[i].name);
    return text;
}

static int receipt(struct planning *p, const struct space *spaces, size_t count)
{
    char *fresh = names(p->arena, spaces, count, false, "user pid");
    char *kept = names(p->arena, spaces, count, true, "");
    char *text;

    if (!fresh || !kept)
        return plan_no_memory(p, "namespaces");
    text = arena_printf(p->arena, "new: %s%s%s", fresh, *kept ? "; the host's: " : "", kept);
    if (!text)
        return plan_no_memory(p, "namespaces");
    return plan_receipt(p, "namespaces", text, text);
}

int plan_namespaces(struct planning *p)
{
    static const Crib__Namespaces none = CRIB__NAMESPACES__INIT;
    const Crib__Namespaces *asked = p->policy->namespaces ? p->policy->namespaces : &none;
    Crib__NamespacesPlan *plan = ARENA_NEW(p->arena, crib__namespaces_plan, Crib__NamespacesPlan);

    if (!plan)
        return plan_no_memory(p, "namespaces");
    if (!p->host->user_namespaces)
        return fail_text(p->err, -EOPNOTSUPP, "namespaces", -1, NULL, "%s",
                         p->host->user_namespaces_why ? p->host->user_namespaces_why
                                                      : "this host has no user namespaces");
    plan->has_mount = plan->has_net = plan->has_ipc = plan->has_uts = plan->has_cgroup = true;
    plan->mount = !is_host(asked->has_mount, asked->mount);
    plan->net = !is_host(asked->has_net, asked->net);
    plan->ipc = !is_host(asked->has_ipc, asked->ipc);
    plan->uts = !is_host(asked->has_uts, asked->uts);
    plan->cgroup = !is_host(asked->has_cgroup, asked->cgroup);
    p->plan->namespaces = plan;
    return receipt(p,
                   (struct space[]){{"mount", !plan->mount},
                                    {"net", !plan->net},
                                    {"ipc", !plan->ipc},
                                    {"uts", !plan->uts},
                                    {"cgroup", !plan->cgroup}},
                   5);
}
