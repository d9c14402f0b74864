/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "policy/intersect_parts.h"
#include "policy/intersect_rule.h"
#include "policy/origins.h"

struct rules {
    struct rule *list;
    size_t count;
};

struct texts {
    char **list;
    size_t count;
};

/* What the ceiling lets through, and the result's lists so far. */
struct cutting {
    struct intersecting *x;
    struct rules allow, log; /* of the ceiling */
    size_t pairs;            /* tried */
    struct rules said;       /* conditional rules in the list that is being made */
};

static int refuse_size(const struct cutting *c, enum syscalls_list list, size_t index,
                       const char *entry, const char *why)
{
    return fail_text(c->x->w.err, -E2BIG, syscalls_path(list), (int)index, entry, "%s", why);
}

static int expand(struct intersecting *x, char *const *entries, size_t count,
                  enum syscalls_list list, struct rules *ret)
{
    int r = rules_expand(entries, count, x->w.arena, &ret->list, &ret->count, x->w.err);

    if (r < 0 && x->w.err)
        x->w.err->step = syscalls_path(list);
    return r;
}

static int expand_list(struct intersecting *x, const Crib__Syscalls *s, enum syscalls_list list,
                       struct rules *ret)
{
    size_t count;
    char *const *entries = syscalls_entries(s, list, &count);

    return expand(x, entries, count, list, ret);
}

static bool covered(const struct rule *rule, const struct rules *by)
{
    for (size_t i = 0; i < by->count; i++)
        if (rule_implies(rule, &by->list[i]))
            return true;
    return false;
}

static bool has_text(const struct texts *texts, const char *text)
{
    for (size_t i = 0; i < texts->count; i++)
        if (strcmp(texts->list[i], text) == 0)
            return true;
    return false;
}

static int add_text(struct cutting *c, struct texts *to, const char *text)
{
    if (!text)
        return intersect_no_memory(c->x);
    if (has_text(to, text))
        return 0;
    if (to->count == RULES_MAX)
        return fail_text(c->x->w.err, -E2BIG, "syscalls", -1, NULL,
                         "together with the ceiling it comes to more than %d entries", RULES_MAX);
    return arena_push(c->x->arena, &to->list, &to->count, (char *)text) < 0
               ? intersect_no_memory(c->x)
               : 0;
}

/* Adds what two rules let through both. */
static int add_both(struct cutting *c, const struct rule *rule, const struct rule *most,
                    enum syscalls_list list, size_t index, struct texts *to)
{
    struct rule both;
    const char *text;
    int r = c->pairs++ < INTERSECT_MAX_PAIRS ? rule_both(rule, most, c->x->w.arena, &both) : -EDOM;

    if (r == 0)
        return 0;
    if (r == -ENOMEM)
        return intersect_no_memory(c->x);
    if (r < 0)
        return refuse_size(c, list, index, rule_text(rule, c->x->w.arena),
                           r == -EDOM ? "too many entries of both policies are about the same calls"
                                      : "it cannot be said in one entry together with what the "
                                        "ceiling says of the call");
    if (covered(&both, &c->said))
        return 0;
    both.code = 0;
    text = rule_text(&both, c->x->arena);
    if (text && strlen(text) > RULE_LONGEST)
        return refuse_size(c, list, index, rule_text(rule, c->x->w.arena),
                           "together with the ceiling's conditions the entry is too long");
    r = add_text(c, to, text);
    if (r == 0 &&
        arena_push_value(c->x->w.arena, &c->said.list, &c->said.count, &both, sizeof(both)) < 0)
        r = intersect_no_memory(c->x);
    return r;
}

/* Adds what an entry of the policy and rules of the ceiling let through both: the entry itself,
 * where that is all of it. */
static int add_entry(struct cutting *c, enum syscalls_list list, size_t index, char *entry,
                     const struct rules *most, struct texts *to)
{
    struct rules rules;
    bool whole = true;
    int r = expand(c->x, &entry, 1, list, &rules);

    for (size_t i = 0; r == 0 && i < rules.count && whole; i++)
        whole = covered(&rules.list[i], most);
    if (r == 0 && whole)
        return add_text(c, to, entry);
    for (size_t i = 0; r == 0 && i < rules.count; i++)
        for (size_t n = 0; r == 0 && n < most->count; n++)
            if (most->list[n].call == rules.list[i].call)
                r = add_both(c, &rules.list[i], &most->list[n], list, index, to);
    return r;
}

static int add_entries(struct cutting *c, enum syscalls_list list, const struct rules *most,
                       struct texts *to)
{
    size_t count;
    char *const *entries = syscalls_entries(c->x->w.policy->syscalls, list, &count);
    int r = 0;

    for (size_t i = 0; r == 0 && i < count; i++)
        r = add_entry(c, list, i, entries[i], most, to);
    return r;
}

/* The entries of both; of the last that fits is the errno, so the policy's own come last. */
static int unite(struct cutting *c, enum syscalls_list list, struct texts *to)
{
    const Crib__Policy *both[] = {c->x->w.widest, c->x->w.policy};
    int r = 0;

    for (int n = 0; n < 2; n++) {
        size_t count;
        char *const *entries = syscalls_entries(both[n]->syscalls, list, &count);

        for (size_t i = 0; r == 0 && i < count; i++)
            r = add_text(c, to, entries[i]);
    }
    return r;
}

static int cut(struct cutting *c, Crib__Syscalls *s)
{
    const Crib__Syscalls *most = c->x->w.widest->syscalls;
    struct texts allow = {0}, deny = {0}, kill = {0}, log = {0};
    int r = expand_list(c->x, most, LIST_ALLOW, &c->allow);

    if (r == 0)
        r = expand_list(c->x, most, LIST_LOG, &c->log);
    if (r == 0)
        r = unite(c, LIST_DENY, &deny);
    if (r == 0)
        r = unite(c, LIST_KILL, &kill);
    if (r == 0)
        r = add_entries(c, LIST_ALLOW, &c->allow, &allow);
    c->said = (struct rules){0};
    if (r == 0)
        r = add_entries(c, LIST_LOG, &c->allow, &log);
    if (r == 0)
        r = add_entries(c, LIST_LOG, &c->log, &log);
    if (r == 0)
        r = add_entries(c, LIST_ALLOW, &c->log, &log);
    s->allow = allow.list;
    s->n_allow = allow.count;
    s->deny = deny.list;
    s->n_deny = deny.count;
    s->kill = kill.list;
    s->n_kill = kill.count;
    s->log = log.list;
    s->n_log = log.count;
    return r;
}

static bool is_off(const Crib__Syscalls *s)
{
    return s && s->has_filter && s->filter != CRIB__SYSCALLS__FILTER__on;
}

int intersect_syscalls(struct intersecting *x)
{
    struct cutting c = {.x = x};
    Crib__Syscalls *s;

    if (is_off(x->w.widest->syscalls))
        return 0;
    if (is_off(x->w.policy->syscalls)) {
        x->result->syscalls = x->w.widest->syscalls;
        return 0;
    }
    if (!x->w.policy->syscalls)
        return 0; /* no call at all */
    s = arena_alloc(x->arena, sizeof(*s));
    if (!s)
        return intersect_no_memory(x);
    *s = *x->w.policy->syscalls;
    x->result->syscalls = s;
    return cut(&c, s);
}
