/* SPDX-License-Identifier: Apache-2.0 */
/* How init answers the calls that the filter hands to it: piece by piece, in the order of the
 * lists. */
#include "plan/bytes.h"
#include "plan/filter.h"
#include "plan/plan.h"
#include "policy/origins.h"

#define STEP "syscalls"

static int add_match(struct planning *p, Crib__SyscallsPlan__Answer *answer,
                     const struct piece *piece, bool differs)
{
    for (unsigned arg = 0; arg < 6; arg++) {
        Crib__SyscallsPlan__Match *match;

        if (!piece->mask[arg])
            continue;
        match = ARENA_NEW(p->arena, crib__syscalls_plan__match, Crib__SyscallsPlan__Match);
        if (!match || arena_push(p->arena, &answer->matches, &answer->n_matches, match) < 0)
            return plan_no_memory(p, STEP);
        match->has_arg = match->has_mask = match->has_value = true;
        match->arg = arg;
        match->mask = piece->mask[arg];
        match->value = piece->value[arg];
        match->has_differs = match->differs = differs;
    }
    return 0;
}

/* Where the rule of an answer was written. */
static int add_origin(struct planning *p, const struct rule *rule, enum filter_list_name name,
                      Crib__SyscallsPlan__Answer *answer)
{
    static const enum syscalls_list lists[] = {
        [FILTER_DENY] = LIST_DENY, [FILTER_KILL] = LIST_KILL, [FILTER_LOG] = LIST_LOG};

    if (rule->traced)
        return p->task->trace == CRIB__TRACE__all ? plan_differs(p, rule->call, answer) : 0;
    if (!p->task->origins)
        return 0;
    answer->rule = (char *)origins_rule_text(p->task->origins, lists[name], rule, p->arena);
    return answer->rule ? 0 : plan_no_memory(p, STEP);
}

static Crib__SyscallsPlan__Answer__Action action_of(const struct rule *rule,
                                                    enum filter_list_name name)
{
    static const Crib__SyscallsPlan__Answer__Action actions[] = {
        [FILTER_DENY] = CRIB__SYSCALLS_PLAN__ANSWER__ACTION__refuse,
        [FILTER_KILL] = CRIB__SYSCALLS_PLAN__ANSWER__ACTION__kill,
        [FILTER_LOG] = CRIB__SYSCALLS_PLAN__ANSWER__ACTION__proceed,
    };

    return rule->traced ? CRIB__SYSCALLS_PLAN__ANSWER__ACTION__trace : actions[name];
}

static int add_answer(struct planning *p, const struct rule *rule, const struct pieces *pieces,
                      size_t index, enum filter_list_name name)
{
    Crib__SyscallsPlan *plan = p->plan->syscalls;
    Crib__SyscallsPlan__Answer *answer =
        ARENA_NEW(p->arena, crib__syscalls_plan__answer, Crib__SyscallsPlan__Answer);
    int r;

    if (!answer || arena_push(p->arena, &plan->answers, &plan->n_answers, answer) < 0)
        return plan_no_memory(p, STEP);
    answer->has_number = answer->has_action = true;
    answer->number = (uint32_t)rule->call->number;
    answer->action = action_of(rule, name);
    if (answer->action == CRIB__SYSCALLS_PLAN__ANSWER__ACTION__refuse) {
        answer->has_code = true;
        answer->code = (uint32_t)filter_code_of(rule);
    }
    r = add_origin(p, rule, name, answer);
    if (r == 0)
        r = add_match(p, answer, &pieces->piece[index], false);
    for (size_t i = 0; r == 0 && i < pieces->exceptions; i++)
        r = add_match(p, answer, &pieces->exception[i], true);
    return r;
}

/* An answer for each piece of a rule. */
static int add_answers(struct planning *p, const struct rule *rule, enum filter_list_name name)
{
    struct pieces pieces;
    int r = pieces_of(rule->conditions, rule->count, &pieces);

    for (size_t i = 0; r == 0 && i < pieces.count; i++)
        r = add_answer(p, rule, &pieces, i, name);
    return r;
}

int plan_answers(struct planning *p, const struct filter_rules *rules)
{
    for (int name = FILTER_DENY; name < FILTER_ALLOW; name++)
        for (size_t i = 0; i < rules->list[name].count; i++) {
            int r = add_answers(p, &rules->list[name].rules[i], (enum filter_list_name)name);

            if (r < 0)
                return r;
        }
    return 0;
}
