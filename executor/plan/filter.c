/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <string.h>

#define CLONE3 435

static int read_list(char *const *texts, size_t count, struct arena *arena, struct filter_list *ret,
                     struct crib_error *err)
{
    ret->count = count;
    ret->rules = arena_alloc(arena, count * sizeof(*ret->rules));
    if (!ret->rules)
        return fail_sys(err, -ENOMEM, "syscalls", -1, NULL, NULL);
    for (size_t i = 0; i < count; i++) {
        int r = rule_parse(texts[i], &ret->rules[i], err);

        if (r < 0)
            return r;
    }
    return 0;
}

int filter_read(const Crib__SyscallsPlan *plan, struct arena *arena, struct filter_rules *ret,
                struct crib_error *err)
{
    int r = read_list(plan->deny, plan->n_deny, arena, &ret->list[FILTER_DENY], err);

    if (r == 0)
        r = read_list(plan->kill, plan->n_kill, arena, &ret->list[FILTER_KILL], err);
    if (r == 0)
        r = read_list(plan->log, plan->n_log, arena, &ret->list[FILTER_LOG], err);
    if (r == 0)
        r = read_list(plan->allow, plan->n_allow, arena, &ret->list[FILTER_ALLOW], err);
    return r;
}

bool filter_names_clone3(const struct filter_rules *rules)
{
    for (int name = 0; name < FILTER_LISTS; name++)
        for (size_t i = 0; i < rules->list[name].count; i++)
            if (rules->list[name].rules[i].call->number == CLONE3)
                return true;
    return false;
}

static bool fits(const struct filter_list *list, const struct seccomp_data *call)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct rule *rule = &list->rules[i];

        if (rule->call->number == call->nr &&
            (!rule->conditional || (call->args[rule->arg] & rule->mask) == rule->value))
            return true;
    }
    return false;
}

uint32_t filter_decide(const struct filter_rules *rules, bool listener,
                       const struct seccomp_data *call)
{
    if (call->arch != AUDIT_ARCH_X86_64)
        return SECCOMP_RET_KILL_PROCESS;
    if (call->nr < 0 || call->nr > CALLS_LAST || !call_by_number(call->nr))
        return SECCOMP_RET_ERRNO | ENOSYS;
    if (call->nr == CLONE3 && !filter_names_clone3(rules))
        return SECCOMP_RET_ERRNO | ENOSYS;
    if (fits(&rules->list[FILTER_DENY], call))
        return listener ? SECCOMP_RET_USER_NOTIF : SECCOMP_RET_ERRNO | EPERM;
    if (fits(&rules->list[FILTER_KILL], call))
        return listener ? SECCOMP_RET_USER_NOTIF : SECCOMP_RET_KILL_PROCESS;
    if (fits(&rules->list[FILTER_LOG], call))
        return listener ? SECCOMP_RET_USER_NOTIF : SECCOMP_RET_ALLOW;
    if (fits(&rules->list[FILTER_ALLOW], call))
        return SECCOMP_RET_ALLOW;
    return listener ? SECCOMP_RET_USER_NOTIF : SECCOMP_RET_ERRNO | EPERM;
}
