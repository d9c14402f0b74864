/* SPDX-License-Identifier: Apache-2.0 */
/* What a peer may use: the rule that fits it, applied. */
#include <errno.h>
#include <string.h>

#include "daemon/site_parts.h"
#include "policy/intersect.h"
#include "policy/load.h"
#include "policy/vars.h"
#include "policy/within.h"
#include "text/utf8.h"

static const char *const nothing[] = {NULL};

static int refuse_stranger(uid_t uid, struct crib_error *err)
{
    return fail_text(err, -EACCES, "policy", -1, NULL,
                     "uid %u may use nothing here: no rule of the site fits it", (unsigned)uid);
}

/* The same words for what is not there and what is not the peer's. */
static int refuse_name(const char *step, int index, const char *name, struct crib_error *err)
{
    char shown[UTF8_SHOWN];

    return fail_text(err, -EACCES, step, index, NULL,
                     "'%s' is no policy that this user may use, by its name",
                     utf8_shown(shown, name, strlen(name)));
}

static bool may_use(const struct site_rule *rule, const char *name)
{
    if (!site_is_name(name))
        return false;
    for (const char *const *at = rule->names; !rule->any && *at; at++)
        if (strcmp(*at, name) == 0)
            return true;
    return rule->any;
}

static bool may_bind(const struct site_rule *rule, bool write)
{
    Crib__Site__Rule__Binds binds =
        rule->message->has_binds ? rule->message->binds : CRIB__SITE__RULE__BINDS__none;

    return binds == CRIB__SITE__RULE__BINDS__write ||
           (!write && binds == CRIB__SITE__RULE__BINDS__read);
}

static bool is_unbound(const struct site_rule *rule)
{
    return strcmp(rule->widest, SITE_ANY) == 0;
}

bool site_knows(const struct site *site, uid_t uid)
{
    return site_rule_of(site, uid);
}

int site_policy(const struct site *site, uid_t uid, const char *name, const Crib__Policy **ret,
                struct crib_error *err)
{
    const struct site_rule *rule = site_rule_of(site, uid);

    if (!rule)
        return refuse_stranger(uid, err);
    if (!may_use(rule, name))
        return refuse_name("policy", -1, name, err);
    return site_shelf_get(site->shelf, name, ret, err);
}

const Crib__Origins *site_origins(const struct site *site, const char *name)
{
    return site_shelf_origins(site->shelf, name);
}

int site_cut(Crib__Policy **policy, const Crib__Policy *ceiling, bool own_binds_ro,
             bool own_binds_rw, struct arena *arena, bool *ret_cut, struct crib_error *err)
{
    int r = policy_within(*policy, ceiling, own_binds_ro, own_binds_rw, NULL);

    if (r != -EACCES) {
        if (r < 0)
            r = policy_within(*policy, ceiling, own_binds_ro, own_binds_rw, err);
        return r;
    }
    if (ret_cut)
        *ret_cut = true;
    return policy_intersect(*policy, ceiling, own_binds_ro, own_binds_rw, arena, policy, err);
}

/* Holds a policy against the peer's widest. */
static int bound(const struct site_rule *rule, struct site_inline *with, struct arena *arena,
                 Crib__Policy **policy, struct crib_error *err)
{
    bool read = may_bind(rule, false), write = may_bind(rule, true);

    if (is_unbound(rule))
        return 0;
    if (!rule->policy->has_ceiling || !rule->policy->ceiling)
        return policy_within(*policy, rule->policy, read, write, err);
    with->ceiling = rule->widest;
    return site_cut(policy, rule->policy, read, write, arena, &with->cut, err);
}

int site_inline(const struct site *site, uid_t uid, const Crib__Policy *policy, struct arena *arena,
                Crib__Policy **ret, struct crib_error *err)
{
    struct site_inline with = {0};

    return site_inline_with(site, uid, policy, &with, arena, ret, err);
}

int site_inline_with(const struct site *site, uid_t uid, const Crib__Policy *policy,
                     struct site_inline *with, struct arena *arena, Crib__Policy **ret,
                     struct crib_error *err)
{
    const struct site_rule *rule = site_rule_of(site, uid);
    Crib__Policy *effective;
    int r;

    if (!rule)
        return refuse_stranger(uid, err);
    if (!rule->widest[0])
        return fail_text(err, -EACCES, "policy", -1, NULL,
                         "this user may use policies by name, and none of its own");
    for (size_t i = 0; i < policy->n_extends; i++)
        if (!may_use(rule, policy->extends[i]))
            return refuse_name("extends", (int)i, policy->extends[i], err);
    r = policy_resolve(policy, site->shelf->dirs, arena, &effective, NULL, err);
    if (r == 0)
        r = policy_expand_vars(effective, with->vars, with->n_vars, arena, &effective, err);
    if (r == 0)
        r = bound(rule, with, arena, &effective, err);
    if (r == 0)
        *ret = effective;
    return r;
}

int site_mounts(const struct site *site, uid_t uid, const Crib__Policy *effective,
                Crib__Mount *const *mounts, size_t count, struct crib_error *err)
{
    const struct site_rule *rule = site_rule_of(site, uid);
    bool read, write;

    if (!rule)
        return refuse_stranger(uid, err);
    if (count == 0 || is_unbound(rule))
        return 0;
    read = may_bind(rule, false);
    write = may_bind(rule, true);
    /* a policy given by name may show more than the widest */
    if (rule->policy &&
        policy_within_added(effective, mounts, count, effective, read, write, NULL) == 0)
        return 0;
    return policy_within_added(effective, mounts, count, rule->policy ? rule->policy : effective,
                               read, write, err);
}

bool site_binds(const struct site *site, uid_t uid, bool write)
{
    const struct site_rule *rule = site_rule_of(site, uid);

    return rule && may_bind(rule, write);
}

const char *const *site_policies(const struct site *site, uid_t uid)
{
    const struct site_rule *rule = site_rule_of(site, uid);

    return rule ? rule->names : nothing;
}

const char *site_widest(const struct site *site, uid_t uid)
{
    const struct site_rule *rule = site_rule_of(site, uid);

    return rule ? rule->widest : "";
}
