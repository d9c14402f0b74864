/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
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
    bool coded;                /* a rule names an errno */
    size_t entry;              /* the one at hand */
};

static struct rule *find_repeat(const struct expansion *e, const struct rule *rule)
{
    if (!e->seen[rule->call->number])
        return NULL;
    for (size_t i = 0; i < e->count; i++)
        if (rule_compare(&e->rules[i], rule) == 0)
            return &e->rules[i];
    return NULL;
}

/* Where errnos are named the order counts, and the later rule is the one that does. */
static void drop(struct expansion *e, struct rule *rule)
{
    size_t behind = (size_t)(e->rules + e->count - rule) - 1;

    memmove(rule, rule + 1, behind * sizeof(*rule));
    e->count--;
}

static int add_rule(struct expansion *e, const struct rule *rule)
{
    struct rule *before = find_repeat(e, rule);

    e->coded = e->coded || rule->code;
    if (before && !e->coded)
        return 0;
    if (before)
        drop(e, before);
    if (e->count == RULES_MAX)
        return fail_text(e->err, -E2BIG, NULL, -1, NULL, "more than %d rules", RULES_MAX);
    e->seen[rule->call->number] = true;
    if (arena_push_value(e->arena, &e->rules, &e->count, rule, sizeof(*rule)) < 0)
        return fail_sys(e->err, -ENOMEM, NULL, -1, NULL, "rules");
    return 0;
}

/* As deep as there are groups at most, since none is entered twice for one entry. */
static int add_group(struct expansion *e, const struct group *group, int code)
{
    size_t index = (size_t)(group - e->groups->list);
    int rc = 0;

    if (e->visited[index])
        return 0;
    e->visited[index] = true;
    for (size_t i = 0; i < group->count && rc == 0; i++) {
        struct rule rule = group->entries[i].rule;

        rule.code = code;
        rule.entry = e->entry;
        rule.group = group;
        rule.line = group->entries[i].line;
        rc = group->entries[i].inner ? add_group(e, group->entries[i].inner, code)
                                     : add_rule(e, &rule);
    }
    return rc;
}

static int add_named_group(struct expansion *e, const char *entry)
{
    char name[CALLS_LONGEST];
    const struct group *group;
    size_t len;
    int code, rc = rule_errno(entry, &len, &code, e->err);

    if (rc < 0)
        return rc;
    snprintf(name, sizeof(name), "%.*s", (int)len - 1, entry + 1);
    group = group_find(e->groups, name, e->err);
    if (!group)
        return -EINVAL;
    /* A group that came before needs no second look, unless an errno makes the order count. */
    if (code || e->coded)
        memset(e->visited, 0, sizeof(e->visited));
    return add_group(e, group, code);
}

static int add_entry(struct expansion *e, const char *entry)
{
    struct rule rule;
    int rc;

    if (entry[0] == '@')
        return add_named_group(e, entry);
    rc = rule_parse(entry, e->arena, &rule, e->err);
    rule.entry = e->entry;
    return rc < 0 ? rc : add_rule(e, &rule);
}

int groups_expand(const struct groups *groups, char *const *entries, size_t count,
                  struct arena *arena, struct rule **ret, size_t *ret_count, struct crib_error *err)
{
    struct expansion e = {.groups = groups, .arena = arena, .err = err};

    if (count > RULES_MAX)
        return fail_text(err, -E2BIG, NULL, -1, NULL, "more than %d entries", RULES_MAX);
    for (size_t i = 0; i < count; i++) {
        int rc;

        e.entry = i;
        rc = add_entry(&e, entries[i]);

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
