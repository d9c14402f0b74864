/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "policy/check.h"
#include "policy/cpuset.h"
#include "policy/limits.h"
#include "text/utf8.h"

#define PATH_BYTES 64 /* hold `limits.preferred[N]` */
#define WORDS_MAX  32 /* fields of Limits */

/* The names that `preferred` may hold are the other fields of its message. */
static void read_names(const char *ret[WORDS_MAX + 1])
{
    const ProtobufCMessageDescriptor *type = &crib__limits__descriptor;
    size_t n = 0;

    for (unsigned i = 0; i < type->n_fields && n < WORDS_MAX; i++)
        if (type->fields[i].label != PROTOBUF_C_LABEL_REPEATED)
            ret[n++] = type->fields[i].name;
    ret[n] = NULL;
}

static bool is_known(const char *word, const char *const *known)
{
    while (*known && strcmp(*known, word) != 0)
        known++;
    return *known;
}

static int check_preferred(const struct policy_check *check, const Crib__Limits *limits)
{
    char path[PATH_BYTES], shown[UTF8_SHOWN], hint[96];
    const char *known[WORDS_MAX + 1];

    read_names(known);
    for (size_t i = 0; i < limits->n_preferred; i++) {
        const char *word = limits->preferred[i];

        if (is_known(word, known))
            continue;
        snprintf(path, sizeof(path), "limits.preferred[%zu]", i);
        return policy_refuse(check, path, -EINVAL, "unknown limit '%s'%s",
                             utf8_shown(shown, word, strlen(word)),
                             text_did_you_mean(hint, sizeof(hint), word, known));
    }
    return 0;
}

static int check_numbers(const struct policy_check *check, const Crib__Limits *limits)
{
    for (const struct limit_row *row = limit_next(NULL); row; row = limit_next(row))
        if (row->zero && limit_is_set(limits, row) && limit_value(limits, row) == 0)
            return policy_refuse(check, row->path, -EINVAL, "%s", row->zero);
    if (limits->has_io_weight && limits->io_weight > LIMIT_WEIGHT_MOST)
        return policy_refuse(check, "limits.io_weight", -EINVAL,
                             "%u is too much: a weight is 1 to %d", limits->io_weight,
                             LIMIT_WEIGHT_MOST);
    return 0;
}

int policy_check_limits(const struct policy_check *check)
{
    const Crib__Limits *limits = check->policy->limits;
    char why[CPUSET_WHY];
    struct cpuset set;
    int r;

    if (!limits)
        return 0;
    r = check_preferred(check, limits);
    if (r == 0)
        r = check_numbers(check, limits);
    if (r == 0 && limits->cpuset && cpuset_read(limits->cpuset, &set, why) < 0)
        return policy_refuse(check, "limits.cpuset", -EINVAL, "%s", why);
    return r;
}
