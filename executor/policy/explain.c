/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/explain.h"

#include <errno.h>
#include <string.h>

#include "policy/groups.h"

struct search {
    const struct asked_call *call;
    struct arena *arena;
    struct crib_error *err;
    struct reasons *found;
    struct reason at; /* the entry at hand */
    bool visited[GROUPS_MAX];
};

static bool is_over(const struct search *s)
{
    return s->found->count && s->found->list[s->found->count - 1].certain;
}

/* Return: whether all conditions hold, some may not, or one does not. */
static enum outcome outcome_of(const struct rule *rule, const struct asked_call *call)
{
    enum outcome all = ALWAYS;

    for (size_t i = 0; i < rule->count; i++) {
        const struct condition *c = &rule->conditions[i];
        enum outcome one = condition_outcome(c, call->known[c->arg], call->bits[c->arg]);

        all = one < all ? one : all;
    }
    return all;
}

static int look_at_rule(struct search *s, const struct rule *rule, int code, const char *group)
{
    struct reason reason = s->at;
    enum outcome outcome;

    if (rule->call != s->call->call || is_over(s))
        return 0;
    outcome = outcome_of(rule, s->call);
    if (outcome == NEVER)
        return 0;
    reason.rule = *rule;
    reason.rule.code = code;
    reason.group = group;
    reason.certain = outcome == ALWAYS;
    return arena_push_value(s->arena, &s->found->list, &s->found->count, &reason, sizeof(reason));
}

static int look_at_group(struct search *s, const struct groups *groups, const struct group *group,
                         int code, const char *path)
{
    int r = 0;

    if (s->visited[group - groups->list])
        return 0;
    s->visited[group - groups->list] = true;
    path = arena_printf(s->arena, "%s%s@%s", path, path[0] ? ", " : "", group->name);
    for (size_t i = 0; r == 0 && path && i < group->count; i++) {
        const struct group_entry *entry = &group->entries[i];

        if (entry->inner)
            r = look_at_group(s, groups, entry->inner, code, path);
        else if (entry->rule.call == s->call->call)
            r = look_at_rule(
                s, &entry->rule, code,
                arena_printf(s->arena, "%s (groups/%s.yaml:%u)", path, group->name, entry->line));
    }
    return path ? r : -ENOMEM;
}

static int look_at_entry(struct search *s, const char *entry)
{
    const struct groups *groups;
    const struct group *group;
    struct rule rule;
    size_t len;
    int code, r;

    if (entry[0] != '@') {
        r = rule_parse(entry, s->arena, &rule, s->err);
        return r < 0 ? r : look_at_rule(s, &rule, rule.code, "");
    }
    r = groups_shipped(&groups, s->err);
    if (r == 0)
        r = rule_errno(entry, &len, &code, s->err);
    if (r < 0)
        return r;
    group = group_find(groups, arena_copy(s->arena, entry + 1, len - 1), s->err);
    if (!group)
        return -EINVAL;
    memset(s->visited, 0, sizeof(s->visited));
    return look_at_group(s, groups, group, code, "");
}

int policy_explain(const Crib__Policy *policy, const struct asked_call *call, struct arena *arena,
                   struct reasons *ret, struct crib_error *err)
{
    struct search s = {.call = call, .arena = arena, .err = err, .found = ret};
    int r = 0;

    *ret = (struct reasons){0};
    for (int list = 0; list < LISTS_OF_CALLS; list++) {
        size_t count;
        char *const *entries = syscalls_entries(policy->syscalls, (enum syscalls_list)list, &count);

        for (size_t i = 0; r == 0 && i < count && !is_over(&s); i++) {
            s.at.list = (enum syscalls_list)list;
            s.at.index = list == LIST_DENY ? count - 1 - i : i;
            r = look_at_entry(&s, entries[s.at.index]);
        }
    }
    return r;
}
