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
#include "policy/profile.h"
#include "policy/shipped.h"
#include "text/text.h"

#define NAMES_MAX 63 /* shipped policies */

/* The policies being read, innermost first: one that is met again extends itself. */
struct chain {
    const struct chain *outer;
    const struct policy_text *text;
    const char *through; /* places of the `extends` that lead here */
};

struct loading {
    const char *const *dirs;
    struct arena *arena;
    struct crib_error *err;
    Crib__Policy *onto;                 /* what has been read, merged */
    const char *done[POLICY_MAX_FILES]; /* ids of the bases in it */
    size_t count;
    struct origins *origins; /* NULL: nobody wants to know */
};

static int lay(struct loading *l, const struct policy_check *check, const struct chain *chain);
static int lay_base(struct loading *l, const struct policy_check *check, const struct chain *chain,
                    size_t index);

static int no_memory(struct loading *l, const char *name)
{
    return fail_sys(l->err, -ENOMEM, "policy", -1, name, NULL);
}

static const char *place_of(struct loading *l, const struct policy_check *check, const char *path)
{
    const struct text_mark *mark = check->marks ? text_mark_find(check->marks, path) : NULL;

    return mark ? arena_printf(l->arena, "%s:%u:%u", check->name, mark->line, mark->column)
                : check->name;
}

/* Notes where the entries of the policy itself stand; those of its bases have been noted before. */
static int note_origins(struct loading *l, const struct policy_check *check,
                        const struct chain *chain)
{
    char path[64];

    for (int list = 0; l->origins && list < LISTS_OF_CALLS; list++) {
        enum syscalls_list which = (enum syscalls_list)list;
        size_t count;

        syscalls_entries(check->policy->syscalls, which, &count);
        for (size_t i = 0; i < count; i++) {
            struct origin origin = {.through = chain->through};

            snprintf(path, sizeof(path), "%s[%zu]", syscalls_path(which), i);
            origin.place = place_of(l, check, path);
            if (!origin.place ||
                arena_push_value(l->arena, &l->origins->list[list], &l->origins->count[list],
                                 &origin, sizeof(origin)) < 0)
                return no_memory(l, check->name);
        }
    }
    return 0;
}

static const char *through_text(struct loading *l, const struct policy_check *check,
                                const struct chain *chain, const char *path)
{
    const char *place = place_of(l, check, path);

    return place && chain->through[0] ? arena_printf(l->arena, "%s, %s", chain->through, place)
                                      : place;
}

/* The capabilities of a policy and its bases. Return: 0; -ENOMEM. */
static int caps_of(struct loading *l, const Crib__Policy *policy, char ***ret, size_t *ret_count)
{
    const Crib__Caps *both[] = {l->onto->caps, policy->caps};
    int r = 0;

    *ret = NULL;
    *ret_count = 0;
    for (int n = 0; n < 2; n++)
        for (size_t i = 0; both[n] && r == 0 && i < both[n]->n_keep; i++)
            r = arena_push(l->arena, ret, ret_count, both[n]->keep[i]);
    return r;
}

/* A profile counts as the last base. */
static int lay_profile(struct loading *l, const struct policy_check *check,
                       const struct chain *chain)
{
    const char *name = check->policy->syscalls->profile;
    struct policy_text text = {0};
    struct chain inner = {chain, &text, NULL};
    struct text_marks marks;
    struct policy_check found = {.marks = &marks, .err = l->err};
    Crib__Policy *policy;
    char **caps, said[sizeof(l->err->detail)];
    size_t n_caps;
    int r = caps_of(l, check->policy, &caps, &n_caps);

    if (r < 0)
        return no_memory(l, check->name);
    if (!chain->text->data || chain->text->shipped || !policy_is_path(name))
        return policy_refuse(check, "syscalls.profile", -EINVAL,
                             policy_is_path(name) ? "only a policy file can name a profile"
                                                  : "a path has a slash or ends in .json");
    r = policy_find(name, chain->text, NULL, l->arena, &text, l->err);
    if (r < 0) {
        if (l->err)
            l->err->step = NULL;
        return policy_refuse(check, "syscalls.profile", r, "%s",
                             l->err ? crib_error_text(l->err, said, sizeof(said)) : "");
    }
    r = profile_read(&text, caps, n_caps, l->arena, &policy, &marks, l->err);
    inner.through = through_text(l, check, chain, "syscalls.profile");
    if (r < 0 || !inner.through)
        return r < 0 ? r : no_memory(l, text.name);
    found.policy = policy;
    found.name = text.name;
    return lay(l, &found, &inner);
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
    if (r == 0 && own.syscalls && own.syscalls->profile)
        r = lay_profile(l, check, chain);
    if (r < 0)
        return r;
    if (own.syscalls)
        own.syscalls->profile = NULL;
    r = note_origins(l, check, chain);
    if (r < 0)
        return r;
    own.n_extends = 0;
    own.expect = NULL;
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
    struct chain inner = {chain, &text, NULL};
    char path[32], said[sizeof(l->err->detail)];
    int r = find_base(l, check->policy->extends[index], chain, &text);

    snprintf(path, sizeof(path), "extends[%zu]", index);
    if (r > 0) {
        inner.through = through_text(l, check, chain, path);
        return inner.through ? lay_text(l, &inner) : no_memory(l, check->name);
    }
    if (r == 0 || !l->err)
        return r;
    l->err->step = NULL;
    crib_error_text(l->err, said, sizeof(said));
    return policy_refuse(check, path, r, "%s", said);
}

static int load_text(const struct policy_text *text, const char *const *dirs, struct arena *arena,
                     Crib__Policy **ret, struct origins *ret_origins, struct crib_error *err)
{
    struct loading l = {.dirs = dirs, .arena = arena, .err = err, .origins = ret_origins};
    const struct chain chain = {NULL, text, ""};
    int r;

    l.onto = ARENA_NEW(arena, crib__policy, Crib__Policy);
    r = l.onto ? lay_text(&l, &chain) : no_memory(&l, text->name);
    if (r == 0)
        *ret = l.onto;
    return r;
}

int policy_load_origins(const char *name, const char *const *dirs, struct arena *arena,
                        Crib__Policy **ret, struct origins *ret_origins, struct crib_error *err)
{
    struct policy_text text;
    int r = policy_find(name, NULL, dirs, arena, &text, err);

    if (ret_origins)
        *ret_origins = (struct origins){0};
    return r < 0 ? r : load_text(&text, dirs, arena, ret, ret_origins, err);
}

int policy_load(const char *name, const char *const *dirs, struct arena *arena, Crib__Policy **ret,
                struct crib_error *err)
{
    return policy_load_origins(name, dirs, arena, ret, NULL, err);
}

int policy_parse(const char *name, const void *data, size_t len, const char *const *dirs,
                 struct arena *arena, Crib__Policy **ret, struct crib_error *err)
{
    const struct policy_text text = {.name = name, .data = data ? data : "", .len = len};

    if (len > POLICY_MAX_BYTES)
        return fail_text(err, -EFBIG, "policy", -1, name, "it is larger than %d KiB",
                         POLICY_MAX_BYTES / 1024);
    return load_text(&text, dirs, arena, ret, NULL, err);
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
    const struct chain chain = {NULL, &text, ""};
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
