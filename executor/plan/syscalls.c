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

#include "base/auto.h"
#include "plan/bytes.h"
#include "plan/filter.h"
#include "plan/recall.h"

#define STEP "syscalls"

/* Between filter and exec, init stands still: it can answer for none of these. */
static const char *const needed[] = {"execve", "exit_group"};

static int by_rule(const void *a, const void *b)
{
    return rule_compare(a, b);
}

/* A list sorted by call, the rule without condition first: whatever of the same call follows it,
 * and what is there twice, says nothing more. */
static void reduce(struct filter_list *list)
{
    size_t kept = 0;

    for (size_t i = 0; i < list->count; i++) {
        const struct rule *last = kept ? &list->rules[kept - 1] : NULL;

        if (last && last->call == list->rules[i].call &&
            (!last->count || rule_compare(last, &list->rules[i]) == 0))
            continue;
        list->rules[kept++] = list->rules[i];
    }
    list->count = kept;
}

static void sort(struct filter_list *list)
{
    if (list->count)
        qsort(list->rules, list->count, sizeof(list->rules[0]), by_rule);
}

/* A rule of `deny`. Of the same call, a lower level is stronger; all of one level have one errno.
 */
struct ranked {
    struct rule rule;
    unsigned level;
};

static int by_rank(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;

    if (x->rule.call != y->rule.call || x->level == y->level)
        return rule_compare(&x->rule, &y->rule);
    return x->level < y->level ? -1 : 1;
}

/* Sorts `deny` as another list, but that among rules of one call the last one said comes first
 * where their errnos differ. */
static int sort_deny(struct planning *p, struct filter_list *list)
{
    struct ranked *ranked = arena_alloc(p->arena, list->count * sizeof(*ranked));
    unsigned levels[CALLS_LAST + 1] = {0};
    int codes[CALLS_LAST + 1] = {0};

    if (!ranked)
        return plan_no_memory(p, STEP);
    for (size_t i = 0; i < list->count; i++) {
        const struct rule *rule = &list->rules[list->count - 1 - i];
        int number = rule->call->number, code = filter_code_of(rule);

        levels[number] += codes[number] && codes[number] != code;
        codes[number] = code;
        ranked[i] = (struct ranked){*rule, levels[number]};
    }
    if (list->count)
        qsort(ranked, list->count, sizeof(*ranked), by_rank);
    for (size_t i = 0; i < list->count; i++) {
        list->rules[i] = ranked[i].rule;
        if (list->rules[i].code == EPERM)
            list->rules[i].code = 0;
    }
    return 0;
}

static int by_call(const void *a, const void *b)
{
    const struct rule *x = a, *y = b;

    return (x->call->number > y->call->number) - (x->call->number < y->call->number);
}

/* Return: a rule of the call without condition, or the same rule; NULL. */
static const struct rule *find(const struct filter_list *list, const struct rule *rule)
{
    const struct rule *end, *at;

    if (!list->count)
        return NULL;
    end = list->rules + list->count;
    at = bsearch(rule, list->rules, list->count, sizeof(*rule), by_call);
    while (at && at > list->rules && at[-1].call == rule->call)
        at--;
    for (; at && at < end && at->call == rule->call; at++)
        if (!at->count || rule_compare(at, rule) == 0)
            return at;
    return NULL;
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
    const struct rule whole = {.call = call};

    return list->count && bsearch(&whole, list->rules, list->count, sizeof(whole), by_call);
}

/* Whether a call has a rule that answers otherwise than no rule at all. */
static bool says_more(const struct filter_list *deny, const struct call *call, int otherwise)
{
    for (size_t i = 0; i < deny->count; i++)
        if (deny->rules[i].call == call && filter_code_of(&deny->rules[i]) != otherwise)
            return true;
    return false;
}

/* Read before anything is subtracted: what nobody else names, deny need not take away. */
static void keep_effective(struct filter_list *deny, const struct filter_rules *rules)
{
    struct filter_list all = *deny;
    bool wanted[CALLS_LAST + 1];
    size_t kept = 0;

    for (size_t i = 0; i < all.count; i++) {
        const struct call *call = all.rules[i].call;

        wanted[call->number] = i && all.rules[i - 1].call == call
                                   ? wanted[call->number]
                                   : strcmp(call->name, "clone3") == 0 ||
                                         names(&rules->list[FILTER_KILL], call) ||
                                         names(&rules->list[FILTER_LOG], call) ||
                                         names(&rules->list[FILTER_ALLOW], call) ||
                                         says_more(&all, call, rules->otherwise);
    }
    for (size_t i = 0; i < all.count; i++)
        if (wanted[all.rules[i].call->number])
            deny->rules[kept++] = all.rules[i];
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
        if (r == 0 && name == FILTER_DENY)
            r = sort_deny(p, list);
        if (r < 0)
            return r;
        if (name != FILTER_DENY)
            sort(list);
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
    struct pieces pieces;
    size_t count = 0, parts = 0;

    for (int name = 0; name < FILTER_LISTS; name++)
        for (size_t i = 0; i < rules->list[name].count; i++) {
            const struct rule *rule = &rules->list[name].rules[i];

            if (!rule->count || pieces_of(rule->conditions, rule->count, &pieces) < 0)
                continue;
            count++;
            parts += pieces.count + pieces.exceptions;
        }
    if (count > FILTER_CONDITIONS)
        return fail_text(p->err, -E2BIG, STEP, -1, NULL, "%zu conditions, at most %d are allowed",
                         count, FILTER_CONDITIONS);
    if (parts > FILTER_PIECES)
        return fail_text(p->err, -E2BIG, STEP, -1, NULL,
                         "the conditions come to %zu comparisons for equality, at most %d are "
                         "allowed",
                         parts, FILTER_PIECES);
    return 0;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Whether the order among the rules of one call counts. */
static bool is_ordered(const struct filter_list *list)
{
    for (size_t i = 1; i < list->count; i++)
        if (list->rules[i].call == list->rules[i - 1].call &&
            list->rules[i].code != list->rules[i - 1].code)
            return true;
    return false;
}

static int write_texts(struct planning *p, const struct filter_list *list, char ***texts,
                       size_t *count)
{
    for (size_t i = 0; i < list->count; i++) {
        const char *text = rule_text(&list->rules[i], p->arena);

        if (!text || arena_push(p->arena, texts, count, (char *)text) < 0)
            return plan_no_memory(p, STEP);
    }
    if (*count && !is_ordered(list))
        qsort(*texts, *count, sizeof(**texts), by_text);
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
    return r < 0 ? r : plan_answers(p, rules);
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

static int otherwise_of(const Crib__Syscalls *asked)
{
    uint64_t code;

    if (!asked || !asked->otherwise || symbol_value("ERRNO", asked->otherwise, &code) < 0)
        return EPERM;
    return (int)code;
}

static int decide(struct planning *p)
{
    const Crib__Syscalls *asked = p->policy->syscalls;
    struct filter_rules rules = {0};
    int r;

    p->plan->syscalls = ARENA_NEW(p->arena, crib__syscalls_plan, Crib__SyscallsPlan);
    if (!p->plan->syscalls)
        return plan_no_memory(p, STEP);
    p->plan->syscalls->policy = p->task->origins ? p->task->origins->name : NULL;
    p->plan->syscalls->has_listener = true;
    p->plan->syscalls->listener = p->host->listener;
    p->plan->syscalls->has_otherwise = true;
    p->plan->syscalls->otherwise = (uint32_t)(rules.otherwise = otherwise_of(asked));
    r = expand(p, &rules);
    if (r == 0)
        r = check_needed(p, &rules);
    if (r == 0)
        r = plan_trace(p, &rules);
    if (r == 0)
        r = check_conditions(p, &rules);
    if (r == 0)
        r = write_plan(p, &rules);
    return r < 0 ? r : receipt(p, &rules);
}

int plan_syscalls(struct planning *p)
{
    AUTO(buf_done) struct buf key = {0};
    const Crib__Syscalls *asked = p->policy->syscalls;
    size_t first = p->plan->n_receipt;
    int r;

    if (asked && asked->has_filter && asked->filter == CRIB__SYSCALLS__FILTER__off) {
        r = plan_receipt(p, STEP, "off", "off: every call reaches the kernel");
        return r < 0 ? r : plan_untraced(p, "the policy has no filter that could tell");
    }
    r = recall_key(p, &key);
    if (r == 0)
        r = recall_take(p, &key);
    if (r != 0)
        return r < 0 ? plan_no_memory(p, STEP) : 0;
    r = decide(p);
    if (r == 0)
        recall_add(p, &key, first);
    return r;
}
