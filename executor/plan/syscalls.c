/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: the four lists are expanded, and each is brought down to what it really
 * decides: what a stronger list has without a condition, a weaker one need not say. `deny` keeps
 * only what it takes away from the others, since what no list names is denied anyway; an explicit
 * clone3 stays, for without a word about it clone3 does not exist (ENOSYS), and libc does without.
 */
#include "plan/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "plan/bytes.h"
#include "plan/filter.h"

#define STEP "syscalls"

/* Between filter and exec, init stands still: it can answer for none of these. */
static const char *const needed[] = {"execve", "exit_group"};

static int by_rule(const void *a, const void *b)
{
    const struct rule *x = a, *y = b;
    const uint64_t pairs[][2] = {{(uint64_t)x->call->number, (uint64_t)y->call->number},
                                 {x->conditional, y->conditional},
                                 {x->arg, y->arg},
                                 {x->mask, y->mask},
                                 {x->value, y->value}};

    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
        if (pairs[i][0] != pairs[i][1])
            return pairs[i][0] < pairs[i][1] ? -1 : 1;
    return 0;
}

/* A list sorted by call, the rule without condition first: whatever of the same call follows it,
 * and what is there twice, says nothing more. */
static void reduce(struct filter_list *list)
{
    size_t kept = 0;

    if (list->count)
        qsort(list->rules, list->count, sizeof(list->rules[0]), by_rule);
    for (size_t i = 0; i < list->count; i++) {
        const struct rule *last = kept ? &list->rules[kept - 1] : NULL;

        if (last && last->call == list->rules[i].call &&
            (!last->conditional || by_rule(last, &list->rules[i]) == 0))
            continue;
        list->rules[kept++] = list->rules[i];
    }
    list->count = kept;
}

/* Return: a rule of the call without condition, or the same rule; NULL. */
static const struct rule *find(const struct filter_list *list, const struct rule *rule)
{
    struct rule whole = {.call = rule->call};
    const struct rule *found = NULL;

    if (list->count)
        found = bsearch(&whole, list->rules, list->count, sizeof(whole), by_rule);
    if (!found && list->count)
        found = bsearch(rule, list->rules, list->count, sizeof(*rule), by_rule);
    return found;
}

static void subtract(struct filter_list *weak, const struct filter_list *strong)
{
    size_t kept = 0;

    for (size_t i = 0; i < weak->count; i++)
        if (!find(strong, &weak->rules[i]))
            weak->rules[kept++] = weak->rules[i];
    weak->count = kept;
}

static bool names(const struct filter_list *list, const struct call *call)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->rules[i].call == call)
            return true;
    return false;
}

/* Read before anything is subtracted: what nobody else names, deny need not take away. */
static void keep_effective(struct filter_list *deny, const struct filter_rules *rules)
{
    size_t kept = 0;

    for (size_t i = 0; i < deny->count; i++) {
        const struct call *call = deny->rules[i].call;

        if (strcmp(call->name, "clone3") == 0 || names(&rules->list[FILTER_KILL], call) ||
            names(&rules->list[FILTER_LOG], call) || names(&rules->list[FILTER_ALLOW], call))
            deny->rules[kept++] = deny->rules[i];
    }
    deny->count = kept;
}

static int expand(struct planning *p, struct filter_rules *rules)
{
    const Crib__Syscalls *asked = p->policy->syscalls;
    const struct {
        const char *step;
        char **entries;
        size_t count;
    } lists[FILTER_LISTS] = {
        [FILTER_DENY] = {"syscalls.deny", asked ? asked->deny : NULL, asked ? asked->n_deny : 0},
        [FILTER_KILL] = {"syscalls.kill", asked ? asked->kill : NULL, asked ? asked->n_kill : 0},
        [FILTER_LOG] = {"syscalls.log", asked ? asked->log : NULL, asked ? asked->n_log : 0},
        [FILTER_ALLOW] = {"syscalls.allow", asked ? asked->allow : NULL,
                          asked ? asked->n_allow : 0},
    };

    for (int name = 0; name < FILTER_LISTS; name++) {
        struct filter_list *list = &rules->list[name];
        int r = rules_expand(lists[name].entries, lists[name].count, p->arena, &list->rules,
                             &list->count, p->err);

        if (r < 0 && p->err)
            p->err->step = lists[name].step;
        if (r < 0)
            return r;
        reduce(list);
    }
    keep_effective(&rules->list[FILTER_DENY], rules);
    for (int strong = 0; strong < FILTER_LISTS; strong++)
        for (int weak = strong + 1; weak < FILTER_LISTS; weak++)
            subtract(&rules->list[weak], &rules->list[strong]);
    return 0;
}

static int check_needed(struct planning *p, const struct filter_rules *rules)
{
    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
        struct rule whole = {.call = call_by_name(needed[i])};
        const struct rule *found = find(&rules->list[FILTER_ALLOW], &whole);

        if (found && !names(&rules->list[FILTER_DENY], whole.call) &&
            !names(&rules->list[FILTER_KILL], whole.call) &&
            !names(&rules->list[FILTER_LOG], whole.call))
            continue;
        return fail_text(p->err, -EINVAL, STEP, -1, needed[i],
                         "must be allowed, without a condition and in no other list: no program "
                         "could be started%s",
                         i ? ", or end" : "");
    }
    return 0;
}

static int check_conditions(struct planning *p, const struct filter_rules *rules)
{
    size_t count = 0;

    for (int name = 0; name < FILTER_LISTS; name++)
        for (size_t i = 0; i < rules->list[name].count; i++)
            count += rules->list[name].rules[i].conditional;
    if (count <= FILTER_CONDITIONS)
        return 0;
    return fail_text(p->err, -E2BIG, STEP, -1, NULL, "%zu conditions, at most %d are allowed",
                     count, FILTER_CONDITIONS);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int write_texts(struct planning *p, const struct filter_list *list, char ***texts,
                       size_t *count)
{
    for (size_t i = 0; i < list->count; i++) {
        const char *text = rule_text(&list->rules[i], p->arena);

        if (!text || arena_push(p->arena, texts, count, (char *)text) < 0)
            return plan_no_memory(p, STEP);
    }
    if (*count)
        qsort(*texts, *count, sizeof(**texts), by_text);
    return 0;
}

static int add_answer(struct planning *p, const struct rule *rule,
                      Crib__SyscallsPlan__Answer__Action action)
{
    Crib__SyscallsPlan *plan = p->plan->syscalls;
    Crib__SyscallsPlan__Answer *answer =
        ARENA_NEW(p->arena, crib__syscalls_plan__answer, Crib__SyscallsPlan__Answer);

    if (!answer || arena_push(p->arena, &plan->answers, &plan->n_answers, answer) < 0)
        return plan_no_memory(p, STEP);
    answer->has_number = answer->has_conditional = answer->has_action = true;
    answer->number = (uint32_t)rule->call->number;
    answer->conditional = rule->conditional;
    answer->has_arg = answer->has_mask = answer->has_value = rule->conditional;
    answer->arg = rule->arg;
    answer->mask = rule->mask;
    answer->value = rule->value;
    answer->action = action;
    return 0;
}

static int write_answers(struct planning *p, const struct filter_rules *rules)
{
    static const Crib__SyscallsPlan__Answer__Action actions[] = {
        [FILTER_DENY] = CRIB__SYSCALLS_PLAN__ANSWER__ACTION__refuse,
        [FILTER_KILL] = CRIB__SYSCALLS_PLAN__ANSWER__ACTION__kill,
        [FILTER_LOG] = CRIB__SYSCALLS_PLAN__ANSWER__ACTION__proceed,
    };

    for (int name = FILTER_DENY; name < FILTER_ALLOW; name++)
        for (size_t i = 0; i < rules->list[name].count; i++) {
            int r = add_answer(p, &rules->list[name].rules[i], actions[name]);

            if (r < 0)
                return r;
        }
    return 0;
}

static int write_plan(struct planning *p, const struct filter_rules *rules)
{
    Crib__SyscallsPlan *plan = p->plan->syscalls;
    int r = write_texts(p, &rules->list[FILTER_ALLOW], &plan->allow, &plan->n_allow);

    if (r == 0)
        r = write_texts(p, &rules->list[FILTER_DENY], &plan->deny, &plan->n_deny);
    if (r == 0)
        r = write_texts(p, &rules->list[FILTER_KILL], &plan->kill, &plan->n_kill);
    if (r == 0)
        r = write_texts(p, &rules->list[FILTER_LOG], &plan->log, &plan->n_log);
    return r < 0 ? r : write_answers(p, rules);
}

static int receipt(struct planning *p, const struct filter_rules *rules)
{
    char *applied = arena_printf(p->arena, "on: %zu allow, %zu deny, %zu kill, %zu log",
                                 rules->list[FILTER_ALLOW].count, rules->list[FILTER_DENY].count,
                                 rules->list[FILTER_KILL].count, rules->list[FILTER_LOG].count);
    int r;

    if (!applied)
        return plan_no_memory(p, STEP);
    r = plan_receipt(p, STEP, "on", applied);
    if (r < 0)
        return r;
    return plan_receipt(p, "syscalls.reasons", "preferred",
                        p->host->listener ? "reported by init"
                                          : "not available: this kernel has no seccomp "
                                            "notification; denied calls get EPERM unseen");
}

int plan_syscalls(struct planning *p)
{
    const Crib__Syscalls *asked = p->policy->syscalls;
    struct filter_rules rules = {0};
    int r;

    if (asked && asked->has_filter && asked->filter == CRIB__SYSCALLS__FILTER__off)
        return plan_receipt(p, STEP, "off", "off: every call reaches the kernel");
    p->plan->syscalls = ARENA_NEW(p->arena, crib__syscalls_plan, Crib__SyscallsPlan);
    if (!p->plan->syscalls)
        return plan_no_memory(p, STEP);
    p->plan->syscalls->has_listener = true;
    p->plan->syscalls->listener = p->host->listener;
    r = expand(p, &rules);
    if (r == 0)
        r = check_needed(p, &rules);
    if (r == 0)
        r = check_conditions(p, &rules);
    if (r == 0)
        r = write_plan(p, &rules);
    return r < 0 ? r : receipt(p, &rules);
}
