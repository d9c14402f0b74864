/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/intersect.h"

#include <string.h>

#include "policy/capnames.h"
#include "policy/intersect_parts.h"

int intersect_no_memory(struct intersecting *x)
{
    return fail_sys(x->w.err, -ENOMEM, "policy", -1, NULL, NULL);
}

/* off < preferred < required */
static int strength(Crib__Need need)
{
    if (need == CRIB__NEED__required)
        return 2;
    return need == CRIB__NEED__preferred;
}

static Crib__Need stronger(Crib__Need one, Crib__Need other)
{
    return strength(one) >= strength(other) ? one : other;
}

static Crib__Need groups_of(const Crib__Policy *policy)
{
    return policy->ids && policy->ids->has_groups ? policy->ids->groups : CRIB__NEED__preferred;
}

static Crib__Need own_of(const Crib__Policy *policy)
{
    return policy->ids && policy->ids->has_own ? policy->ids->own : CRIB__NEED__off;
}

static Crib__Need landlock_of(const Crib__Policy *policy)
{
    return policy->has_landlock ? policy->landlock : CRIB__NEED__off;
}

static int intersect_needs(struct intersecting *x)
{
    Crib__Need groups = stronger(groups_of(x->w.policy), groups_of(x->w.widest));
    Crib__Need own = stronger(own_of(x->w.policy), own_of(x->w.widest));

    x->result->has_landlock = x->result->has_landlock || x->w.widest->has_landlock;
    x->result->landlock = stronger(landlock_of(x->w.policy), landlock_of(x->w.widest));
    if (groups == groups_of(x->w.policy) && own == own_of(x->w.policy))
        return 0;
    x->result->ids = ARENA_NEW(x->arena, crib__ids, Crib__Ids);
    if (!x->result->ids)
        return intersect_no_memory(x);
    x->result->ids->has_groups = true;
    x->result->ids->groups = groups;
    x->result->ids->has_own = own != CRIB__NEED__off;
    x->result->ids->own = own;
    return 0;
}

static const size_t spaces[][2] = {
#define SPACE(field)                                                                               \
    {                                                                                              \
        offsetof(Crib__Namespaces, has_##field), offsetof(Crib__Namespaces, field)                 \
    }
    SPACE(mount), SPACE(net), SPACE(ipc), SPACE(uts), SPACE(cgroup),
#undef SPACE
};

#define SPACES (sizeof(spaces) / sizeof(spaces[0]))

static bool is_host(const Crib__Namespaces *namespaces, size_t space)
{
    const char *in = (const char *)namespaces;

    return in && *(const protobuf_c_boolean *)(in + spaces[space][0]) &&
           *(const Crib__Namespaces__Space *)(in + spaces[space][1]) !=
               CRIB__NAMESPACES__SPACE__new;
}

static void set_new(Crib__Namespaces *namespaces, size_t space)
{
    char *in = (char *)namespaces;

    *(protobuf_c_boolean *)(in + spaces[space][0]) = true;
    *(Crib__Namespaces__Space *)(in + spaces[space][1]) = CRIB__NAMESPACES__SPACE__new;
}

/* Also of capabilities, which hang on them. */
static int intersect_namespaces(struct intersecting *x)
{
    const Crib__Namespaces *asked = x->w.policy->namespaces, *most = x->w.widest->namespaces;
    bool differ = false;

    if (asked) {
        x->result->namespaces = arena_alloc(x->arena, sizeof(*asked));
        if (!x->result->namespaces)
            return intersect_no_memory(x);
        *x->result->namespaces = *asked;
    }
    for (size_t i = 0; i < SPACES; i++) {
        if (is_host(asked, i) == is_host(most, i))
            continue;
        differ = true;
        if (is_host(asked, i))
            set_new(x->result->namespaces, i);
    }
    if (differ)
        x->result->caps = NULL;
    return 0;
}

static bool keeps(const Crib__Caps *caps, const char *name)
{
    int number = capname_number(name);

    for (size_t i = 0; caps && number >= 0 && i < caps->n_keep; i++)
        if (capname_number(caps->keep[i]) == number)
            return true;
    return false;
}

static int intersect_caps(struct intersecting *x)
{
    const Crib__Caps *asked = x->result->caps;
    Crib__Caps *caps;

    if (!asked)
        return 0;
    caps = ARENA_NEW(x->arena, crib__caps, Crib__Caps);
    if (!caps)
        return intersect_no_memory(x);
    for (size_t i = 0; i < asked->n_keep; i++)
        if (keeps(x->w.widest->caps, asked->keep[i]) &&
            arena_push(x->arena, &caps->keep, &caps->n_keep, asked->keep[i]) < 0)
            return intersect_no_memory(x);
    x->result->caps = caps;
    return 0;
}

/* One list of ports of both policies and of the result. */
struct ports {
    const char *step;
    const uint32_t *asked, *most;
    size_t n_asked, n_most;
    uint32_t **list;
    size_t *count;
};

static bool has_port(const struct ports *ports, uint32_t port)
{
    for (size_t i = 0; i < ports->n_most; i++)
        if (ports->most[i] == port)
            return true;
    return false;
}

static int intersect_ports(struct intersecting *x, const struct ports *ports)
{
    const uint32_t *from = ports->n_asked ? ports->asked : ports->most;
    size_t n = ports->n_asked ? ports->n_asked : ports->n_most;

    *ports->list = NULL;
    *ports->count = 0;
    for (size_t i = 0; i < n; i++)
        if ((!ports->n_most || has_port(ports, from[i])) &&
            arena_push_value(x->arena, ports->list, ports->count, &from[i], sizeof(from[i])) < 0)
            return intersect_no_memory(x);
    if (n && !*ports->count)
        return fail_text(x->w.err, -EACCES, ports->step, -1, NULL,
                         "the ceiling has none of these ports; no port at all cannot be said, for "
                         "an empty list is no rule");
    return 0;
}

static bool brings_up(const Crib__Net *net)
{
    return !net || !net->has_loopback || net->loopback;
}

static bool reaches_abstract(const Crib__Net *net)
{
    return net && net->has_abstract_sockets && net->abstract_sockets;
}

static int intersect_net(struct intersecting *x)
{
    static const Crib__Net none = CRIB__NET__INIT;
    const Crib__Net *asked = x->w.policy->net ? x->w.policy->net : &none;
    const Crib__Net *most = x->w.widest->net ? x->w.widest->net : &none;
    Crib__Net *net = arena_alloc(x->arena, sizeof(*net));
    const struct ports lists[] = {
        {"net.connect_ports", asked->connect_ports, most->connect_ports, asked->n_connect_ports,
         most->n_connect_ports, net ? &net->connect_ports : NULL,
         net ? &net->n_connect_ports : NULL},
        {"net.bind_ports", asked->bind_ports, most->bind_ports, asked->n_bind_ports,
         most->n_bind_ports, net ? &net->bind_ports : NULL, net ? &net->n_bind_ports : NULL},
    };
    int r;

    if (!net)
        return intersect_no_memory(x);
    *net = *asked;
    if (brings_up(asked) && !brings_up(most)) {
        net->has_loopback = true;
        net->loopback = false;
    }
    if (reaches_abstract(asked) && !reaches_abstract(most))
        net->abstract_sockets = false;
    r = intersect_ports(x, &lists[0]);
    if (r == 0)
        r = intersect_ports(x, &lists[1]);
    if (x->w.policy->net || x->w.widest->net)
        x->result->net = net;
    return r;
}

/* Whether a pattern passes all that another does. */
static bool passes(const char *pattern, const char *name)
{
    size_t len = strlen(pattern);

    if (len && pattern[len - 1] == '*')
        return strncmp(pattern, name, len - 1) == 0;
    return strcmp(pattern, name) == 0;
}

static int intersect_env(struct intersecting *x)
{
    const Crib__Env *asked = x->w.policy->env, *most = x->w.widest->env;
    Crib__Env *env;

    if (!asked)
        return 0;
    env = arena_alloc(x->arena, sizeof(*env));
    if (!env)
        return intersect_no_memory(x);
    *env = *asked;
    env->pass = NULL;
    env->n_pass = 0;
    for (size_t i = 0; i < asked->n_pass; i++)
        for (size_t n = 0; most && n < most->n_pass; n++) {
            char *narrower = passes(most->pass[n], asked->pass[i])   ? asked->pass[i]
                             : passes(asked->pass[i], most->pass[n]) ? most->pass[n]
                                                                     : NULL;

            if (narrower && arena_push(x->arena, &env->pass, &env->n_pass, narrower) < 0)
                return intersect_no_memory(x);
        }
    x->result->env = env;
    return 0;
}

static int cut_down(struct intersecting *x)
{
    static int (*const parts[])(struct intersecting * x) = {
        intersect_needs,  intersect_namespaces, intersect_caps,     intersect_net,    intersect_env,
        intersect_limits, intersect_mounts,     intersect_syscalls, intersect_listen,
    };
    int r = 0;

    for (size_t i = 0; r == 0 && i < sizeof(parts) / sizeof(parts[0]); i++)
        r = parts[i](x);
    return r;
}

int policy_intersect(const Crib__Policy *policy, const Crib__Policy *ceiling, bool own_binds_ro,
                     bool own_binds_rw, struct arena *arena, Crib__Policy **ret,
                     struct crib_error *err)
{
    struct arena scratch;
    struct intersecting x = {.w = {policy, ceiling, own_binds_ro, own_binds_rw, &scratch, err},
                             .arena = arena};
    int r;

    x.result = arena_alloc(arena, sizeof(*x.result));
    if (!x.result)
        return intersect_no_memory(&x);
    *x.result = *policy;
    x.result->has_ceiling = x.result->ceiling = false;
    arena_init(&scratch, 0);
    r = cut_down(&x);
    arena_done(&scratch);
    if (r == 0)
        r = policy_within(x.result, ceiling, own_binds_ro, own_binds_rw, err);
    if (r == 0)
        r = policy_within(x.result, policy, false, false, err);
    if (r == 0)
        *ret = x.result;
    return r;
}
