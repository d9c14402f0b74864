/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/load.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "policy/arch.h"
#include "policy/ceiling.h"
#include "policy/check.h"
#include "policy/find.h"
#include "policy/merge.h"
#include "policy/profile.h"
#include "policy/ready.h"
#include "policy/shipped.h"
#include "policy/vars.h"
#include "text/field.h"
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
    Crib__Origins *origins; /* NULL: nobody wants to know */
    const struct ceiling *ceilings;
    struct policy_seen *seen; /* what was found */
    size_t n_seen;
    bool alone; /* it is a ceiling that is read: those among its bases are found where it is one */
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
                : arena_printf(l->arena, "%s: %s", check->name, path);
}

static Crib__Origins__Place *new_place(struct loading *l, const struct policy_check *check,
                                       const struct chain *chain, const char *path)
{
    Crib__Origins__Place *place = ARENA_NEW(l->arena, crib__origins__place, Crib__Origins__Place);

    if (!place)
        return NULL;
    place->at = (char *)place_of(l, check, path);
    place->through = chain->through[0] ? (char *)chain->through : NULL;
    return place->at ? place : NULL;
}

static int note_calls(struct loading *l, const struct policy_check *check,
                      const struct chain *chain, enum syscalls_list list)
{
    char path[64];
    size_t count;

    syscalls_entries(check->policy->syscalls, list, &count);
    for (size_t i = 0; i < count; i++) {
        Crib__Origins__Place *place;

        snprintf(path, sizeof(path), "%s[%zu]", syscalls_path(list), i);
        place = new_place(l, check, chain, path);
        if (!place || origins_add(l->origins, list, place, l->arena) < 0)
            return -ENOMEM;
    }
    return 0;
}

static int note_mounts(struct loading *l, const struct policy_check *check,
                       const struct chain *chain)
{
    char path[64];

    for (size_t i = 0; i < check->policy->n_mounts; i++) {
        Crib__Origins__Place *place;

        snprintf(path, sizeof(path), "mounts[%zu]", i);
        place = new_place(l, check, chain, path);
        if (!place || arena_push(l->arena, &l->origins->mounts, &l->origins->n_mounts, place) < 0)
            return -ENOMEM;
    }
    return 0;
}

/* Those that are set; a deriving policy's come later, and count. */
static int note_limits(struct loading *l, const struct policy_check *check,
                       const struct chain *chain)
{
    const Crib__Limits *limits = check->policy->limits;
    const ProtobufCMessageDescriptor *type = &crib__limits__descriptor;
    char path[64];

    for (unsigned i = 0; limits && i < type->n_fields; i++) {
        Crib__Origins__Limit *limit;

        if (!field_count(&limits->base, &type->fields[i]))
            continue;
        limit = ARENA_NEW(l->arena, crib__origins__limit, Crib__Origins__Limit);
        snprintf(path, sizeof(path), "limits.%s", type->fields[i].name);
        if (!limit || !(limit->place = new_place(l, check, chain, path)) ||
            arena_push(l->arena, &l->origins->limits, &l->origins->n_limits, limit) < 0)
            return -ENOMEM;
        limit->name = (char *)type->fields[i].name;
    }
    return 0;
}

/* Notes where the parts of the policy itself stand; those of its bases have been noted before. */
static int note_origins(struct loading *l, const struct policy_check *check,
                        const struct chain *chain)
{
    int r = 0;

    if (!l->origins)
        return 0;
    for (int list = 0; r == 0 && list < LISTS_OF_CALLS; list++)
        r = note_calls(l, check, chain, (enum syscalls_list)list);
    if (r == 0)
        r = note_mounts(l, check, chain);
    if (r == 0)
        r = note_limits(l, check, chain);
    return r < 0 ? no_memory(l, check->name) : 0;
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
    r = policy_see(name, &text, l->arena, &l->seen, &l->n_seen);
    if (r < 0)
        return no_memory(l, text.name);
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
    if (r == 0)
        r = vars_lay(check, &own, l->onto, l->arena);
    if (r == 0)
        r = policy_lay_listen(check, &own, l->onto, l->arena);
    if (r < 0)
        return r;
    own.n_extends = 0;
    own.expect = NULL;
    own.has_ceiling = own.has_ceiling && !chain->outer; /* that a base is one says nothing of it */
    r = merge_message(&l->onto->base, &own.base, l->arena);
    if (r < 0)
        return no_memory(l, check->name);
    return chain->outer ? 0 : ceilings_check(check, l->ceilings, l->onto);
}

static int lay_text(struct loading *l, const struct chain *chain);
static int begin(struct loading *l, const char *name, Crib__Origins **ret_origins);

/* Reads a base that is a ceiling by itself. */
static int add_ceiling(struct loading *l, const struct policy_text *text)
{
    struct loading alone = {.dirs = l->dirs, .arena = l->arena, .err = l->err, .alone = true};
    const struct chain chain = {NULL, text, ""};
    struct ceiling *ceiling = arena_alloc(l->arena, sizeof(*ceiling));
    int r = ceiling ? begin(&alone, text->name, NULL) : no_memory(l, text->name);

    if (r == 0)
        r = lay_text(&alone, &chain);
    if (r < 0)
        return r;
    *ceiling = (struct ceiling){l->ceilings, text->name, alone.onto};
    l->ceilings = ceiling;
    return 0;
}

static bool is_ceiling(const struct loading *l, const Crib__Policy *policy,
                       const struct chain *chain)
{
    return chain->outer && !l->alone && policy->has_ceiling && policy->ceiling;
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
    if (is_ceiling(l, check.policy, chain))
        r = add_ceiling(l, text);
    if (r == 0)
        r = arch_apply(&check, &marks, arch_here(), l->arena);
    return r < 0 ? r : lay(l, &check, chain);
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
    if (policy_see(name, text, l->arena, &l->seen, &l->n_seen) < 0)
        return no_memory(l, name);
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

/* Begins a policy. @ret_origins: may be NULL. */
static int begin(struct loading *l, const char *name, Crib__Origins **ret_origins)
{
    l->onto = ARENA_NEW(l->arena, crib__policy, Crib__Policy);
    if (ret_origins)
        *ret_origins = l->origins = ARENA_NEW(l->arena, crib__origins, Crib__Origins);
    if (l->origins)
        l->origins->name = arena_text(l->arena, name);
    if (!l->onto || (ret_origins && (!l->origins || !l->origins->name)))
        return no_memory(l, name);
    return 0;
}

static int load_text(struct loading *l, const struct policy_text *text, const char *name,
                     Crib__Policy **ret, Crib__Origins **ret_origins)
{
    const struct chain chain = {NULL, text, ""};
    int r = begin(l, name, ret_origins);

    if (r == 0)
        r = lay_text(l, &chain);
    if (r == 0)
        *ret = l->onto;
    return r;
}

/* Reads the texts. */
static int load_afresh(struct loading *l, const char *name, Crib__Policy **ret,
                       Crib__Origins **ret_origins)
{
    struct policy_text text = {0};
    int r = policy_find(name, NULL, l->dirs, l->arena, &text, l->err);

    if (r == 0 && policy_see(name, &text, l->arena, &l->seen, &l->n_seen) < 0)
        r = no_memory(l, name);
    return r < 0 ? r : load_text(l, &text, name, ret, ret_origins);
}

/* Return: as ready_load(). */
static int load_ready(struct loading *l, const char *name, Crib__Policy **ret,
                      Crib__Origins **ret_origins)
{
    const struct policy_text shipped = {.shipped = true};
    const char *made_of;
    int r = policy_is_path(name)
                ? 0
                : ready_load(name, l->dirs, l->arena, ret, ret_origins, &made_of, l->err);

    for (; r > 0 && *made_of; made_of += strlen(made_of) + 1)
        if (policy_see(made_of, &shipped, l->arena, &l->seen, &l->n_seen) < 0)
            r = no_memory(l, name);
    return r;
}

int policy_load_seen(const char *name, const char *const *dirs, struct arena *arena,
                     Crib__Policy **ret, Crib__Origins **ret_origins, struct policy_seen **ret_seen,
                     size_t *ret_count, struct crib_error *err)
{
    struct loading l = {.dirs = dirs, .arena = arena, .err = err};
    int r = load_ready(&l, name, ret, ret_origins);

    if (r == 0)
        r = load_afresh(&l, name, ret, ret_origins);
    *ret_seen = l.seen;
    *ret_count = l.n_seen;
    return r < 0 ? r : 0;
}

int policy_load(const char *name, const char *const *dirs, struct arena *arena, Crib__Policy **ret,
                Crib__Origins **ret_origins, struct crib_error *err)
{
    struct policy_seen *seen;
    size_t count;

    return policy_load_seen(name, dirs, arena, ret, ret_origins, &seen, &count, err);
}

/* A name and its NUL, and one NUL that will end the list. Return: the bytes so far; -ENOMEM. */
static int add_name(const char *name, struct arena *arena, char **list, size_t *len)
{
    size_t size = strlen(name) + 1;
    char *longer = arena_alloc(arena, *len + size + 1);

    if (!longer)
        return -ENOMEM;
    memcpy(longer, *list, *len);
    memcpy(longer + *len, name, size);
    *list = longer;
    *len += size;
    return 0;
}

int ready_policy_made(const char *name, struct arena *arena, Crib__Policy **ret,
                      Crib__Origins **ret_origins, char **ret_made_of, size_t *ret_len,
                      struct crib_error *err)
{
    struct loading l = {.arena = arena, .err = err};
    char *names = "";
    size_t len = 0;
    int r = load_afresh(&l, name, ret, ret_origins);

    if (r < 0)
        return r;
    r = add_name(name, arena, &names, &len);
    for (size_t i = 0; r == 0 && i < l.count; i++)
        r = add_name(l.done[i], arena, &names, &len);
    if (r < 0)
        return no_memory(&l, name);
    *ret_made_of = names;
    *ret_len = len + 1;
    return 0;
}

int policy_parse(const char *name, const void *data, size_t len, const char *const *dirs,
                 struct arena *arena, Crib__Policy **ret, Crib__Origins **ret_origins,
                 struct crib_error *err)
{
    const struct policy_text text = {.name = name, .data = data ? data : "", .len = len};
    struct loading l = {.dirs = dirs, .arena = arena, .err = err};

    if (len > POLICY_MAX_BYTES)
        return fail_text(err, -EFBIG, "policy", -1, name, "it is larger than %d KiB",
                         POLICY_MAX_BYTES / 1024);
    return load_text(&l, &text, name, ret, ret_origins);
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
                   Crib__Policy **ret, Crib__Origins **ret_origins, struct crib_error *err)
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
    r = begin(&l, text.name, ret_origins);
    if (r == 0)
        r = arch_apply(&check, NULL, arch_here(), arena);
    if (r == 0)
        r = lay(&l, &check, &chain);
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
