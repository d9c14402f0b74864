/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/load.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "policy/check.h"
#include "policy/find.h"
#include "policy/merge.h"
#include "policy/shipped.h"
#include "text/text.h"

#define NAMES_MAX 63 /* shipped policies */

/* The policies being read, innermost first: one that is met again extends itself. */
struct chain {
    const struct chain *outer;
    const struct policy_text *text;
};

struct loading {
    const char *const *dirs;
    struct arena *arena;
    struct crib_error *err;
    Crib__Policy *onto;                 /* what has been read, merged */
    const char *done[POLICY_MAX_FILES]; /* ids of the bases in it */
    size_t count;
};

static int lay_base(struct loading *l, const struct policy_check *check, const struct chain *chain,
                    size_t index);

static int no_memory(struct loading *l, const char *name)
{
    return fail_sys(l->err, -ENOMEM, "policy", -1, name, NULL);
}

/* Checks a policy, lays its bases over what has been read, then itself. */
static int lay(struct loading *l, const struct policy_check *check, const struct chain *chain)
{
    Crib__Policy own = *check->policy;
    int r = policy_check(check);

    if (r == 0 && own.n_extends > POLICY_MAX_EXTENDS)
        r = policy_refuse(check, "extends", -E2BIG, "a policy may extend at most %d others",
                          POLICY_MAX_EXTENDS);
    for (size_t i = 0; r == 0 && i < own.n_extends; i++)
        r = lay_base(l, check, chain, i);
    if (r < 0)
        return r;
    own.n_extends = 0;
    r = merge_message(&l->onto->base, &own.base, l->arena);
    return r < 0 ? no_memory(l, check->name) : 0;
}

static int lay_text(struct loading *l, const struct chain *chain)
{
    const struct policy_text *text = chain->text;
    struct policy_check check = {.name = text->name, .err = l->err};
    struct text_marks marks;
    ProtobufCMessage *msg;
    int r = text_read(&crib__policy__descriptor, text->name, text->data, text->len, l->arena,
                      &marks, &msg, l->err);

    if (r < 0)
        return r;
    check.policy = (Crib__Policy *)msg;
    check.marks = &marks;
    return lay(l, &check, chain);
}

static bool is_open(const struct chain *chain, const char *id)
{
    for (; chain; chain = chain->outer)
        if (chain->text->id && strcmp(chain->text->id, id) == 0)
            return true;
    return false;
}

static bool is_done(const struct loading *l, const char *id)
{
    for (size_t i = 0; i < l->count; i++)
        if (strcmp(l->done[i], id) == 0)
            return true;
    return false;
}

static unsigned depth(const struct chain *chain)
{
    return chain ? 1 + depth(chain->outer) : 0;
}

/* `a.yaml extends b.yaml extends `, outermost first. */
static void say_chain(const struct chain *chain, char *text, size_t size)
{
    size_t used;

    if (chain->outer)
        say_chain(chain->outer, text, size);
    used = strlen(text);
    snprintf(text + used, size - used, "%s extends ", chain->text->name);
}

static int refuse_loop(struct loading *l, const struct chain *chain, const char *name)
{
    char said[240] = "";

    say_chain(chain, said, sizeof(said));
    return fail_text(l->err, -ELOOP, NULL, -1, NULL, "it extends itself: %s%s", said, name);
}

/* Finds a base. Return: 1; 0 there is nothing to do, it has been read before; negative errno. */
static int find_base(struct loading *l, const char *name, const struct chain *chain,
                     struct policy_text *text)
{
    int r = policy_find(name, chain->text, l->dirs, l->arena, text, l->err);

    if (r < 0)
        return r;
    if (is_open(chain, text->id))
        return refuse_loop(l, chain, text->name);
    if (is_done(l, text->id))
        return 0;
    if (depth(chain) > POLICY_MAX_EXTENDS)
        return fail_text(l->err, -E2BIG, NULL, -1, NULL, "policies extend each other over %d deep",
                         POLICY_MAX_EXTENDS);
    if (l->count == POLICY_MAX_FILES)
        return fail_text(l->err, -E2BIG, NULL, -1, NULL, "over %d policies extended in all",
                         POLICY_MAX_FILES);
    l->done[l->count++] = text->id;
    return 1;
}

/* An error of finding a base is told at the entry that names it; one inside it has its own place.
 */
static int lay_base(struct loading *l, const struct policy_check *check, const struct chain *chain,
                    size_t index)
{
    struct policy_text text = {0};
    const struct chain inner = {chain, &text};
    char path[32], said[sizeof(l->err->detail)];
    int r = find_base(l, check->policy->extends[index], chain, &text);

    if (r > 0)
        return lay_text(l, &inner);
    if (r == 0 || !l->err)
        return r;
    l->err->step = NULL;
    crib_error_text(l->err, said, sizeof(said));
    snprintf(path, sizeof(path), "extends[%zu]", index);
    return policy_refuse(check, path, r, "%s", said);
}

static int load_text(const struct policy_text *text, const char *const *dirs, struct arena *arena,
                     Crib__Policy **ret, struct crib_error *err)
{
    struct loading l = {.dirs = dirs, .arena = arena, .err = err};
    const struct chain chain = {NULL, text};
    int r;

    l.onto = ARENA_NEW(arena, crib__policy, Crib__Policy);
    r = l.onto ? lay_text(&l, &chain) : no_memory(&l, text->name);
    if (r == 0)
        *ret = l.onto;
    return r;
}

int policy_load(const char *name, const char *const *dirs, struct arena *arena, Crib__Policy **ret,
                struct crib_error *err)
{
    struct policy_text text;
    int r = policy_find(name, NULL, dirs, arena, &text, err);

    return r < 0 ? r : load_text(&text, dirs, arena, ret, err);
}

int policy_parse(const char *name, const void *data, size_t len, const char *const *dirs,
                 struct arena *arena, Crib__Policy **ret, struct crib_error *err)
{
    const struct policy_text text = {.name = name, .data = data ? data : "", .len = len};

    if (len > POLICY_MAX_BYTES)
        return fail_text(err, -EFBIG, "policy", -1, name, "it is larger than %d KiB",
                         POLICY_MAX_BYTES / 1024);
    return load_text(&text, dirs, arena, ret, err);
}

/* A copy that shares nothing with @policy. */
static int copy(const Crib__Policy *policy, struct arena *arena, Crib__Policy **ret,
                struct crib_error *err)
{
    size_t len = crib__policy__get_packed_size(policy);
    uint8_t *packed;

    if (len > POLICY_MAX_BYTES)
        return fail_text(err, -EFBIG, "policy", -1, NULL, "it is larger than %d KiB",
                         POLICY_MAX_BYTES / 1024);
    packed = arena_alloc(arena, len);
    if (packed)
        crib__policy__pack(policy, packed);
    *ret = packed ? crib__policy__unpack(&arena->pb, len, packed) : NULL;
    return *ret ? 0 : fail_sys(err, -ENOMEM, "policy", -1, NULL, NULL);
}

int policy_resolve(const Crib__Policy *policy, const char *const *dirs, struct arena *arena,
                   Crib__Policy **ret, struct crib_error *err)
{
    static const struct policy_text text = {.name = "policy"};
    struct loading l = {.dirs = dirs, .arena = arena, .err = err};
    const struct chain chain = {NULL, &text};
    struct policy_check check = {.name = text.name, .err = err};
    Crib__Policy *own;
    int r = text_unknown(&policy->base, err);

    if (r == 0)
        r = copy(policy, arena, &own, err);
    if (r < 0)
        return r;
    check.policy = own;
    l.onto = ARENA_NEW(arena, crib__policy, Crib__Policy);
    r = l.onto ? lay(&l, &check, &chain) : no_memory(&l, text.name);
    if (r == 0)
        *ret = l.onto;
    return r;
}

static const char *names[NAMES_MAX + 1];

static void list_names(void)
{
    for (size_t i = 0; i < shipped_policies_count && i < NAMES_MAX; i++)
        names[i] = shipped_policies[i].name;
}

const char *const *policy_shipped(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, list_names);
    return names;
}
