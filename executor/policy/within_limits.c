/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "policy/cpuset.h"
#include "policy/limits.h"
#include "policy/within_parts.h"
#include "text/units.h"

static const Crib__Limits no_limits = CRIB__LIMITS__INIT;

static int check_preferred(struct within *w, const Crib__Limits *asked, const Crib__Limits *most,
                           const char *name)
{
    if (!limit_is_preferred(asked, name) || limit_is_preferred(most, name))
        return 0;
    return WIDER(w, "limits.preferred", -1, name,
                 "a limit that is only preferred is wider than one that is not, as the widest "
                 "policy has it");
}

/* "1G", "0 (unset)", "unset". */
static const char *in_words(const Crib__Limits *limits, const struct limit_row *row, char *text,
                            size_t size)
{
    const struct unit_row *unit = unit_find("crib.Limits", row->name);
    uint64_t value = limit_value(limits, row);
    char number[UNIT_TEXT];

    if (!limit_is_set(limits, row) && value == UINT64_MAX)
        return "unset";
    snprintf(text, size, "%s%s", unit_write(unit, value, number),
             limit_is_set(limits, row) ? "" : " (unset)");
    return text;
}

/* A limit that the widest policy does not set may be set: whatever it is, it is one. */
static int check_row(struct within *w, const struct limit_row *row, const Crib__Limits *asked,
                     const Crib__Limits *most)
{
    uint64_t value = limit_value(asked, row), limit = limit_value(most, row);
    char less[64], more[64];

    if (limit == UINT64_MAX)
        return 0;
    if (value > limit)
        return WIDER(w, row->path, -1, NULL, "%s is wider than %s, as the widest policy has it",
                     in_words(asked, row, more, sizeof(more)),
                     in_words(most, row, less, sizeof(less)));
    if (row->zero && value == 0 && limit != 0)
        return WIDER(w, row->path, -1, NULL,
                     "0 is no limit that can be held; the widest policy has %s",
                     in_words(most, row, less, sizeof(less)));
    return limit_asks(most, row) ? check_preferred(w, asked, most, row->name) : 0;
}

static int check_cpuset(struct within *w, const Crib__Limits *asked, const Crib__Limits *most)
{
    struct cpuset set, of;
    char why[CPUSET_WHY];
    int beyond;

    if (!most->cpuset)
        return 0;
    if (!asked->cpuset)
        return WIDER(w, "limits.cpuset", -1, NULL,
                     "unset is wider than %s, as the widest policy has it", most->cpuset);
    if (cpuset_read(asked->cpuset, &set, why) < 0 || cpuset_read(most->cpuset, &of, why) < 0)
        return fail_text(w->err, -EINVAL, "limits.cpuset", -1, NULL, "%s", why);
    beyond = cpuset_beyond(&set, &of);
    if (beyond >= 0)
        return WIDER(w, "limits.cpuset", -1, NULL,
                     "processor %d is not among those of the widest policy, %s", beyond,
                     most->cpuset);
    return check_preferred(w, asked, most, "cpuset");
}

static int check_core(struct within *w, const Crib__Limits *asked, const Crib__Limits *most)
{
    bool wants = asked->has_core && asked->core, may = most->has_core && most->core;

    if (wants && !may)
        return WIDER(w, "limits.core", -1, NULL,
                     "`true` is wider than `false`, as the widest policy has it");
    if (!may && limit_is_preferred(asked, "core") && !limit_is_preferred(most, "core"))
        return WIDER(w, "limits.preferred", -1, "core",
                     "the widest policy does not only prefer that there are no core files");
    return 0;
}

int within_limits(struct within *w)
{
    const Crib__Limits *asked = w->policy->limits ? w->policy->limits : &no_limits;
    const Crib__Limits *most = w->widest->limits ? w->widest->limits : &no_limits;
    const struct limit_row *row = NULL;
    int r = check_core(w, asked, most);

    while (r == 0 && (row = limit_next(row)))
        r = check_row(w, row, asked, most);
    return r < 0 ? r : check_cpuset(w, asked, most);
}
