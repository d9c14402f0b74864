/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What would let a refused call through: a line for a policy, as narrow as the lines that are there
 * for the same call, or as is usual for it.
 */
#include "plan/edit.h"

#include <string.h>

#include "policy/find.h"
#include "text/utf8.h"

/* Calls of which one argument says nearly all. */
static const char *const telling[] = {"socket",     "socketpair", "ioctl", "prctl", "fcntl",
                                      "arch_prctl", "keyctl",     "bpf",   "ptrace"};

/* A rule for exactly the values of a call that @asks look at. */
static const char *rule_like(const struct call *call, const struct condition *asks, size_t count,
                             const uint64_t args[CALLS_ARGS], struct arena *arena)
{
    struct condition *conditions = arena_alloc(arena, (count + 1) * sizeof(*conditions));
    struct rule rule = {.call = call, .conditions = conditions, .count = count};

    if (!conditions)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        conditions[i] =
            (struct condition){.op = CONDITION_EQ, .arg = asks[i].arg, .mask = asks[i].mask};
        conditions[i].value = args[asks[i].arg] & asks[i].mask;
    }
    return rule_text(&rule, arena);
}

/* Return: as the first entry that allows the call for other arguments; NULL: there is none. */
static const char *like_others(const Crib__SyscallsPlan *plan, const struct call *call,
                               const uint64_t args[CALLS_ARGS], struct arena *arena)
{
    struct rule rule;

    for (size_t i = 0; i < plan->n_allow; i++) {
        if (strncmp(plan->allow[i], call->name, strlen(call->name)) != 0 ||
            rule_parse(plan->allow[i], arena, &rule, NULL) < 0)
            continue;
        if (rule.call == call && rule.count)
            return rule_like(call, rule.conditions, rule.count, args, arena);
    }
    return NULL;
}

static bool is_telling(const struct call *call)
{
    for (size_t i = 0; i < sizeof(telling) / sizeof(telling[0]); i++)
        if (strcmp(telling[i], call->name) == 0)
            return true;
    return false;
}

static const char *entry_for(const Crib__SyscallsPlan *plan, const struct call *call,
                             const uint64_t args[CALLS_ARGS], struct arena *arena)
{
    const char *entry = like_others(plan, call, args, arena);

    for (unsigned i = 0; !entry && is_telling(call) && i < call->count; i++) {
        struct condition ask = {.arg = i};

        ask.mask = call->args[i].bits < 64 ? ((uint64_t)1 << call->args[i].bits) - 1 : UINT64_MAX;
        if (call->args[i].symbols)
            entry = rule_like(call, &ask, 1, args, arena);
    }
    return entry ? entry : call->name;
}

/* A client may have sent the name. */
const char *edit_place(const char *policy, struct arena *arena)
{
    char *place;

    if (!policy || !policy[0])
        return "in the policy";
    place = policy_is_path(policy) ? arena_printf(arena, "in %s", policy)
                                   : arena_printf(arena, "in a policy that extends %s", policy);
    return place ? utf8_tame(place) : NULL;
}

const char *edit_allow(const Crib__SyscallsPlan *plan, const struct call *call,
                       const uint64_t args[CALLS_ARGS], struct arena *arena)
{
    const char *entry = entry_for(plan, call, args, arena);
    const char *place = edit_place(plan->policy, arena);

    if (!place)
        return NULL;
    return arena_printf(arena, "%s: syscalls: {allow: [\"%s\"]}", place, entry);
}

const char *edit_deny(const Crib__SyscallsPlan__Answer *answer, struct arena *arena)
{
    const char *list =
        answer->action == CRIB__SYSCALLS_PLAN__ANSWER__ACTION__kill ? "kill" : "deny";

    return arena_printf(arena, "%s wins over allow: take the entry out of syscalls.%s", list, list);
}
