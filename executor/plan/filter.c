/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/filter.h"

#include <errno.h>
#include <linux/audit.h>

#define CLONE3 435

static int read_list(char *const *texts, size_t count, struct arena *arena, struct filter_list *ret,
                     struct crib_error *err)
{
    ret->count = count;
    ret->rules = arena_alloc(arena, count * sizeof(*ret->rules));
    if (!ret->rules)
        return fail_sys(err, -ENOMEM, "syscalls", -1, NULL, NULL);
    for (size_t i = 0; i < count; i++) {
        int r = rule_parse(texts[i], arena, &ret->rules[i], err);

        if (r < 0)
            return r;
    }
    return 0;
}

int filter_read(const Crib__SyscallsPlan *plan, struct arena *arena, struct filter_rules *ret,
                struct crib_error *err)
{
    int r = read_list(plan->deny, plan->n_deny, arena, &ret->list[FILTER_DENY], err);

    ret->otherwise = (int)plan->otherwise;
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

static const struct rule *find(const struct filter_list *list, int number, const uint64_t args[6])
{
    for (size_t i = 0; i < list->count; i++)
        if (list->rules[i].call->number == number && rule_fits(&list->rules[i], args))
            return &list->rules[i];
    return NULL;
}

int filter_code_of(const struct rule *rule)
{
    return rule->code ? rule->code : EPERM;
}

const struct rule *filter_rule(const struct filter_rules *rules, const struct seccomp_data *call,
                               enum filter_list_name *ret_list)
{
    uint64_t args[6];

    for (int i = 0; i < 6; i++)
        args[i] = call->args[i];
    for (int name = 0; name < FILTER_LISTS; name++) {
        const struct rule *rule = find(&rules->list[name], call->nr, args);

        *ret_list = (enum filter_list_name)name;
        if (rule)
            return rule;
    }
    return NULL;
}

uint32_t filter_decide(const struct filter_rules *rules, bool listener,
                       const struct seccomp_data *call)
{
    const uint32_t otherwise =
        SECCOMP_RET_ERRNO | (uint32_t)(rules->otherwise ? rules->otherwise : EPERM);
    const struct rule *rule;
    enum filter_list_name list;

    if (call->arch != AUDIT_ARCH_X86_64)
        return SECCOMP_RET_KILL_PROCESS;
    if (call->nr < 0 || call->nr > CALLS_LAST)
        return SECCOMP_RET_ERRNO | ENOSYS;
    rule = filter_rule(rules, call, &list);
    if (!rule && !call_by_number(call->nr))
        return SECCOMP_RET_ERRNO | ENOSYS;
    if (call->nr == CLONE3 && !filter_names_clone3(rules))
        return SECCOMP_RET_ERRNO | ENOSYS;
    if (rule && list == FILTER_ALLOW)
        return SECCOMP_RET_ALLOW;
    if (listener)
        return SECCOMP_RET_USER_NOTIF;
    if (!rule)
        return otherwise;
    if (list == FILTER_DENY)
        return SECCOMP_RET_ERRNO | (uint32_t)filter_code_of(rule);
    return list == FILTER_KILL ? SECCOMP_RET_KILL_PROCESS : SECCOMP_RET_ALLOW;
}
