/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: programs are kept by the text of their rules. They are made without the
 * lock, so that rules that take their time keep nobody waiting who has others; two threads with the
 * same new rules may both make them.
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

/* What was made, the oldest to be replaced first; kept until the process ends. */
static struct kept {
    char *key;
    struct arena arena;
    struct filter_programs programs;
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

static int hand_over(Crib__SyscallsPlan *plan, const struct filter_programs *programs,
                     struct arena *arena)
{
    const struct filter_code *used = plan->listener ? &programs->listening : &programs->fallback;
    size_t size = sizeof(struct sock_filter);

    plan->program = arena_bytes(arena, used->code, used->len * size);
    plan->fallback = arena_bytes(arena, programs->fallback.code, programs->fallback.len * size);
    if (!plan->program.data || !plan->fallback.data)
        return -ENOMEM;
    plan->has_program = plan->has_fallback = plan->has_instructions = true;
    plan->instructions = (uint32_t)used->len;
    return 0;
}

/* Under the lock. */
static struct kept *find(const char *key)
{
    for (unsigned i = 0; i < KEPT; i++)
        if (kept[i].key && strcmp(kept[i].key, key) == 0)
            return &kept[i];
    return NULL;
}

/* Return: 1; 0 nothing is kept of that key; -ENOMEM. */
static int hand_over_kept(const char *key, Crib__SyscallsPlan *plan, struct arena *arena)
{
    const struct kept *found;
    int r = 0;

    pthread_mutex_lock(&lock);
    found = find(key);
    if (found)
        r = hand_over(plan, &found->programs, arena);
    pthread_mutex_unlock(&lock);
    return r < 0 ? r : found != NULL;
}

/* @arena has the programs, and is taken unless somebody else was faster. Without memory for the key
 * nothing is kept. */
static void keep(const char *key, const struct filter_programs *programs, struct arena *arena)
{
    char *copy = strdup(key);

    pthread_mutex_lock(&lock);
    if (copy && !find(key)) {
        struct kept *slot = &kept[next_kept];

        next_kept = (next_kept + 1) % KEPT;
        free(slot->key);
        arena_done(&slot->arena);
        *slot = (struct kept){TAKE_PTR(copy), *arena, *programs};
        *arena = (struct arena){0};
    }
    pthread_mutex_unlock(&lock);
    free(copy);
}

static int make(const char *key, Crib__SyscallsPlan *plan, struct arena *arena,
                struct crib_error *err)
{
    AUTO(arena_done) struct arena own;
    struct filter_programs programs;
    struct filter_rules rules;
    int r;

    arena_init(&own, 0);
    r = filter_read(plan, &own, &rules, err);
    if (r == 0)
        r = filter_make(&rules, &own, &programs, err);
    if (r < 0)
        return r;
    if (hand_over(plan, &programs, arena) < 0)
        return fail_sys(err, -ENOMEM, "syscalls", -1, NULL, NULL);
    keep(key, &programs, &own);
    return 0;
}

int plan_compile(Crib__Plan *plan, struct arena *arena, struct crib_error *err)
{
    return plan_compile_laps(plan, arena, NULL, err);
}

int plan_compile_laps(Crib__Plan *plan, struct arena *arena, struct laps *laps,
                      struct crib_error *err)
{
    AUTO(buf_done) struct buf key = {0};
    int r;

    if (!plan->syscalls)
        return 0;
    r = make_key(plan->syscalls, &key);
    if (r == 0)
        r = hand_over_kept((const char *)key.data, plan->syscalls, arena);
    if (r < 0)
        return fail_sys(err, r, "syscalls", -1, NULL, NULL);
    if (r > 0) {
        laps_mark(laps, "plan.filter kept");
        return 0;
    }
    r = make((const char *)key.data, plan->syscalls, arena, err);
    laps_mark(laps, "plan.filter made");
    return r;
}
