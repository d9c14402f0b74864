/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which calls init looks at while it lets them through. Their rules go from `allow` to the list
 * whose calls are told and carried out; a filter without a listener simply allows them.
 *
 * The task's first exec cannot wait for init, which is suspended until it is done: init marks it by
 * a fourth argument, which execve does not have and the kernel does not read.
 */
#include <errno.h>
#include <string.h>

#include "plan/bytes.h"
#include "plan/filter.h"
#include "plan/plan.h"

#define STEP        "trace"
#define FIRST_EXEC  "execve(mark == 0x63726962)" /* init/exec.c */
#define LATER_EXECS "execve(mark != 0x63726962)"

/* Return: whether an argument is the path of a file. */
static bool is_path(const struct call_arg *arg)
{
    static const char *const names[] = {"path", "oldpath", "newpath", "from_path", "to_path"};

    for (size_t i = 0; arg->pointer && i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(arg->name, names[i]) == 0)
            return true;
    return false;
}

static bool is_looked_at(const struct call *call, Crib__Trace trace)
{
    if (strcmp(call->name, "exit_group") == 0)
        return false;
    for (unsigned i = 0; i < call->count; i++)
        if (is_path(&call->args[i]))
            return true;
    return trace == CRIB__TRACE__all;
}

static int push(struct planning *p, struct filter_list *list, const struct rule *rule)
{
    if (arena_push_value(p->arena, &list->rules, &list->count, rule, sizeof(*rule)) < 0)
        return plan_no_memory(p, STEP);
    return 0;
}

/* What is told goes before what is allowed, so it must leave the first exec out. */
static int trace_rule(struct planning *p, const struct rule *rule, struct filter_rules *rules)
{
    struct rule traced = *rule;
    int r = 0;

    if (strcmp(rule->call->name, "execve") == 0)
        r = rule_parse(LATER_EXECS, p->arena, &traced, p->err);
    traced.traced = true;
    return r < 0 ? r : push(p, &rules->list[FILTER_LOG], &traced);
}

static int allow_first_exec(struct planning *p, struct filter_list *allow)
{
    struct rule rule;
    int r = rule_parse(FIRST_EXEC, p->arena, &rule, p->err);

    return r < 0 ? r : push(p, allow, &rule);
}

static bool is_wanted(const Crib__Task *task)
{
    return task->has_trace && task->trace != CRIB__TRACE__no_trace;
}

static int receipt(struct planning *p, const char *applied)
{
    return plan_receipt(p, STEP, p->task->trace == CRIB__TRACE__all ? "all" : "files", applied);
}

int plan_untraced(struct planning *p, const char *why)
{
    const char *applied = arena_printf(p->arena, "not available: %s", why);

    if (!is_wanted(p->task))
        return 0;
    return applied ? receipt(p, applied) : plan_no_memory(p, STEP);
}

int plan_trace(struct planning *p, struct filter_rules *rules)
{
    struct filter_list allow = {0}, *all = &rules->list[FILTER_ALLOW];
    int r = 0;

    if (!is_wanted(p->task))
        return 0;
    if (!p->host->listener)
        return plan_untraced(p, "this kernel has no seccomp notification");
    p->plan->syscalls->has_trace = true;
    p->plan->syscalls->trace = p->task->trace;
    for (size_t i = 0; r == 0 && i < all->count; i++) {
        const struct rule *rule = &all->rules[i];

        r = is_looked_at(rule->call, p->task->trace) ? trace_rule(p, rule, rules)
                                                     : push(p, &allow, rule);
    }
    if (r == 0)
        r = allow_first_exec(p, &allow);
    *all = allow;
    return r < 0 ? r : receipt(p, "reported by init; every call that it looks at waits for it");
}

/* Return: whether calls that differ in an argument are worth telling apart. */
static bool tells_apart(const struct call_arg *arg)
{
    static const char *const names[] = {"pid", "which", "resource"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(arg->name, names[i]) == 0)
            return true;
    return arg->symbols && strcmp(arg->symbols, "MODE") != 0;
}

int plan_differs(struct planning *p, const struct call *call, Crib__SyscallsPlan__Answer *answer)
{
    answer->differs = arena_alloc(p->arena, CALLS_ARGS * sizeof(*answer->differs));
    if (!answer->differs)
        return plan_no_memory(p, STEP);
    answer->n_differs = CALLS_ARGS;
    for (unsigned i = 0; i < CALLS_ARGS; i++) {
        const struct call_arg *arg = &call->args[i];
        uint64_t width = arg->bits < 64 ? ((uint64_t)1 << arg->bits) - 1 : UINT64_MAX;

        answer->differs[i] = i < call->count && tells_apart(arg) ? width : 0;
    }
    return 0;
}
