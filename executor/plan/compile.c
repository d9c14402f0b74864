/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: programs are kept by the text of their rules, here for the process, and in
 * files for the next one (filter_file.h); those of the shipped policies come with the library.
 * Beside a section that is kept as a whole (recall.h) stand its programs. They are made without the
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
#include "plan/recall.h"
#include "plan/filter_file.h"

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

    for (size_t i = 0; r == 0 && i < count; i++) {
        r = buf_text(key, texts[i]);
        if (r == 0)
            r = buf_append(key, "\n", 1);
    }
    return r;
}

int filter_key(const Crib__SyscallsPlan *plan, struct buf *key)
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

/* @made: in @own, which is taken. */
static int finish(const char *key, const struct filter_programs *made, struct arena *own,
                  Crib__SyscallsPlan *plan, struct arena *arena, struct crib_error *err)
{
    if (hand_over(plan, made, arena) < 0)
        return fail_sys(err, -ENOMEM, "syscalls", -1, NULL, NULL);
    keep(key, made, own);
    return 0;
}

static int make(const struct buf *key, Crib__SyscallsPlan *plan, struct arena *arena,
                struct crib_error *err)
{
    AUTO(arena_done) struct arena own;
    struct filter_programs programs = {0};
    struct filter_rules rules;
    int r;

    arena_init(&own, 0);
    if (!ready_find(key, &programs) && !filter_file_read(key, &own, &programs)) {
        r = filter_read(plan, &own, &rules, err);
        if (r == 0)
            r = filter_make(&rules, &own, &programs, err);
        if (r < 0)
            return r;
        filter_file_write(key, &programs);
    }
    return finish((const char *)key->data, &programs, &own, plan, arena, err);
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

    if (!plan->syscalls || recall_programs(plan->syscalls))
        return 0;
    r = filter_key(plan->syscalls, &key);
    if (r == 0)
        r = hand_over_kept((const char *)key.data, plan->syscalls, arena);
    if (r < 0)
        return fail_sys(err, r, "syscalls", -1, NULL, NULL);
    if (r > 0) {
        laps_mark(laps, "plan.filter kept");
    } else {
        r = make(&key, plan->syscalls, arena, err);
        laps_mark(laps, "plan.filter made");
    }
    if (r < 0)
        return r;
    recall_add_programs(plan->syscalls);
    return 0;
}
