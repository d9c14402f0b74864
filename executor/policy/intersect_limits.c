/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "policy/intersect_parts.h"

static const struct row {
    const char *name;
    size_t has, at; /* in Crib__Limits */
} rows[] = {
#define ROW(field)                                                                                 \
    {                                                                                              \
#field, offsetof(Crib__Limits, has_##field), offsetof(Crib__Limits, field)                 \
    }
    ROW(memory),     ROW(pids),  ROW(wall_time),     ROW(cpu_time),      ROW(file_size),
    ROW(open_files), ROW(stack), ROW(address_space), ROW(locked_memory),
#undef ROW
};

static protobuf_c_boolean *is_set(const Crib__Limits *limits, const struct row *row)
{
    return (protobuf_c_boolean *)((char *)limits + row->has);
}

static uint64_t *value_of(const Crib__Limits *limits, const struct row *row)
{
    return (uint64_t *)((char *)limits + row->at);
}

/* Whether a side would do without what it asks; one that asks nothing does. */
static bool does_without(const Crib__Limits *limits, const char *name, bool asks)
{
    for (size_t i = 0; asks && i < limits->n_preferred; i++)
        if (strcmp(limits->preferred[i], name) == 0)
            return true;
    return !asks;
}

static int prefer(struct intersecting *x, Crib__Limits *limits, const char *name)
{
    return arena_push(x->arena, &limits->preferred, &limits->n_preferred, (char *)name);
}

static int lower(struct intersecting *x, const struct row *row, const Crib__Limits *asked,
                 const Crib__Limits *most, Crib__Limits *ret)
{
    bool mine = *is_set(asked, row), its = *is_set(most, row);

    if (its && (!mine || *value_of(most, row) < *value_of(asked, row)))
        *value_of(ret, row) = *value_of(most, row);
    *is_set(ret, row) = mine || its;
    if ((mine || its) && does_without(asked, row->name, mine) && does_without(most, row->name, its))
        return prefer(x, ret, row->name);
    return 0;
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
    if (does_without(asked, "core", !mine) && does_without(most, "core", !its) && !(mine && its))
        return prefer(x, ret, "core");
    return 0;
}

int intersect_limits(struct intersecting *x)
{
    static const Crib__Limits none = CRIB__LIMITS__INIT;
    const Crib__Limits *asked = x->w.policy->limits ? x->w.policy->limits : &none;
    const Crib__Limits *most = x->w.widest->limits ? x->w.widest->limits : &none;
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
    for (size_t i = 0; r == 0 && i < sizeof(rows) / sizeof(rows[0]); i++)
        r = lower(x, &rows[i], asked, most, limits);
    x->result->limits = limits;
    return r < 0 ? intersect_no_memory(x) : 0;
}
