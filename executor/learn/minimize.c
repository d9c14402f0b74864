/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/minimize.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "learn/book.h"

#define SLOWER   10   /* times: that a run may take longer than it did */
#define PATIENCE 3000 /* ms more */

/* How a run ended. */
struct ending {
    enum crib_verdict verdict;
    int status, signal;
    uint64_t said[2]; /* hashes of what it wrote to stdout and stderr */
    bool steady[2];   /* it is the same each time */
    uint64_t wall_ms;
};

enum kind { A_MOUNT, A_CALL, A_VARIABLE, THE_NETWORK };

struct candidate {
    enum kind kind;
    size_t index;
    uint64_t runs; /* that may need it */
    bool dropped;
};

struct work {
    struct minimizing *m;
    struct crib_error *err;
    uv_loop_t loop;
    crib *ex;
    struct ending *endings; /* one a run */
    struct candidate *list;
    size_t count, looked_at, dropped;
};

static uint64_t hash_of(const char *data, size_t len)
{
    uint64_t hash = 0xcbf29ce484222325u;

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (uint8_t)data[i]) * 0x100000001b3u;
    return hash;
}

/* --- a policy without what was dropped --- */

static bool is_dropped(const struct work *w, enum kind kind, size_t index)
{
    for (size_t i = 0; i < w->count; i++)
        if (w->list[i].kind == kind && w->list[i].index == index)
            return w->list[i].dropped;
    return false;
}

/* Copies of the lists, for the entries that stay. Return: 0; -ENOMEM. */
static int keep_entries(const struct work *w, struct arena *arena, struct needs *to)
{
    const struct needs *from = w->m->needs;

    to->calls = NULL;
    to->mounts = NULL;
    to->call_count = to->mount_count = 0;
    for (size_t i = 0; i < from->call_count; i++)
        if (!is_dropped(w, A_CALL, i) &&
            arena_push_value(arena, &to->calls, &to->call_count, &from->calls[i],
                             sizeof(*from->calls)) < 0)
            return -ENOMEM;
    for (size_t i = 0; i < from->mount_count; i++)
        if (!is_dropped(w, A_MOUNT, i) &&
            arena_push_value(arena, &to->mounts, &to->mount_count, &from->mounts[i],
                             sizeof(*from->mounts)) < 0)
            return -ENOMEM;
    return 0;
}

/* The same for what is elsewhere in the policy. */
static int keep_rest(const struct work *w, struct arena *arena, struct needs *to)
{
    const Crib__Policy *from = w->m->needs->rest;
    Crib__Policy *rest = ARENA_NEW(arena, crib__policy, Crib__Policy);
    Crib__Env *env = ARENA_NEW(arena, crib__env, Crib__Env);

    if (!rest || !env)
        return -ENOMEM;
    *rest = *from;
    to->rest = rest;
    if (is_dropped(w, THE_NETWORK, 0)) {
        Crib__Namespaces *spaces = ARENA_NEW(arena, crib__namespaces, Crib__Namespaces);

        if (!spaces)
            return -ENOMEM;
        *spaces = *from->namespaces;
        spaces->has_net = false;
        rest->namespaces = spaces;
        to->host_net = (struct need){0};
    }
    if (!from->env)
        return 0;
    *env = *from->env;
    env->pass = NULL;
    env->n_pass = 0;
    rest->env = env;
    for (size_t i = 0; i < from->env->n_pass; i++)
        if (!is_dropped(w, A_VARIABLE, i) &&
            arena_push(arena, &env->pass, &env->n_pass, from->env->pass[i]) < 0)
            return -ENOMEM;
    return 0;
}

static int keep(const struct work *w, struct arena *arena, struct needs *to)
{
    *to = *w->m->needs;
    if (keep_entries(w, arena, to) < 0 || keep_rest(w, arena, to) < 0)
        return -ENOMEM;
    return 0;
}

static int make_policy(struct work *w, crib_policy **ret)
{
    AUTO(arena_done) struct arena arena;
    AUTO(buf_done) struct buf text = {0};
    struct needs kept;
    int r;

    arena_init(&arena, 0);
    r = keep(w, &arena, &kept);
    kept.arena = &arena;
    if (r == 0)
        r = book_write(&kept, &text);
    if (r < 0)
        return fail_sys(w->err, r, NULL, -1, NULL, NULL);
    return crib_policy_parse(w->m->name, text.data, text.len, ret, w->err);
}

/* --- doing a run again --- */

static int do_again(struct work *w, size_t number, const crib_policy *policy, uint64_t timeout_ms,
                    struct ending *ret)
{
    const struct rerun *run = &w->m->runs[number];
    struct crib_options options = run->options;
    struct crib_sync sync;
    struct crib_error err = {0};
    int r;

    options.policy = NULL;
    options.policy_message = policy;
    options.stdio = NULL;
    options.stdio_count = 0;
    options.max_buffer = MINIMIZE_OUTPUT;
    options.kill_signal = 9;
    if (timeout_ms && (!options.timeout_ms || timeout_ms < options.timeout_ms))
        options.timeout_ms = timeout_ms;
    r = crib_spawn_sync(w->ex, run->file, run->args, NULL, 0, &options, &sync, &err);
    *ret = (struct ending){.verdict = CRIB_SETUP_FAILED, .status = r};
    if (r < 0) /* a plan that cannot be is an ending like others */
        return r == -ENOMEM ? fail_sys(w->err, r, NULL, -1, NULL, NULL) : 0;
    ret->verdict = sync.result.verdict;
    ret->status = sync.result.status;
    ret->signal = sync.result.signal;
    ret->wall_ms = sync.result.wall_us / 1000;
    ret->said[0] = hash_of(sync.out, sync.out_len);
    ret->said[1] = hash_of(sync.err, sync.err_len);
    crib_sync_done(&sync);
    return 0;
}

static bool are_alike(const struct ending *a, const struct ending *b)
{
    return a->verdict == b->verdict && a->status == b->status && a->signal == b->signal;
}

static bool say_alike(const struct ending *was, const struct ending *is)
{
    for (int i = 0; i < 2; i++)
        if (was->steady[i] && was->said[i] != is->said[i])
            return false;
    return true;
}

static int take_measure(struct work *w, size_t number, const crib_policy *policy)
{
    struct ending *ending = &w->endings[number], again;
    int r = do_again(w, number, policy, 0, ending);

    if (r == 0)
        r = do_again(w, number, policy, 0, &again);
    if (r < 0)
        return r;
    if (ending->verdict == CRIB_SETUP_FAILED)
        return fail_text(w->err, -ECANCELED, NULL, -1, NULL,
                         "run %zu does not start under the policy as it is", number + 1);
    if (!are_alike(ending, &again))
        return fail_text(w->err, -ECANCELED, NULL, -1, NULL,
                         "run %zu does not end the same way twice, so that it cannot be seen what "
                         "it needs",
                         number + 1);
    for (int i = 0; i < 2; i++)
        ending->steady[i] = ending->said[i] == again.said[i];
    if (again.wall_ms > ending->wall_ms)
        ending->wall_ms = again.wall_ms;
    return 0;
}

static int take_measures(struct work *w)
{
    crib_policy *policy;
    int r = make_policy(w, &policy);

    if (r < 0)
        return r;
    for (size_t i = 0; r == 0 && i < w->m->needs->runs.count; i++)
        if (w->m->runs[i].file)
            r = take_measure(w, i, policy);
    crib_policy_free(policy);
    return r;
}

/* Return: 1 all runs of the set end as they did; 0 one does not; negative errno. */
static int holds(struct work *w, uint64_t runs)
{
    crib_policy *policy;
    int r = make_policy(w, &policy), alike = 1;

    if (r < 0)
        return r;
    for (size_t i = 0; r == 0 && alike && i < w->m->needs->runs.count; i++) {
        const struct ending *was = &w->endings[i];
        struct ending is;

        if (!w->m->runs[i].file || !(runs >> i & 1))
            continue;
        r = do_again(w, i, policy, was->wall_ms * SLOWER + PATIENCE, &is);
        alike = are_alike(was, &is) && say_alike(was, &is);
    }
    crib_policy_free(policy);
    return r < 0 ? r : alike;
}

/* --- which can go --- */

static int add(struct work *w, struct arena *arena, enum kind kind, size_t index,
               const struct need *need)
{
    struct candidate candidate = {.kind = kind, .index = index, .runs = UINT64_MAX};

    if (need && need->runs && !need->remark)
        candidate.runs = need->runs;
    return arena_push_value(arena, &w->list, &w->count, &candidate, sizeof(candidate));
}

static bool is_needed_anyway(const struct need_call *call)
{
    for (size_t i = 0; i < call->count; i++)
        if (!call->rules[i].count && (strcmp(call->rules[i].call->name, "execve") == 0 ||
                                      strcmp(call->rules[i].call->name, "exit_group") == 0))
            return true;
    return false;
}

static int list_candidates(struct work *w, struct arena *arena)
{
    const struct needs *needs = w->m->needs;
    const Crib__Policy *rest = needs->rest;
    int r = 0;

    if (rest->namespaces && rest->namespaces->has_net &&
        rest->namespaces->net == CRIB__NAMESPACES__SPACE__host)
        r = add(w, arena, THE_NETWORK, 0, &needs->host_net);
    for (size_t i = 0; r == 0 && i < needs->mount_count; i++)
        r = add(w, arena, A_MOUNT, i, &needs->mounts[i].need);
    for (size_t i = 0; r == 0 && i < needs->call_count; i++)
        if (!is_needed_anyway(&needs->calls[i]))
            r = add(w, arena, A_CALL, i, &needs->calls[i].need);
    for (size_t i = 0; r == 0 && rest->env && i < rest->env->n_pass; i++)
        r = add(w, arena, A_VARIABLE, i, NULL);
    return r;
}

static void looked_at(struct work *w, size_t count)
{
    w->looked_at += count;
    if (w->m->progress)
        w->m->progress(w->m->data, w->looked_at, w->count, w->dropped);
}

/* Drops what can be dropped of a part of the list. Return: 0; negative errno. */
static int reduce(struct work *w, size_t first, size_t count)
{
    uint64_t runs = 0;
    int r;

    for (size_t i = first; i < first + count; i++) {
        w->list[i].dropped = true;
        runs |= w->list[i].runs;
    }
    r = count ? holds(w, runs) : 1;
    if (r == 1) {
        w->dropped += count;
        looked_at(w, count);
    }
    if (r != 0)
        return r < 0 ? r : 0;
    for (size_t i = first; i < first + count; i++)
        w->list[i].dropped = false;
    if (count == 1) {
        looked_at(w, 1);
        return 0;
    }
    r = reduce(w, first, count / 2);
    return r < 0 ? r : reduce(w, first + count / 2, count - count / 2);
}

static int work_through(struct work *w, struct arena *arena)
{
    struct needs kept;
    int r = list_candidates(w, arena);

    w->endings = r < 0 ? NULL : arena_alloc(arena, (RUNS_MAX + 1) * sizeof(*w->endings));
    if (!w->endings)
        return fail_sys(w->err, -ENOMEM, NULL, -1, NULL, NULL);
    r = take_measures(w);
    if (r == 0 && w->count)
        r = reduce(w, 0, w->count);
    if (r < 0)
        return r;
    if (keep(w, w->m->needs->arena, &kept) < 0)
        return fail_sys(w->err, -ENOMEM, NULL, -1, NULL, NULL);
    *w->m->needs = kept;
    return (int)w->dropped;
}

int minimize(struct minimizing *minimizing, struct crib_error *err)
{
    AUTO(arena_done) struct arena arena;
    struct work w = {.m = minimizing, .err = err};
    int r = uv_loop_init(&w.loop);

    arena_init(&arena, 0);
    if (r < 0)
        return fail_sys(err, r, NULL, -1, NULL, "event loop");
    r = crib_open(&w.ex, &w.loop, NULL, err);
    if (r == 0)
        r = work_through(&w, &arena);
    if (w.ex)
        crib_close(w.ex, NULL, NULL);
    uv_run(&w.loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&w.loop);
    return r;
}
