/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/within.h"

#include <string.h>

#include "policy/capnames.h"
#include "policy/within_parts.h"
#include "text/text.h"

static const Crib__Namespaces no_namespaces = CRIB__NAMESPACES__INIT;
static const Crib__Net no_net = CRIB__NET__INIT;

static const char *need_word(Crib__Need need)
{
    return protobuf_c_enum_descriptor_get_value(&crib__need__descriptor, (int)need)->name;
}

/* off < preferred < required */
static int strength(Crib__Need need)
{
    if (need == CRIB__NEED__required)
        return 2;
    return need == CRIB__NEED__preferred;
}

static int check_need(struct within *w, const char *step, Crib__Need asked, Crib__Need least)
{
    if (strength(asked) >= strength(least))
        return 0;
    return WIDER(w, step, -1, NULL, "`%s` is weaker than `%s`, as the widest policy has it",
                 need_word(asked), need_word(least));
}

static Crib__Need groups_of(const Crib__Policy *policy)
{
    return policy->ids && policy->ids->has_groups ? policy->ids->groups : CRIB__NEED__preferred;
}

static Crib__Need own_of(const Crib__Policy *policy)
{
    return policy->ids && policy->ids->has_own ? policy->ids->own : CRIB__NEED__off;
}

static int check_ids(struct within *w)
{
    int r = check_need(w, "ids.groups", groups_of(w->policy), groups_of(w->widest));

    return r < 0 ? r : check_need(w, "ids.own", own_of(w->policy), own_of(w->widest));
}

static Crib__Need landlock_of(const Crib__Policy *policy)
{
    return policy->has_landlock ? policy->landlock : CRIB__NEED__off;
}

static int check_landlock(struct within *w)
{
    return check_need(w, "landlock", landlock_of(w->policy), landlock_of(w->widest));
}

static const struct space {
    const char *step;
    size_t has, at; /* in Crib__Namespaces */
} spaces[] = {
#define SPACE(field)                                                                               \
    {                                                                                              \
        "namespaces." #field, offsetof(Crib__Namespaces, has_##field),                             \
            offsetof(Crib__Namespaces, field)                                                      \
    }
    SPACE(mount), SPACE(net), SPACE(ipc), SPACE(uts), SPACE(cgroup),
#undef SPACE
};

/* Whatever is not `new` is taken for the host's. */
static bool is_host(const Crib__Policy *policy, const struct space *space)
{
    const char *in = (const char *)(policy->namespaces ? policy->namespaces : &no_namespaces);

    return *(const protobuf_c_boolean *)(in + space->has) &&
           *(const Crib__Namespaces__Space *)(in + space->at) != CRIB__NAMESPACES__SPACE__new;
}

/* Over a namespace of the host's a capability that is kept has no power, over a new one it has. */
static int check_namespaces(struct within *w)
{
    bool powers = w->policy->caps && w->policy->caps->n_keep;

    for (size_t i = 0; i < sizeof(spaces) / sizeof(spaces[0]); i++) {
        bool asked = is_host(w->policy, &spaces[i]), most = is_host(w->widest, &spaces[i]);

        if (asked && !most)
            return WIDER(w, spaces[i].step, -1, NULL,
                         "`host` is wider than `new`, as the widest policy has it");
        if (powers && asked != most)
            return WIDER(w, spaces[i].step, -1, NULL,
                         "`new` is wider than `host`, as the widest policy has it, for a task with "
                         "capabilities: it would have power over the new one");
    }
    return 0;
}

static bool has_port(const uint32_t *ports, size_t count, uint32_t port)
{
    for (size_t i = 0; i < count; i++)
        if (ports[i] == port)
            return true;
    return false;
}

/* No ports at all is no rule, and that is wider than any. */
static int check_ports(struct within *w, const char *step, const uint32_t *asked, size_t n_asked,
                       const uint32_t *most, size_t n_most)
{
    if (n_most && !n_asked)
        return WIDER(w, step, -1, NULL,
                     "no port rule, so every port: the widest policy names %zu, the first is %u",
                     n_most, most[0]);
    for (size_t i = 0; n_most && i < n_asked; i++)
        if (!has_port(most, n_most, asked[i]))
            return WIDER(w, step, (int)i, NULL,
                         "port %u is not among the %zu of the widest policy, the first is %u",
                         asked[i], n_most, most[0]);
    return 0;
}

static bool brings_up(const Crib__Net *net)
{
    return !net->has_loopback || net->loopback;
}

static bool reaches_abstract(const Crib__Net *net)
{
    return net->has_abstract_sockets && net->abstract_sockets;
}

static int check_net(struct within *w)
{
    const Crib__Net *asked = w->policy->net ? w->policy->net : &no_net;
    const Crib__Net *most = w->widest->net ? w->widest->net : &no_net;
    int r = check_ports(w, "net.connect_ports", asked->connect_ports, asked->n_connect_ports,
                        most->connect_ports, most->n_connect_ports);

    if (r == 0)
        r = check_ports(w, "net.bind_ports", asked->bind_ports, asked->n_bind_ports,
                        most->bind_ports, most->n_bind_ports);
    if (r == 0 && reaches_abstract(asked) && !reaches_abstract(most))
        return WIDER(w, "net.abstract_sockets", -1, NULL,
                     "`true` is wider than `false`, as the widest policy has it");
    if (r == 0 && brings_up(asked) && !brings_up(most))
        return WIDER(w, "net.loopback", -1, NULL,
                     "`true`, also when unset, is wider than `false`, as the widest policy has it");
    return r;
}

static bool keeps(const Crib__Caps *caps, int number)
{
    for (size_t i = 0; caps && i < caps->n_keep; i++)
        if (capname_number(caps->keep[i]) == number)
            return true;
    return false;
}

static int check_caps(struct within *w)
{
    const Crib__Caps *asked = w->policy->caps, *most = w->widest->caps;

    for (size_t i = 0; asked && i < asked->n_keep; i++) {
        int number = capname_number(asked->keep[i]);

        if (number < 0 || !keeps(most, number))
            return WIDER(w, "caps.keep", (int)i, asked->keep[i],
                         "the widest policy does not keep it%s",
                         most && most->n_keep ? "" : ", nor any other");
    }
    return 0;
}

/* What is not merged cannot be compared. */
static int check_merged(struct within *w)
{
    if (w->policy->n_extends || w->widest->n_extends)
        return fail_text(w->err, -EINVAL, "extends", -1, NULL,
                         "policies are compared when their bases are merged");
    return 0;
}

/* Every field of a policy is decided by one of these, or is named in the theory of operation as
 * one that grants nothing. A test holds this to the schema. */
static int (*const checks[])(struct within *w) = {
    check_merged,  check_ids,  check_namespaces, check_net,       check_landlock,
    within_limits, check_caps, within_mounts,    within_syscalls, within_listen,
};

static int known(const Crib__Policy *policy, const Crib__Policy *widest, struct crib_error *err)
{
    int r = text_unknown(&policy->base, err);

    return r < 0 ? r : text_unknown(&widest->base, err);
}

int policy_within(const Crib__Policy *policy, const Crib__Policy *widest, bool own_binds_ro,
                  bool own_binds_rw, struct crib_error *err)
{
    struct arena arena;
    struct within w = {policy, widest, own_binds_ro, own_binds_rw, &arena, err};
    int r = known(policy, widest, err);

    arena_init(&arena, 0);
    for (size_t i = 0; r == 0 && i < sizeof(checks) / sizeof(checks[0]); i++)
        r = checks[i](&w);
    arena_done(&arena);
    return r;
}

int policy_within_added(const Crib__Policy *policy, Crib__Mount *const *mounts, size_t count,
                        const Crib__Policy *widest, bool own_binds_ro, bool own_binds_rw,
                        struct crib_error *err)
{
    struct arena arena;
    struct within w = {policy, widest, own_binds_ro, own_binds_rw, &arena, err};
    int r = known(policy, widest, err);

    for (size_t i = 0; r == 0 && i < count; i++)
        r = text_unknown(&mounts[i]->base, err);
    arena_init(&arena, 0);
    if (r == 0)
        r = within_added(&w, mounts, count);
    arena_done(&arena);
    return r;
}
