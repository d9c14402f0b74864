/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "policy/cpuset.h"
#include "policy/intersect_parts.h"
#include "policy/limits.h"

/* Whether a side would do without what it asks; one that asks nothing does. */
static bool does_without(const Crib__Limits *limits, const char *name, bool asks)
{
    return !asks || limit_is_preferred(limits, name);
}

/* What both would do without, one of them asking for it, is preferred only. */
static int prefer(struct intersecting *x, Crib__Limits *ret, const char *name,
                  const Crib__Limits *asked, bool mine, const Crib__Limits *most, bool its)
{
    if ((!mine && !its) || !does_without(asked, name, mine) || !does_without(most, name, its))
        return 0;
    return arena_push(x->arena, &ret->preferred, &ret->n_preferred, (char *)name);
}

static int lower(struct intersecting *x, const struct limit_row *row, const Crib__Limits *asked,
                 const Crib__Limits *most, Crib__Limits *ret)
{
    uint64_t mine = limit_value(asked, row), its = limit_value(most, row);

    if (limit_is_set(asked, row) || limit_is_set(most, row))
        limit_set(ret, row, mine < its ? mine : its);
    return prefer(x, ret, row->name, asked, limit_asks(asked, row), most, limit_asks(most, row));
}

static bool makes_cores(const Crib__Limits *limits)
{
    return limits->has_core && limits->core;
}

static int lower_core(struct intersecting *x, const Crib__Limits *asked, const Crib__Limits *most,
                      Crib__Limits *ret)
{
    bool mine = makes_cores(asked), its = makes_cores(most);

    if (mine && !its)
        ret->core = false;
    return prefer(x, ret, "core", asked, !mine, most, !its);
}

static int lower_cpuset(struct intersecting *x, const Crib__Limits *asked, const Crib__Limits *most,
                        Crib__Limits *ret)
{
    struct cpuset set, of;
    char why[CPUSET_WHY];

    if (!asked->cpuset)
        ret->cpuset = most->cpuset;
    if (asked->cpuset && most->cpuset) {
        if (cpuset_read(asked->cpuset, &set, why) < 0 || cpuset_read(most->cpuset, &of, why) < 0)
            return fail_text(x->w.err, -EINVAL, "limits.cpuset", -1, NULL, "%s", why);
        if (!cpuset_cut(&set, &of))
            return WIDER(&x->w, "limits.cpuset", -1, NULL,
                         "the ceiling has none of the processors %s, it has %s", asked->cpuset,
                         most->cpuset);
        ret->cpuset = (char *)cpuset_text(&set, x->arena);
    }
    if ((asked->cpuset || most->cpuset) && !ret->cpuset)
        return -ENOMEM;
    return prefer(x, ret, "cpuset", asked, asked->cpuset != NULL, most, most->cpuset != NULL);
}

int intersect_limits(struct intersecting *x)
{
    static const Crib__Limits none = CRIB__LIMITS__INIT;
    const Crib__Limits *asked = x->w.policy->limits ? x->w.policy->limits : &none;
    const Crib__Limits *most = x->w.widest->limits ? x->w.widest->limits : &none;
    const struct limit_row *row = NULL;
    Crib__Limits *limits;
    int r;

    if (!x->w.policy->limits && !x->w.widest->limits)
        return 0;
    limits = arena_alloc(x->arena, sizeof(*limits));
    if (!limits)
        return intersect_no_memory(x);
    *limits = *asked;
    limits->preferred = NULL;
    limits->n_preferred = 0;
    r = lower_core(x, asked, most, limits);
    while (r == 0 && (row = limit_next(row)))
        r = lower(x, row, asked, most, limits);
    if (r == 0)
        r = lower_cpuset(x, asked, most, limits);
    x->result->limits = limits;
    return r == -ENOMEM ? intersect_no_memory(x) : r;
}
