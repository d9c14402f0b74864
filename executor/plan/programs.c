/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: all sections of both programs are compiled at one go, then chained, and made
 * short; what comes of it is proven. Those of `allow` are the large ones, the same in both
 * programs, and last.
 */
#include "plan/filter.h"

#include <errno.h>

/* Sections by where they are needed. */
struct parts {
    struct filter_sections allow; /* of both */
    struct filter_sections told;  /* with a listener: all that is no simple permission */
    struct filter_sections own;   /* of the fallback */
};

static int no_memory(struct crib_error *err)
{
    return fail_sys(err, -ENOMEM, "syscalls", -1, NULL, NULL);
}

static int deal_told(const struct filter_rules *rules, struct arena *arena,
                     struct filter_sections *ret, struct crib_error *err)
{
    struct filter_list told = {0};

    for (int name = FILTER_DENY; name < FILTER_ALLOW; name++)
        for (size_t i = 0; i < rules->list[name].count; i++)
            if (arena_push_value(arena, &told.rules, &told.count, &rules->list[name].rules[i],
                                 sizeof(told.rules[0])) < 0)
                return no_memory(err);
    return filter_deal(&told, SECCOMP_RET_USER_NOTIF, arena, ret, err);
}

/* How many rules of its call with another errno than the one before stand before rule @index. */
static unsigned level_of(const struct filter_list *list, size_t index)
{
    int code = filter_code_of(&list->rules[index]);
    unsigned level = 0;

    for (size_t i = index; i-- > 0;) {
        if (list->rules[i].call != list->rules[index].call)
            continue;
        level += filter_code_of(&list->rules[i]) != code;
        code = filter_code_of(&list->rules[i]);
    }
    return level;
}

/* Sections of those rules of `deny` that have one level and one errno. */
static int deal_level(const struct filter_list *deny, const unsigned *levels, unsigned level,
                      int code, struct arena *arena, struct filter_sections *ret,
                      struct crib_error *err)
{
    struct filter_list here = {0};

    for (size_t i = 0; i < deny->count; i++)
        if (levels[i] == level && filter_code_of(&deny->rules[i]) == code &&
            arena_push_value(arena, &here.rules, &here.count, &deny->rules[i],
                             sizeof(here.rules[0])) < 0)
            return no_memory(err);
    return filter_deal(&here, SECCOMP_RET_ERRNO | (uint32_t)code, arena, ret, err);
}

/* Whether another rule before has the same level and errno. */
static bool is_done(const struct filter_list *deny, const unsigned *levels, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (levels[i] == levels[index] &&
            filter_code_of(&deny->rules[i]) == filter_code_of(&deny->rules[index]))
            return true;
    return false;
}

/* The first rule that fits counts, so all of one level come before those of the next. */
static int deal_denials(const struct filter_list *deny, struct arena *arena,
                        struct filter_sections *ret, struct crib_error *err)
{
    unsigned *levels = arena_alloc(arena, deny->count * sizeof(*levels)), last = 0;
    int r = 0;

    if (!levels)
        return no_memory(err);
    for (size_t i = 0; i < deny->count; i++) {
        levels[i] = level_of(deny, i);
        last = levels[i] > last ? levels[i] : last;
    }
    for (unsigned level = 0; level <= last; level++)
        for (size_t i = 0; r == 0 && i < deny->count; i++)
            if (levels[i] == level && !is_done(deny, levels, i))
                r = deal_level(deny, levels, level, filter_code_of(&deny->rules[i]), arena, ret,
                               err);
    return r;
}

static int deal_fallback(const struct filter_rules *rules, struct arena *arena,
                         struct filter_sections *ret, struct crib_error *err)
{
    int r = deal_denials(&rules->list[FILTER_DENY], arena, ret, err);

    if (r == 0)
        r = filter_deal(&rules->list[FILTER_KILL], SECCOMP_RET_KILL_PROCESS, arena, ret, err);
    if (r == 0)
        r = filter_deal(&rules->list[FILTER_LOG], SECCOMP_RET_ALLOW, arena, ret, err);
    return r;
}

/* Chains the sections of both, and proves what comes of it. */
static int finish(const struct filter_rules *rules, const struct filter_sections *first,
                  const struct filter_sections *allow, bool listener, struct arena *arena,
                  struct filter_code *ret, struct filter_code *ret_chained, struct crib_error *err)
{
    uint32_t refused = SECCOMP_RET_ERRNO | (uint32_t)(rules->otherwise ? rules->otherwise : EPERM);
    struct filter_sections all = {0};
    int r = 0;

    for (size_t i = 0; r == 0 && i < first->count + allow->count; i++)
        r = arena_push_value(arena, &all.list, &all.count,
                             i < first->count ? &first->list[i] : &allow->list[i - first->count],
                             sizeof(all.list[0]));
    if (r < 0)
        return no_memory(err);
    r = filter_chain(rules, all.list, all.count, listener ? SECCOMP_RET_USER_NOTIF : refused, arena,
                     ret, err);
    if (r < 0)
        return r;
    *ret_chained = *ret;
    filter_shorten(ret, arena);
    return filter_prove(ret, rules, listener, NULL, err);
}

int filter_make(const struct filter_rules *rules, struct arena *arena, struct filter_programs *ret,
                struct crib_error *err)
{
    struct parts parts = {0};
    struct filter_sections *const all[] = {&parts.allow, &parts.told, &parts.own};
    int r = filter_deal(&rules->list[FILTER_ALLOW], SECCOMP_RET_ALLOW, arena, &parts.allow, err);

    if (r == 0)
        r = deal_told(rules, arena, &parts.told, err);
    if (r == 0)
        r = deal_fallback(rules, arena, &parts.own, err);
    if (r == 0)
        r = filter_compile(all, sizeof(all) / sizeof(all[0]), arena, err);
    if (r == 0)
        r = finish(rules, &parts.told, &parts.allow, true, arena, &ret->listening, &ret->chained[1],
                   err);
    if (r == 0)
        r = finish(rules, &parts.own, &parts.allow, false, arena, &ret->fallback, &ret->chained[0],
                   err);
    ret->listening_sections = parts.told.count + parts.allow.count;
    ret->fallback_sections = parts.own.count + parts.allow.count;
    return r;
}
