/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The task's environment: what the policy passes of the caller's, under what it sets, under what
 * the task gives. One entry for each name; a later source replaces the value where it stands.
 */
#include "plan/plan.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "plan/bytes.h"

#define CHANNEL      "CRIB_CHANNEL_FD"
#define NODE_CHANNEL "NODE_CHANNEL_FD"
#define NODE_MODE    "NODE_CHANNEL_SERIALIZATION_MODE"
#define NODE_WORKER  "NODE_UNIQUE_ID"
#define WORKER       "CRIB_WORKER_ID"
#define LISTEN_PID   "LISTEN_PID=0000000000" /* init writes the number over it */
#define MATCHES_MOST (16u << 20)             /* patterns times variables: a fraction of a second */

struct table {
    uint32_t *slots; /* 1 + index into program->env; 0: free */
    size_t room;     /* a power of two, over twice what can come */
};

static size_t name_length(const ProtobufCBinaryData *entry)
{
    const uint8_t *sign = entry->len ? memchr(entry->data, '=', entry->len) : NULL;

    return sign ? (size_t)(sign - entry->data) : 0;
}

/* FNV-1a, begun at an address that nobody outside knows: who chooses the names cannot choose where
 * they meet. The order of entries does not depend on it. */
static size_t hash(const struct table *table, const uint8_t *name, size_t len)
{
    uint64_t seed = (uintptr_t)table->slots * 0x9e3779b97f4a7c15u, h = seed;

    for (size_t i = 0; i < len; i++) {
        h = (h ^ name[i]) * 0x100000001b3u;
        h ^= h >> 29 ^ seed;
    }
    return (size_t)(h ^ h >> 32);
}

/* The slot of a name, or the free one where it would stand. */
static uint32_t *slot_of(const struct planning *p, const struct table *table, const uint8_t *name,
                         size_t len)
{
    const Crib__Program *program = p->plan->program;
    size_t at = hash(table, name, len) & (table->room - 1);

    for (; table->slots[at]; at = (at + 1) & (table->room - 1)) {
        const ProtobufCBinaryData *entry = &program->env[table->slots[at] - 1];

        if (name_length(entry) == len && memcmp(entry->data, name, len) == 0)
            break;
    }
    return &table->slots[at];
}

/* @entry has a name and no NUL inside. */
static int put(struct planning *p, const struct table *table, const ProtobufCBinaryData *entry,
               bool replace)
{
    Crib__Program *program = p->plan->program;
    uint32_t *slot = slot_of(p, table, entry->data, name_length(entry));
    ProtobufCBinaryData copy;

    if (*slot && !replace)
        return 0;
    copy = arena_bytes(p->arena, entry->data, entry->len);
    if (!copy.data)
        return plan_no_memory(p, "env");
    if (*slot) {
        program->env[*slot - 1] = copy;
        return 0;
    }
    if (arena_push_value(p->arena, &program->env, &program->n_env, &copy, sizeof(copy)) < 0)
        return plan_no_memory(p, "env");
    *slot = (uint32_t)program->n_env;
    return 0;
}

static bool matches(const char *pattern, const uint8_t *name, size_t len)
{
    size_t n;

    if (len && pattern[0] != name[0] && pattern[0] != '*')
        return false;
    n = strlen(pattern);
    if (n && pattern[n - 1] == '*')
        return len >= n - 1 && memcmp(pattern, name, n - 1) == 0;
    return len == n && memcmp(pattern, name, n) == 0;
}

/* The caller's own channel, where crib runs in crib or under Node, and sockets that somebody has
 * handed to it, are not this task's. */
static bool is_callers_own(const uint8_t *name, size_t len)
{
    static const char *const own[] = {
        CHANNEL,      WORKER,       NODE_CHANNEL,     NODE_MODE,        NODE_WORKER,
        "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "LISTEN_PIDFDID",
    };

    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        if (matches(own[i], name, len))
            return true;
    return false;
}

static bool passes(const Crib__Env *env, const ProtobufCBinaryData *entry)
{
    size_t len = name_length(entry);

    if (len == 0 || is_callers_own(entry->data, len))
        return false;
    for (size_t i = 0; i < env->n_pass; i++)
        if (matches(env->pass[i], entry->data, len))
            return true;
    return false;
}

static int check_patterns(struct planning *p, const Crib__Env *env)
{
    for (size_t i = 0; i < env->n_pass; i++) {
        const char *star = strchr(env->pass[i], '*');

        if (!env->pass[i][0] || strchr(env->pass[i], '='))
            return fail_text(p->err, -EINVAL, "env.pass", (int)i, env->pass[i],
                             "no name of a variable");
        if (star && star[1])
            return fail_text(p->err, -EINVAL, "env.pass", (int)i, env->pass[i],
                             "a * may only stand at the end");
    }
    return 0;
}

static int pass(struct planning *p, const struct table *table, const Crib__Env *env)
{
    int r = check_patterns(p, env);

    if (r == 0 && env->n_pass && p->host->n_env > MATCHES_MOST / env->n_pass)
        return fail_text(p->err, -E2BIG, "env.pass", -1, NULL,
                         "%zu patterns for %zu variables are too many", env->n_pass,
                         p->host->n_env);
    for (size_t i = 0; r == 0 && i < p->host->n_env; i++)
        if (passes(env, &p->host->env[i]))
            r = put(p, table, &p->host->env[i], false);
    return r;
}

static int set(struct planning *p, const struct table *table, const ProtobufCBinaryData *list,
               size_t count, const char *step)
{
    for (size_t i = 0; i < count; i++) {
        int r;

        if (list[i].len && memchr(list[i].data, '\0', list[i].len))
            return fail_text(p->err, -EINVAL, step, (int)i, NULL, "a NUL byte inside");
        if (name_length(&list[i]) == 0)
            return fail_text(p->err, -EINVAL, step, (int)i, NULL,
                             list[i].len && list[i].data[0] == '='
                                 ? "no name before the ="
                                 : "no = in it: it must read NAME=VALUE");
        r = put(p, table, &list[i], true);
        if (r < 0)
            return r;
    }
    return 0;
}

static int put_text(struct planning *p, const struct table *table, char *text)
{
    const ProtobufCBinaryData entry = {.data = (uint8_t *)text, .len = strlen(text)};

    return put(p, table, &entry, true);
}

static int tell_channel(struct planning *p, const struct table *table)
{
    bool advanced = p->task->has_channel && p->task->channel == CRIB__TASK__CHANNEL__node_advanced;
    bool node = advanced || (p->task->has_channel && p->task->channel == CRIB__TASK__CHANNEL__node);
    const Crib__Program *program = p->plan->program;
    char text[32], mode[64];
    int r;

    snprintf(mode, sizeof(mode), NODE_MODE "=%s", advanced ? "advanced" : "json");

    for (size_t i = 0; i < program->n_stdio; i++) {
        if (program->stdio[i]->kind != CRIB__STDIO__KIND__channel)
            continue;
        snprintf(text, sizeof(text), "%s=%u", node ? NODE_CHANNEL : CHANNEL, program->stdio[i]->fd);
        r = put_text(p, table, text);
        return r == 0 && node ? put_text(p, table, mode) : r;
    }
    return 0;
}

static int tell_listening(struct planning *p, const struct table *table)
{
    Crib__Program *program = p->plan->program;
    char text[32], pid[] = LISTEN_PID;
    int r;

    if (!p->task->listen_fds)
        return 0;
    program->has_listen_fds = true;
    program->listen_fds = p->task->listen_fds;
    snprintf(text, sizeof(text), "LISTEN_FDS=%u", program->listen_fds);
    r = put_text(p, table, text);
    return r < 0 ? r : put_text(p, table, pid);
}

static int make_table(struct planning *p, const Crib__Env *env, struct table *ret)
{
    size_t most = p->host->n_env + (env ? env->n_set : 0) + p->task->n_env + 4;

    if (p->task->n_env > PLAN_MAX_ARGS)
        return fail_text(p->err, -E2BIG, "env", PLAN_MAX_ARGS, NULL,
                         "more than %d environment entries", PLAN_MAX_ARGS);
    ret->room = 16;
    while (ret->room < 2 * most)
        ret->room *= 2;
    ret->slots = arena_alloc(p->arena, ret->room * sizeof(*ret->slots));
    return ret->slots ? 0 : plan_no_memory(p, "env");
}

/* Only how many: values may be secrets, and receipts are kept. */
static int receipt(struct planning *p, const Crib__Env *env)
{
    char *asked = env ? arena_printf(p->arena, "pass %zu, set %zu, given %zu", env->n_pass,
                                     env->n_set, p->task->n_env)
                      : arena_printf(p->arena, "given %zu alone", p->task->n_env);
    char *applied = arena_printf(p->arena, "%zu variables", p->plan->program->n_env);

    if (!asked || !applied)
        return plan_no_memory(p, "env");
    return plan_receipt(p, "env", asked, applied);
}

int plan_env(struct planning *p)
{
    bool own = p->task->has_clear_env && p->task->clear_env;
    const Crib__Env *env = own ? NULL : p->policy->env;
    struct table table;
    int r = make_table(p, env, &table);

    if (r == 0 && env)
        r = pass(p, &table, env);
    if (r == 0 && env)
        r = set(p, &table, env->set, env->n_set, "env.set");
    if (r == 0)
        r = set(p, &table, p->task->env, p->task->n_env, "env");
    if (r == 0)
        r = tell_channel(p, &table);
    if (r == 0)
        r = tell_listening(p, &table);
    return r < 0 ? r : receipt(p, env);
}
