/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/vars.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "policy/vars_text.h"
#include "text/utf8.h"

#define PATH_BYTES 64 /* hold `mounts[N].source` */

static bool same_name(const char *name, const char *text, size_t len)
{
    return name && strlen(name) == len && memcmp(name, text, len) == 0;
}

static Crib__Variable *find(const Crib__Policy *policy, const char *name, size_t len)
{
    for (size_t i = 0; i < policy->n_vars; i++)
        if (same_name(policy->vars[i]->name, name, len))
            return policy->vars[i];
    return NULL;
}

/* `, did you mean 'TASK_DIR'?`, of the variables of one or two policies. */
static const char *did_you_mean(char *hint, size_t size, const char *name, const Crib__Policy *one,
                                const Crib__Policy *other)
{
    const char *known[2 * VARS_MAX + 1] = {NULL};
    size_t n = 0;

    for (size_t i = 0; i < one->n_vars && n < VARS_MAX; i++)
        known[n++] = one->vars[i]->name;
    for (size_t i = 0; other && i < other->n_vars && n < 2 * (size_t)VARS_MAX; i++)
        known[n++] = other->vars[i]->name;
    return text_did_you_mean(hint, size, name, known);
}

/* --- what a policy says, where it is read --- */

static int check_declared(const struct policy_check *check, size_t i)
{
    const Crib__Variable *var = check->policy->vars[i];
    char path[PATH_BYTES], shown[UTF8_SHOWN];

    snprintf(path, sizeof(path), "vars[%zu]", i);
    if (!var->name)
        return policy_refuse(check, path, -EINVAL, "a variable needs a name");
    if (!vars_name_valid(var->name, strlen(var->name)))
        return policy_refuse(check, path, -EINVAL,
                             "'%s' is no name of a variable: a letter A-Z, then A-Z, 0-9 and _",
                             utf8_shown(shown, var->name, strlen(var->name)));
    if (find(check->policy, var->name, strlen(var->name)) != var)
        return policy_refuse(check, path, -EINVAL, "%s is declared twice", var->name);
    if (var->has_value &&
        memchr(var->value.data ? (const char *)var->value.data : "", '\0', var->value.len))
        return policy_refuse(check, path, -EINVAL, "a NUL byte in the value");
    if (var->has_value && var->value.len > VARS_LONGEST)
        return policy_refuse(check, path, -E2BIG, "the value has more than %d KiB",
                             VARS_LONGEST / 1024);
    if (var->has_fixed && var->fixed && !var->has_value)
        return policy_refuse(check, path, -EINVAL,
                             "%s is fixed, and has no value: nobody could give one", var->name);
    return 0;
}

/* Every text in which variables may stand, and where it is. */
struct text_at {
    char path[PATH_BYTES];
    const ProtobufCBinaryData *text;
    ProtobufCBinaryData value; /* of env.set */
};

static ProtobufCBinaryData value_of(const ProtobufCBinaryData *set)
{
    const uint8_t *equal = set->len ? memchr(set->data, '=', set->len) : NULL;
    size_t skip = equal ? (size_t)(equal - set->data) + 1 : set->len;

    return (ProtobufCBinaryData){set->len - skip, set->len ? set->data + skip : NULL};
}

/* Return: whether there is an @n-th one. */
static bool text_at(const Crib__Policy *policy, size_t n, struct text_at *ret)
{
    size_t i = n / 2;

    ret->text = NULL;
    if (i < policy->n_mounts) {
        const Crib__Mount *mount = policy->mounts[i];

        snprintf(ret->path, sizeof(ret->path), "mounts[%zu].%s", i, n % 2 ? "target" : "source");
        ret->text = n % 2 ? (mount->has_target ? &mount->target : NULL)
                          : (mount->has_source ? &mount->source : NULL);
        return true;
    }
    n -= 2 * policy->n_mounts;
    if (!policy->env || n >= policy->env->n_set)
        return false;
    snprintf(ret->path, sizeof(ret->path), "env.set[%zu]", n);
    ret->value = value_of(&policy->env->set[n]);
    ret->text = &ret->value;
    return true;
}

static int check_form(const struct policy_check *check, const struct text_at *at)
{
    struct vars_part part;
    struct vars_text text = vars_text(at->text);
    int r;

    do
        r = vars_next(&text, &part);
    while (r > 0);
    if (r == 0)
        return 0;
    return policy_refuse(check, at->path, r,
                         "`${` begins the name of a variable, A-Z, 0-9 and _, and `}` ends it; "
                         "`$${` is a `${` that begins none");
}

int policy_check_vars(const struct policy_check *check)
{
    struct text_at at;
    int r = 0;

    if (check->policy->n_vars > VARS_MAX)
        return policy_refuse(check, "vars", -E2BIG, "at most %d variables", VARS_MAX);
    for (size_t i = 0; r == 0 && i < check->policy->n_vars; i++)
        r = check_declared(check, i);
    for (size_t n = 0; r == 0 && text_at(check->policy, n, &at); n++)
        if (at.text)
            r = check_form(check, &at);
    return r;
}

static int check_use(const struct policy_check *check, const struct text_at *at,
                     const Crib__Policy *onto)
{
    struct vars_text text = vars_text(at->text);
    struct vars_part part;
    char name[UTF8_SHOWN], hint[128];

    while (vars_next(&text, &part) > 0) {
        if (!part.name || find(check->policy, (const char *)part.text, part.len) ||
            find(onto, (const char *)part.text, part.len))
            continue;
        utf8_shown(name, (const char *)part.text, part.len);
        did_you_mean(hint, sizeof(hint), name, check->policy, onto);
        return policy_refuse(check, at->path, -EINVAL, "unknown variable '%s'%s", name,
                             hint[0] ? hint : ": declare it in `vars`");
    }
    return 0;
}

static bool same_value(const Crib__Variable *one, const Crib__Variable *other)
{
    return one->value.len == other->value.len &&
           (one->value.len == 0 || memcmp(one->value.data, other->value.data, one->value.len) == 0);
}

/* Lays one over a base's. @index: in the policy. */
static int lay_over(const struct policy_check *check, size_t index, Crib__Variable **base,
                    struct arena *arena)
{
    const Crib__Variable *own = check->policy->vars[index];
    bool fixed = (*base)->has_fixed && (*base)->fixed;
    Crib__Variable *both;
    char path[PATH_BYTES];

    snprintf(path, sizeof(path), "vars[%zu]", index);
    if (fixed && ((own->has_value && !same_value(own, *base)) || (own->has_fixed && !own->fixed)))
        return policy_refuse(check, path, -EINVAL, "%s is fixed by a base", own->name);
    both = ARENA_NEW(arena, crib__variable, Crib__Variable);
    if (!both)
        return fail_sys(check->err, -ENOMEM, "policy", -1, check->name, NULL);
    *both = **base;
    both->about = own->about ? own->about : both->about;
    both->has_fixed = both->has_fixed || own->has_fixed;
    both->fixed = fixed || (own->has_fixed && own->fixed);
    if (own->has_value) {
        both->has_value = true;
        both->value = own->value;
    }
    *base = both;
    return 0;
}

static Crib__Variable **find_base(const Crib__Policy *onto, const char *name)
{
    for (size_t i = 0; i < onto->n_vars; i++)
        if (strcmp(onto->vars[i]->name, name) == 0)
            return &onto->vars[i];
    return NULL;
}

int vars_lay(const struct policy_check *check, Crib__Policy *own, Crib__Policy *onto,
             struct arena *arena)
{
    struct text_at at;
    int r = 0;

    for (size_t n = 0; r == 0 && text_at(check->policy, n, &at); n++)
        if (at.text && vars_in(at.text))
            r = check_use(check, &at, onto);
    own->vars = NULL;
    own->n_vars = 0;
    for (size_t i = 0; r == 0 && i < check->policy->n_vars; i++) {
        Crib__Variable *var = check->policy->vars[i], **base = find_base(onto, var->name);

        if (base)
            r = lay_over(check, i, base, arena);
        else if (arena_push(arena, &own->vars, &own->n_vars, var) < 0)
            r = fail_sys(check->err, -ENOMEM, "policy", -1, check->name, NULL);
    }
    if (r == 0 && own->n_vars + onto->n_vars > VARS_MAX)
        r = policy_refuse(check, "vars", -E2BIG, "at most %d variables, those of its bases too",
                          VARS_MAX);
    return r;
}

/* --- the values, once they are known --- */

struct expanding {
    const Crib__Policy *policy;
    ProtobufCBinaryData value[VARS_MAX]; /* as the policy's variables */
    bool has[VARS_MAX];
    struct arena *arena;
    struct crib_error *err;
};

static int no_memory(const struct expanding *e)
{
    return fail_sys(e->err, -ENOMEM, "vars", -1, NULL, NULL);
}

static int index_of(const Crib__Policy *policy, const void *name, size_t len)
{
    for (size_t i = 0; i < policy->n_vars; i++)
        if (same_name(policy->vars[i]->name, name, len))
            return (int)i;
    return -1;
}

static int take_given(struct expanding *e, const ProtobufCBinaryData *given, int index)
{
    ProtobufCBinaryData value = value_of(given);
    const char *text = given->len ? (const char *)given->data : "";
    size_t len = given->len - value.len;
    char shown[UTF8_SHOWN], hint[128];
    int at;

    if (!len || text[len - 1] != '=' || !vars_name_valid(text, len - 1))
        return fail_text(e->err, -EINVAL, "vars", index, NULL,
                         "it must read NAME=VALUE, the name of A-Z, 0-9 and _");
    utf8_shown(shown, text, len - 1);
    at = index_of(e->policy, text, len - 1);
    if (at < 0)
        return fail_text(e->err, -EINVAL, "vars", index, NULL, "the policy has no variable '%s'%s",
                         shown, did_you_mean(hint, sizeof(hint), shown, e->policy, NULL));
    if (e->has[at])
        return fail_text(e->err, -EINVAL, "vars", index, NULL, "variable %s is given twice", shown);
    if (e->policy->vars[at]->has_fixed && e->policy->vars[at]->fixed)
        return fail_text(e->err, -EACCES, "vars", index, NULL,
                         "variable %s is fixed: the policy's own value counts, no other", shown);
    if (memchr(value.len ? (const char *)value.data : "", '\0', value.len))
        return fail_text(e->err, -EINVAL, "vars", index, NULL, "a NUL byte in the value of %s",
                         shown);
    if (value.len > VARS_LONGEST)
        return fail_text(e->err, -E2BIG, "vars", index, NULL,
                         "the value of %s has more than %d KiB", shown, VARS_LONGEST / 1024);
    e->has[at] = true;
    e->value[at] = value;
    return 0;
}

static int find_values(struct expanding *e, const ProtobufCBinaryData *vars, size_t count)
{
    int r = 0;

    if (e->policy->n_vars > VARS_MAX || count > VARS_MAX)
        return fail_text(e->err, -E2BIG, "vars", -1, NULL, "at most %d variables", VARS_MAX);
    for (size_t i = 0; r == 0 && i < count; i++)
        r = take_given(e, &vars[i], (int)i);
    for (size_t i = 0; r == 0 && i < e->policy->n_vars; i++) {
        const Crib__Variable *var = e->policy->vars[i];

        if (!e->has[i] && !var->has_value)
            return fail_text(e->err, -EINVAL, "vars", -1, NULL,
                             "variable %s has no value: give --var %s=...%s%s%s", var->name,
                             var->name, var->about ? " (" : "", var->about ? var->about : "",
                             var->about ? ")" : "");
        if (!e->has[i])
            e->value[i] = var->value;
    }
    return r;
}

/* Bytes of a text with the values in; 0 is also what an empty one has. */
static int measure(const struct expanding *e, const ProtobufCBinaryData *from, size_t *ret)
{
    struct vars_text text = vars_text(from);
    struct vars_part part;
    int r, at;

    *ret = 0;
    while ((r = vars_next(&text, &part)) > 0) {
        at = part.name ? index_of(e->policy, part.text, part.len) : 0;
        if (at < 0)
            return fail_text(e->err, -EINVAL, "vars", -1, NULL,
                             "the policy uses a variable that "
                             "it does not declare");
        *ret += part.name ? e->value[at].len : part.len;
        if (*ret > VARS_TEXT_LONGEST)
            return fail_text(e->err, -E2BIG, "vars", -1, NULL,
                             "a text with the values in it has more than %d KiB",
                             VARS_TEXT_LONGEST / 1024);
    }
    return r < 0 ? fail_text(e->err, r, "vars", -1, NULL, "a `${` without the name of a variable")
                 : 0;
}

/* @before: bytes that are taken as they are. */
static int replace(const struct expanding *e, ProtobufCBinaryData *change, size_t before)
{
    ProtobufCBinaryData from = {change->len - before, change->len ? change->data + before : NULL};
    struct vars_text text = vars_text(&from);
    struct vars_part part;
    size_t len = 0;
    uint8_t *out;
    int r;

    if (!vars_in(&from))
        return 0;
    r = measure(e, &from, &len);
    if (r < 0)
        return r;
    out = arena_alloc(e->arena, before + len + 1);
    if (!out)
        return no_memory(e);
    memcpy(out, change->data, before);
    len = before;
    while (vars_next(&text, &part) > 0) {
        int at = part.name ? index_of(e->policy, part.text, part.len) : 0;
        const uint8_t *data = part.name ? e->value[at].data : part.text;
        size_t n = part.name ? e->value[at].len : part.len;

        if (n)
            memcpy(out + len, data, n);
        len += n;
    }
    *change = (ProtobufCBinaryData){len, out};
    return 0;
}

static int expand_mounts(const struct expanding *e, Crib__Policy *ret)
{
    Crib__Mount **list = arena_alloc(e->arena, (ret->n_mounts + 1) * sizeof(*list));
    int r = 0;

    if (!list)
        return no_memory(e);
    for (size_t i = 0; r == 0 && i < ret->n_mounts; i++) {
        Crib__Mount *mount = ret->mounts[i];

        list[i] = mount;
        if (!vars_in(&mount->source) && !vars_in(&mount->target))
            continue;
        list[i] = arena_alloc(e->arena, sizeof(*mount));
        if (!list[i])
            return no_memory(e);
        *list[i] = *mount;
        r = replace(e, &list[i]->source, 0);
        if (r == 0)
            r = replace(e, &list[i]->target, 0);
    }
    ret->mounts = list;
    return r;
}

static int expand_env(const struct expanding *e, Crib__Policy *ret)
{
    ProtobufCBinaryData *list;
    Crib__Env *env;
    int r = 0;

    if (!ret->env || !ret->env->n_set)
        return 0;
    env = arena_alloc(e->arena, sizeof(*env));
    list = arena_alloc(e->arena, ret->env->n_set * sizeof(*list));
    if (!env || !list)
        return no_memory(e);
    *env = *ret->env;
    for (size_t i = 0; r == 0 && i < env->n_set; i++) {
        list[i] = env->set[i];
        r = replace(e, &list[i], list[i].len - value_of(&list[i]).len);
    }
    env->set = list;
    ret->env = env;
    return r;
}

static bool has_nothing(const Crib__Policy *policy)
{
    struct text_at at;

    if (policy->n_vars)
        return false;
    for (size_t i = 0; i < policy->n_mounts; i++)
        if (vars_in(&policy->mounts[i]->source) || vars_in(&policy->mounts[i]->target))
            return false;
    for (size_t i = 0; policy->env && i < policy->env->n_set; i++) {
        at.value = value_of(&policy->env->set[i]);
        if (vars_in(&at.value))
            return false;
    }
    return true;
}

int policy_expand_vars(const Crib__Policy *policy, const ProtobufCBinaryData *vars, size_t count,
                       struct arena *arena, Crib__Policy **ret, struct crib_error *err)
{
    struct expanding e = {.policy = policy, .arena = arena, .err = err};
    struct policy_check check = {
        .name = "with the variables replaced", .err = err, .replaced = true};
    Crib__Policy *copy;
    int r;

    if (count == 0 && has_nothing(policy)) {
        *ret = (Crib__Policy *)policy;
        return 0;
    }
    r = find_values(&e, vars, count);
    if (r < 0)
        return r;
    copy = arena_alloc(arena, sizeof(*copy));
    if (!copy)
        return no_memory(&e);
    *copy = *policy;
    copy->vars = NULL;
    copy->n_vars = 0;
    r = expand_mounts(&e, copy);
    if (r == 0)
        r = expand_env(&e, copy);
    check.policy = copy;
    if (r == 0)
        r = policy_check_mounts(&check);
    if (r == 0)
        *ret = copy;
    return r;
}
