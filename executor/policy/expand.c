/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "policy/groups.h"

/* A list on its way to rules. */
struct expansion {
    const struct groups *groups;
    struct arena *arena;
    struct crib_error *err;
    struct rule *rules;
    size_t count;
    bool seen[CALLS_LAST + 1]; /* calls that have a rule already */
    bool visited[GROUPS_MAX];  /* groups whose entries are in, or on their way in */
};

static bool same(const struct rule *a, const struct rule *b)
{
    return a->call == b->call && a->conditional == b->conditional && a->arg == b->arg &&
           a->mask == b->mask && a->value == b->value;
}

static bool is_repeat(const struct expansion *e, const struct rule *rule)
{
    if (!e->seen[rule->call->number])
        return false;
    for (size_t i = 0; i < e->count; i++)
        if (same(&e->rules[i], rule))
            return true;
    return false;
}

static int add_rule(struct expansion *e, const struct rule *rule)
{
    if (is_repeat(e, rule))
        return 0;
    if (e->count == RULES_MAX)
        return fail_text(e->err, -E2BIG, NULL, -1, NULL, "more than %d rules", RULES_MAX);
    e->seen[rule->call->number] = true;
    if (arena_push_value(e->arena, &e->rules, &e->count, rule, sizeof(*rule)) < 0)
        return fail_sys(e->err, -ENOMEM, NULL, -1, NULL, "rules");
    return 0;
}

/* As deep as there are groups at most, since none is entered twice. */
static int add_group(struct expansion *e, const struct group *group)
{
    size_t index = (size_t)(group - e->groups->list);
    int rc = 0;

    if (e->visited[index])
        return 0;
    e->visited[index] = true;
    for (size_t i = 0; i < group->count && rc == 0; i++) {
        const struct group_entry *entry = &group->entries[i];

        rc = entry->inner ? add_group(e, entry->inner) : add_rule(e, &entry->rule);
    }
    return rc;
}

static int add_entry(struct expansion *e, const char *entry)
{
    const struct group *group;
    struct rule rule;
    int rc;

    if (entry[0] == '@') {
        group = group_find(e->groups, entry + 1, e->err);
        return group ? add_group(e, group) : -EINVAL;
    }
    rc = rule_parse(entry, &rule, e->err);
    return rc < 0 ? rc : add_rule(e, &rule);
}

int groups_expand(const struct groups *groups, char *const *entries, size_t count,
                  struct arena *arena, struct rule **ret, size_t *ret_count, struct crib_error *err)
{
    struct expansion e = {.groups = groups, .arena = arena, .err = err};

    if (count > RULES_MAX)
        return fail_text(err, -E2BIG, NULL, -1, NULL, "more than %d entries", RULES_MAX);
    for (size_t i = 0; i < count; i++) {
        int rc = add_entry(&e, entries[i]);

        if (rc < 0) {
            if (err)
                err->index = (int)i;
            return rc;
        }
    }
    *ret = e.rules;
    *ret_count = e.count;
    return 0;
}

int rules_expand(char *const *entries, size_t count, struct arena *arena, struct rule **ret,
                 size_t *ret_count, struct crib_error *err)
{
    const struct groups *groups;
    int rc = groups_shipped(&groups, err);

    return rc < 0 ? rc : groups_expand(groups, entries, count, arena, ret, ret_count, err);
}
