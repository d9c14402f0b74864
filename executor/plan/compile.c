/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: the lists are compiled (section.c), chained, and proven, once with a
 * listener and once without. Programs are kept by the text of their rules.
 */
#include "plan/plan.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "plan/filter.h"

#define KEPT 32 /* sets of programs */

/* Both programs of one set of rules. */
struct programs {
    struct filter_code listening, fallback;
};

/* Chains the sections, those of @allow last, and proves what comes of it. */
static int finish(const struct filter_rules *rules, struct filter_sections *sections,
                  const struct filter_sections *allow, uint32_t otherwise, bool listener,
                  struct arena *arena, struct filter_code *ret, struct crib_error *err)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < allow->count; i++)
        r = arena_push_value(arena, &sections->list, &sections->count, &allow->list[i],
                             sizeof(allow->list[i]));
    if (r < 0)
        return fail_sys(err, r, "syscalls", -1, NULL, NULL);
    r = filter_chain(rules, sections->list, sections->count, otherwise, arena, ret, err);
    return r < 0 ? r : filter_prove(ret, rules, listener, err);
}

/* Puts the sections of all rules that are no simple permission before those of @allow. */
static int make_listening(const struct filter_rules *rules, const struct filter_sections *allow,
                          struct arena *arena, struct filter_code *ret, struct crib_error *err)
{
    struct filter_list told = {0};
    struct filter_sections sections = {0};
    int r = 0;

    for (int name = FILTER_DENY; name < FILTER_ALLOW; name++)
        for (size_t i = 0; r == 0 && i < rules->list[name].count; i++)
            r = arena_push_value(arena, &told.rules, &told.count, &rules->list[name].rules[i],
                                 sizeof(told.rules[0]));
    if (r < 0)
        return fail_sys(err, r, "syscalls", -1, NULL, NULL);
    r = filter_compile(&told, SECCOMP_RET_USER_NOTIF, arena, &sections, err);
    return r < 0 ? r
                 : finish(rules, &sections, allow, SECCOMP_RET_USER_NOTIF, true, arena, ret, err);
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
static int add_level(const struct filter_list *deny, const unsigned *levels, unsigned level,
                     int code, struct arena *arena, struct filter_sections *ret,
                     struct crib_error *err)
{
    struct filter_list here = {0};

    for (size_t i = 0; i < deny->count; i++)
        if (levels[i] == level && filter_code_of(&deny->rules[i]) == code &&
            arena_push_value(arena, &here.rules, &here.count, &deny->rules[i],
                             sizeof(here.rules[0])) < 0)
            return fail_sys(err, -ENOMEM, "syscalls", -1, NULL, NULL);
    return filter_compile(&here, SECCOMP_RET_ERRNO | (uint32_t)code, arena, ret, err);
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
static int add_denials(const struct filter_list *deny, struct arena *arena,
                       struct filter_sections *ret, struct crib_error *err)
{
    unsigned *levels = arena_alloc(arena, deny->count * sizeof(*levels)), last = 0;
    int r = 0;

    if (!levels)
        return fail_sys(err, -ENOMEM, "syscalls", -1, NULL, NULL);
    for (size_t i = 0; i < deny->count; i++) {
        levels[i] = level_of(deny, i);
        last = levels[i] > last ? levels[i] : last;
    }
    for (unsigned level = 0; level <= last; level++)
        for (size_t i = 0; r == 0 && i < deny->count; i++)
            if (levels[i] == level && !is_done(deny, levels, i))
                r = add_level(deny, levels, level, filter_code_of(&deny->rules[i]), arena, ret,
                              err);
    return r;
}

static int make_fallback(const struct filter_rules *rules, const struct filter_sections *allow,
                         struct arena *arena, struct filter_code *ret, struct crib_error *err)
{
    struct filter_sections sections = {0};
    int code = rules->otherwise ? rules->otherwise : EPERM;
    int r = add_denials(&rules->list[FILTER_DENY], arena, &sections, err);

    if (r == 0)
        r = filter_compile(&rules->list[FILTER_KILL], SECCOMP_RET_KILL_PROCESS, arena, &sections,
                           err);
    if (r == 0)
        r = filter_compile(&rules->list[FILTER_LOG], SECCOMP_RET_ALLOW, arena, &sections, err);
    return r < 0 ? r
                 : finish(rules, &sections, allow, SECCOMP_RET_ERRNO | (uint32_t)code, false, arena,
                          ret, err);
}

/* The allow sections are the large ones, and the same in both. */
static int make_programs(const Crib__SyscallsPlan *plan, struct arena *arena, struct programs *ret,
                         struct crib_error *err)
{
    struct filter_sections allow = {0};
    struct filter_rules rules;
    int r = filter_read(plan, arena, &rules, err);

    if (r == 0)
        r = filter_compile(&rules.list[FILTER_ALLOW], SECCOMP_RET_ALLOW, arena, &allow, err);
    if (r == 0)
        r = make_listening(&rules, &allow, arena, &ret->listening, err);
    if (r == 0)
        r = make_fallback(&rules, &allow, arena, &ret->fallback, err);
    return r;
}

/* What was made, newest first; kept until the process ends. */
static struct kept {
    char *key;
    struct arena arena;
    struct programs programs;
} kept[KEPT];
static unsigned next_kept;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int append_list(struct buf *key, char mark, char *const *texts, size_t count)
{
    int r = buf_append(key, &mark, 1);

    for (size_t i = 0; r == 0 && i < count; i++)
        r = buf_printf(key, "%s\n", texts[i]);
    return r;
}

static int make_key(const Crib__SyscallsPlan *plan, struct buf *key)
{
    int r = append_list(key, 'd', plan->deny, plan->n_deny);

    if (r == 0)
        r = append_list(key, 'k', plan->kill, plan->n_kill);
    if (r == 0)
        r = append_list(key, 'l', plan->log, plan->n_log);
    if (r == 0)
        r = append_list(key, 'a', plan->allow, plan->n_allow);
    if (r == 0)
        r = buf_printf(key, "o%u", plan->otherwise);
    return r < 0 ? r : buf_append(key, "", 1);
}

/* Under the lock. */
static const struct programs *find(const char *key)
{
    for (unsigned i = 0; i < KEPT; i++)
        if (kept[i].key && strcmp(kept[i].key, key) == 0)
            return &kept[i].programs;
    return NULL;
}

/* Under the lock; @arena has the programs, and is taken. */
static const struct programs *keep(const char *key, const struct programs *programs,
                                   struct arena *arena)
{
    struct kept *slot = &kept[next_kept];
    char *copy = strdup(key);

    if (!copy)
        return NULL;
    next_kept = (next_kept + 1) % KEPT;
    free(slot->key);
    arena_done(&slot->arena);
    *slot = (struct kept){copy, *arena, *programs};
    *arena = (struct arena){0};
    return &slot->programs;
}

static const struct programs *find_or_make(const char *key, const Crib__SyscallsPlan *plan,
                                           struct crib_error *err, int *ret_code)
{
    AUTO(arena_done) struct arena arena;
    const struct programs *found = find(key);
    struct programs made;

    arena_init(&arena, 0);
    if (found)
        return found;
    *ret_code = make_programs(plan, &arena, &made, err);
    if (*ret_code < 0)
        return NULL;
    found = keep(key, &made, &arena);
    if (!found)
        *ret_code = fail_sys(err, -ENOMEM, "syscalls", -1, NULL, NULL);
    return found;
}

static int hand_over(Crib__SyscallsPlan *plan, const struct programs *programs, struct arena *arena,
                     struct crib_error *err)
{
    const struct filter_code *used = plan->listener ? &programs->listening : &programs->fallback;
    size_t size = sizeof(struct sock_filter);

    plan->program = arena_bytes(arena, used->code, used->len * size);
    plan->fallback = arena_bytes(arena, programs->fallback.code, programs->fallback.len * size);
    if (!plan->program.data || !plan->fallback.data)
        return fail_sys(err, -ENOMEM, "syscalls", -1, NULL, NULL);
    plan->has_program = plan->has_fallback = plan->has_instructions = true;
    plan->instructions = (uint32_t)used->len;
    return 0;
}

int plan_compile(Crib__Plan *plan, struct arena *arena, struct crib_error *err)
{
    AUTO(buf_done) struct buf key = {0};
    const struct programs *programs;
    int r;

    if (!plan->syscalls)
        return 0;
    r = make_key(plan->syscalls, &key);
    if (r < 0)
        return fail_sys(err, r, "syscalls", -1, NULL, NULL);
    pthread_mutex_lock(&lock);
    programs = find_or_make((const char *)key.data, plan->syscalls, err, &r);
    if (programs)
        r = hand_over(plan->syscalls, programs, arena, err);
    pthread_mutex_unlock(&lock);
    return r;
}
