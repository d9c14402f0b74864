/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A second wall behind the mounts: what may be written and executed where, which TCP ports may be
 * named, which sockets and processes outside can be reached.
 */
#include "plan/plan.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

#include "plan/bytes.h"

#define ABI_KNOWN    6u /* what the words below are written for */
#define ABI_TRUNCATE 3u
#define ABI_PORTS    4u
#define ABI_IOCTL    5u
#define ABI_SCOPES   6u

static int add_rule(struct planning *p, const char *path, bool write, bool exec)
{
    Crib__LandlockPlan *plan = p->plan->landlock;
    Crib__LandlockPlan__Rule *rule =
        ARENA_NEW(p->arena, crib__landlock_plan__rule, Crib__LandlockPlan__Rule);
    char *copy = arena_text(p->arena, path);

    if (!rule || !copy || arena_push(p->arena, &plan->rules, &plan->n_rules, rule) < 0)
        return plan_no_memory(p, "landlock");
    rule->has_path = rule->has_write = rule->has_exec = true;
    rule->path = bytes_of(copy);
    rule->write = write;
    rule->exec = exec;
    return 0;
}

/*
 * Rights add up from the root down: everything may be read and run there, and what the mounts make
 * writable may be written too. Read-only mounts do not stop writing to devices; this does.
 */
static int plan_tree(struct planning *p)
{
    int r = add_rule(p, "/", !p->plan->namespaces->mount, true);

    for (size_t i = 0; r == 0 && i < p->plan->n_mounts; i++) {
        const Crib__MountPlan *mount = p->plan->mounts[i];

        if (mount->has_write && mount->write)
            r = add_rule(p, bytes_string(&mount->target), true, mount->has_exec && mount->exec);
    }
    return r;
}

static int copy_ports(struct planning *p, const char *step, const uint32_t *ports, size_t count,
                      uint32_t **list, size_t *n)
{
    for (size_t i = 0; i < count; i++) {
        if (ports[i] > 65535)
            return fail_text(p->err, -EINVAL, step, (int)i, NULL, "%u is no TCP port", ports[i]);
        if (arena_push_value(p->arena, list, n, &ports[i], sizeof(ports[i])) < 0)
            return plan_no_memory(p, step);
    }
    return 0;
}

static bool has_ports(const Crib__Net *net)
{
    return net && (net->n_connect_ports || net->n_bind_ports);
}

static int plan_ports(struct planning *p, bool required)
{
    const Crib__Net *net = p->policy->net;
    Crib__LandlockPlan *plan = p->plan->landlock;
    char why[96];
    int r;

    if (!has_ports(net))
        return 0;
    snprintf(why, sizeof(why), "not available: Landlock here is ABI %u, ports need %u", plan->abi,
             ABI_PORTS);
    if (plan->abi < ABI_PORTS && required)
        return fail_text(p->err, -EOPNOTSUPP, "net", -1, "connect_ports, bind_ports",
                         "%s: a newer kernel, or `landlock: preferred`", why);
    if (plan->abi < ABI_PORTS)
        return plan_receipt(p, "net.ports", "preferred", why);
    plan->net = true;
    r = copy_ports(p, "net.connect_ports", net->connect_ports, net->n_connect_ports,
                   &plan->connect_ports, &plan->n_connect_ports);
    if (r == 0)
        r = copy_ports(p, "net.bind_ports", net->bind_ports, net->n_bind_ports, &plan->bind_ports,
                       &plan->n_bind_ports);
    return r < 0 ? r : plan_receipt(p, "net.ports", "named", "held by Landlock");
}

static bool wants_reach(const Crib__Net *net)
{
    return net && net->has_abstract_sockets && net->abstract_sockets;
}

/* In a network namespace of one's own there are no abstract sockets of outside. */
static int receipt_abstract(struct planning *p, const char *otherwise)
{
    const char *asked = wants_reach(p->policy->net) ? "in reach" : "out of reach";

    if (p->plan->namespaces->net)
        otherwise = "out of reach: a network of its own";
    return plan_receipt(p, "net.abstract_sockets", asked, otherwise);
}

static int plan_scopes(struct planning *p, bool required)
{
    Crib__LandlockPlan *plan = p->plan->landlock;
    bool reach = wants_reach(p->policy->net);
    char why[96];

    plan->scope_signal = plan->abi >= ABI_SCOPES;
    plan->scope_abstract = plan->abi >= ABI_SCOPES && !reach;
    if (reach || plan->scope_abstract || p->plan->namespaces->net)
        return receipt_abstract(p, reach ? "in reach" : "out of reach: held by Landlock");
    snprintf(why, sizeof(why), "not available: Landlock here is ABI %u, scopes need %u", plan->abi,
             ABI_SCOPES);
    if (required)
        return fail_text(p->err, -EOPNOTSUPP, "net", -1, "abstract_sockets",
                         "%s: a newer kernel, `landlock: preferred`, `abstract_sockets: true`, or "
                         "a network namespace of its own",
                         why);
    return receipt_abstract(p, why);
}

/* Without Landlock, what only it can hold is refused if the policy says it. */
static int without(struct planning *p)
{
    const Crib__Net *net = p->policy->net;

    if (has_ports(net))
        return fail_text(p->err, -EINVAL, "net", -1, "connect_ports, bind_ports",
                         "only Landlock can hold them: say `landlock: required` or `preferred`");
    if (p->plan->namespaces->net || wants_reach(net))
        return receipt_abstract(p, "in reach");
    if (net && net->has_abstract_sockets)
        return fail_text(p->err, -EINVAL, "net", -1, "abstract_sockets",
                         "only Landlock can keep them out of reach in the host's network: say "
                         "`landlock: required` or `preferred`");
    return plan_receipt(p, "net.abstract_sockets", "unset", "in reach: landlock is off");
}

static int plan_off(struct planning *p)
{
    int r = plan_receipt(p, "landlock", "off", "off");

    return r < 0 ? r : without(p);
}

static int absent(struct planning *p, bool required)
{
    static const char why[] = "not available: this kernel has no Landlock, or keeps it off";
    int r;

    if (required)
        return fail_text(p->err, -EOPNOTSUPP, "landlock", -1, NULL,
                         "this kernel has no Landlock: boot one with it (Linux 5.13, "
                         "`lsm=landlock,…`), or say `landlock: preferred`");
    r = plan_receipt(p, "landlock", "preferred", why);
    if (r == 0 && has_ports(p->policy->net))
        r = plan_receipt(p, "net.ports", "preferred", why);
    return r < 0 ? r : receipt_abstract(p, wants_reach(p->policy->net) ? "in reach" : why);
}

/* What this kernel's Landlock holds, and what only a newer one would. */
static int receipt(struct planning *p, bool required)
{
    uint32_t abi = p->plan->landlock->abi;
    char *applied =
        arena_printf(p->arena, "ABI %u%s%s%s%s", abi, abi < ABI_SCOPES ? "; not available:" : "",
                     abi < ABI_TRUNCATE ? " truncating (ABI 3)," : "",
                     abi < ABI_IOCTL ? " device ioctls (ABI 5)," : "",
                     abi < ABI_SCOPES ? " signals (ABI 6)" : "");

    if (!applied)
        return plan_no_memory(p, "landlock");
    return plan_receipt(p, "landlock", required ? "required" : "preferred", applied);
}

int plan_landlock(struct planning *p)
{
    Crib__Need need = p->policy->has_landlock ? p->policy->landlock : CRIB__NEED__off;
    bool required = need == CRIB__NEED__required;
    Crib__LandlockPlan *plan;
    int r;

    if (need == CRIB__NEED__off)
        return plan_off(p);
    if (p->host->landlock_abi == 0)
        return absent(p, required);
    plan = p->plan->landlock = ARENA_NEW(p->arena, crib__landlock_plan, Crib__LandlockPlan);
    if (!plan)
        return plan_no_memory(p, "landlock");
    plan->has_abi = plan->has_net = plan->has_scope_abstract = plan->has_scope_signal = true;
    plan->has_required = true;
    plan->required = required;
    plan->abi = p->host->landlock_abi < ABI_KNOWN ? p->host->landlock_abi : ABI_KNOWN;
    r = plan_tree(p);
    if (r == 0)
        r = receipt(p, required);
    if (r == 0)
        r = plan_ports(p, required);
    return r < 0 ? r : plan_scopes(p, required);
}
