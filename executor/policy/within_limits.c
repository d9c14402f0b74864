/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "policy/within_parts.h"
#include "text/units.h"

static const Crib__Limits no_limits = CRIB__LIMITS__INIT;

static const struct row {
    const char *step, *name;
    size_t has, at; /* in Crib__Limits */
    bool positive;  /* 0 is refused elsewhere, or could be read as no limit */
} rows[] = {
#define ROW(field, positive)                                                                       \
    {                                                                                              \
        "limits." #field, #field, offsetof(Crib__Limits, has_##field),                             \
            offsetof(Crib__Limits, field), positive                                                \
    }
    ROW(memory, true),   ROW(pids, true),           ROW(wall_time, true),
    ROW(cpu_time, true), ROW(file_size, false),     ROW(open_files, false),
    ROW(stack, false),   ROW(address_space, false), ROW(locked_memory, false),
#undef ROW
};

static bool is_set(const Crib__Limits *limits, const struct row *row)
{
    return *(const protobuf_c_boolean *)((const char *)limits + row->has);
}

static uint64_t value_of(const Crib__Limits *limits, const struct row *row)
{
    return *(const uint64_t *)((const char *)limits + row->at);
}

static bool prefers(const Crib__Limits *limits, const char *name)
{
    for (size_t i = 0; i < limits->n_preferred; i++)
        if (strcmp(limits->preferred[i], name) == 0)
            return true;
    return false;
}

/* A limit that the widest policy does not set may be set: whatever it is, it is one. */
static int check_row(struct within *w, const struct row *row, const Crib__Limits *asked,
                     const Crib__Limits *most)
{
    const struct unit_row *unit = unit_find("crib.Limits", row->name);
    char has[UNIT_TEXT], text[UNIT_TEXT];
    uint64_t value = value_of(asked, row), limit = value_of(most, row);

    if (!is_set(most, row) || (unit && unit->unlimited && limit == UINT64_MAX))
        return 0;
    unit_write(unit, limit, has);
    if (!is_set(asked, row))
        return WIDER(w, row->step, -1, NULL, "unset is wider than %s, as the widest policy has it",
                     has);
    if (value > limit)
        return WIDER(w, row->step, -1, NULL, "%s is wider than %s, as the widest policy has it",
                     unit_write(unit, value, text), has);
    if (row->positive && value == 0 && limit != 0)
        return WIDER(w, row->step, -1, NULL,
                     "0 is no limit that can be held; the widest policy has %s", has);
    if (prefers(asked, row->name) && !prefers(most, row->name))
        return WIDER(w, "limits.preferred", -1, row->name,
                     "a limit that is only preferred is wider than one that is not, as the widest "
                     "policy has it");
    return 0;
}

static int check_core(struct within *w, const Crib__Limits *asked, const Crib__Limits *most)
{
    bool wants = asked->has_core && asked->core, may = most->has_core && most->core;

    if (wants && !may)
        return WIDER(w, "limits.core", -1, NULL,
                     "`true` is wider than `false`, as the widest policy has it");
    if (!may && prefers(asked, "core") && !prefers(most, "core"))
        return WIDER(w, "limits.preferred", -1, "core",
                     "the widest policy does not only prefer that there are no core files");
    return 0;
}

int within_limits(struct within *w)
{
    const Crib__Limits *asked = w->policy->limits ? w->policy->limits : &no_limits;
    const Crib__Limits *most = w->widest->limits ? w->widest->limits : &no_limits;
    int r = check_core(w, asked, most);

    for (size_t i = 0; r == 0 && i < sizeof(rows) / sizeof(rows[0]); i++)
        r = check_row(w, &rows[i], asked, most);
    return r;
}
