/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/needs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "learn/shape.h"

static const char *const passed[] = {"PATH", "LANG", "LC_*", "TERM", "TZ"};

/* As `default` has it: what else is in an environment stays outside. */
static int set_env(struct needs *needs)
{
    struct arena *arena = needs->arena;
    Crib__Env *env = ARENA_NEW(arena, crib__env, Crib__Env);
    ProtobufCBinaryData home = arena_bytes(arena, "HOME=/tmp", 9);

    if (!env || !home.data ||
        arena_push_value(arena, &env->set, &env->n_set, &home, sizeof(home)) < 0)
        return -ENOMEM;
    for (size_t i = 0; i < sizeof(passed) / sizeof(passed[0]); i++)
        if (arena_push(arena, &env->pass, &env->n_pass, (char *)passed[i]) < 0)
            return -ENOMEM;
    needs->rest->env = env;
    return 0;
}

static int allow(struct needs *needs, const char *name)
{
    struct rule *rule = arena_alloc(needs->arena, sizeof(*rule));
    struct need_call *entry;

    if (!rule)
        return -ENOMEM;
    rule->call = call_by_name(name);
    entry = needs_add_call(needs, NULL, rule, 1);
    if (entry)
        entry->need.remark = "always";
    return entry ? 0 : -ENOMEM;
}

int needs_init(struct needs *needs, struct arena *arena)
{
    *needs = (struct needs){.arena = arena, .head = ""};
    needs->rest = ARENA_NEW(needs->arena, crib__policy, Crib__Policy);
    if (!needs->rest)
        return -ENOMEM;
    needs->rest->has_landlock = true;
    needs->rest->landlock = CRIB__NEED__preferred;
    if (set_env(needs) < 0 || allow(needs, "execve") < 0 || allow(needs, "exit_group") < 0)
        return -ENOMEM;
    return 0;
}

struct need_call *needs_add_call(struct needs *needs, const char *entry, const struct rule *rules,
                                 size_t count)
{
    struct need_call call = {.entry = entry, .rules = rules, .count = count};

    if (arena_push_value(needs->arena, &needs->calls, &needs->call_count, &call, sizeof(call)) < 0)
        return NULL;
    return &needs->calls[needs->call_count - 1];
}

struct need_mount *needs_add_mount(struct needs *needs, Crib__Mount *mount)
{
    struct need_mount new = {.mount = mount};

    if (arena_push_value(needs->arena, &needs->mounts, &needs->mount_count, &new, sizeof(new)) < 0)
        return NULL;
    return &needs->mounts[needs->mount_count - 1];
}

static uint64_t bit(unsigned run)
{
    return (uint64_t)1 << (run - 1);
}

/* Return: the entry that lets a call through; NULL. */
static struct need_call *allowed_by(struct needs *needs, const struct call *call,
                                    const uint64_t *args)
{
    for (size_t i = 0; i < needs->call_count; i++)
        for (size_t k = 0; k < needs->calls[i].count; k++) {
            const struct rule *rule = &needs->calls[i].rules[k];

            if (rule->call == call && rule_fits(rule, args))
                return &needs->calls[i];
        }
    return NULL;
}

static bool is_learnt(const struct need_call *entry, const struct call *call)
{
    return entry->count == 1 && entry->rules[0].call == call;
}

/* Return: 1 an entry was widened by the rule, 0 none; -ENOMEM. */
static int join(struct needs *needs, unsigned run, const struct rule *rule)
{
    for (size_t i = 0; i < needs->call_count; i++) {
        struct need_call *entry = &needs->calls[i];
        struct rule wider;
        struct rule *kept;
        int r;

        if (!is_learnt(entry, rule->call))
            continue;
        wider = entry->rules[0];
        r = shape_join(&wider, rule, needs->arena);
        if (r == 0)
            continue;
        kept = r > 0 ? arena_alloc(needs->arena, sizeof(*kept)) : NULL;
        if (!kept)
            return -ENOMEM;
        *kept = wider;
        entry->rules = kept;
        entry->entry = NULL;
        entry->need.runs |= bit(run);
        return 1;
    }
    return 0;
}

/* One entry without conditions in the place of all that a call has. Return: 0; -ENOMEM. */
static int collapse(struct needs *needs, unsigned run, const struct call *call)
{
    struct rule *rule = arena_alloc(needs->arena, sizeof(*rule));
    struct need need = {.runs = bit(run)};
    size_t kept = 0;

    if (!rule || arena_push(needs->arena, &needs->collapsed, &needs->collapsed_count,
                            (void *)call->name) < 0)
        return -ENOMEM;
    for (size_t i = 0; i < needs->call_count; i++) {
        if (is_learnt(&needs->calls[i], call))
            need.runs |= needs->calls[i].need.runs;
        else
            needs->calls[kept++] = needs->calls[i];
    }
    rule->call = call;
    needs->calls[kept] = (struct need_call){.need = need, .rules = rule, .count = 1};
    needs->call_count = kept + 1;
    return 0;
}

static int add(struct needs *needs, unsigned run, const struct rule *rule)
{
    struct rule *kept = arena_alloc(needs->arena, sizeof(*kept));
    struct need_call *entry = kept ? needs_add_call(needs, NULL, kept, 1) : NULL;
    size_t count = 0;

    if (!entry)
        return -ENOMEM;
    *kept = *rule;
    entry->need.runs = bit(run);
    for (size_t i = 0; i < needs->call_count; i++)
        count += is_learnt(&needs->calls[i], rule->call);
    return count > NEEDS_MOST_OF_A_CALL ? collapse(needs, run, rule->call) : 0;
}

int needs_call(struct needs *needs, unsigned run, int number, const uint64_t *args)
{
    const struct call *call = call_by_number(number);
    struct need_call *entry = call ? allowed_by(needs, call, args) : NULL;
    struct rule rule;
    int r;

    if (!call)
        return 0;
    if (entry) {
        entry->need.runs |= bit(run);
        return 0;
    }
    r = shape_rule(call, args, needs->arena, &rule);
    if (r == 0)
        r = join(needs, run, &rule);
    if (r == 0)
        r = add(needs, run, &rule);
    return r < 0 ? r : 0;
}

int needs_host_net(struct needs *needs, unsigned run)
{
    Crib__Policy *rest = needs->rest;

    if (!rest->namespaces)
        rest->namespaces = ARENA_NEW(needs->arena, crib__namespaces, Crib__Namespaces);
    if (!rest->namespaces)
        return -ENOMEM;
    rest->namespaces->has_net = true;
    rest->namespaces->net = CRIB__NAMESPACES__SPACE__host;
    needs->host_net.runs |= bit(run);
    return 0;
}

/* What starts and ends a task first, then as the kernel numbers them. */
static int by_call(const void *a, const void *b)
{
    const struct need_call *x = a, *y = b;
    const char *const first[] = {"execve", "exit_group"};

    for (size_t i = 0; i < 2; i++) {
        bool x_is = is_learnt(x, call_by_name(first[i]));
        bool y_is = is_learnt(y, call_by_name(first[i]));

        if (x_is != y_is)
            return x_is ? -1 : 1;
    }
    if (x->count != 1 || y->count != 1)
        return (x->count == 1) - (y->count == 1); /* a person's groups come before */
    return rule_compare(x->rules, y->rules);
}

/* Return: whether another entry allows all that one allows; of two alike the later is left out. */
static bool is_held(const struct needs *needs, size_t index, size_t *ret_by)
{
    const struct need_call *entry = &needs->calls[index];

    for (size_t i = 0; entry->count == 1 && !entry->need.remark && i < needs->call_count; i++) {
        const struct need_call *other = &needs->calls[i];

        if (i == index || other->count != 1 || !shape_within(entry->rules, other->rules))
            continue;
        if (shape_within(other->rules, entry->rules) && i > index)
            continue;
        *ret_by = i;
        return true;
    }
    return false;
}

int needs_tidy(struct needs *needs)
{
    size_t by;

    for (size_t i = 0; i < needs->call_count;) {
        if (!is_held(needs, i, &by)) {
            i++;
            continue;
        }
        needs->calls[by].need.runs |= needs->calls[i].need.runs;
        memmove(&needs->calls[i], &needs->calls[i + 1],
                (needs->call_count - i - 1) * sizeof(*needs->calls));
        needs->call_count--;
    }
    if (needs->call_count)
        qsort(needs->calls, needs->call_count, sizeof(*needs->calls), by_call);
    return 0;
}
