/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/intersect_rule.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool has_condition(const struct rule *rule, const struct condition *condition)
{
    for (size_t i = 0; i < rule->count; i++)
        if (condition_compare(&rule->conditions[i], condition) == 0)
            return true;
    return false;
}

/* Whether a condition holds in each of the pieces. */
static bool always_holds(const struct pieces *pieces, const struct condition *c)
{
    for (size_t i = 0; i < pieces->count; i++)
        if (condition_outcome(c, pieces->piece[i].mask[c->arg], pieces->piece[i].value[c->arg]) !=
            ALWAYS)
            return false;
    return true;
}

/* Whether conditions, which must all hold, say a condition besides. */
static bool say(const struct rule *rule, const struct condition *c)
{
    struct pieces pieces;

    if (has_condition(rule, c))
        return true;
    return pieces_of(rule->conditions, rule->count, &pieces) == 0 && always_holds(&pieces, c);
}

bool rule_implies(const struct rule *one, const struct rule *other)
{
    if (one->call != other->call)
        return false;
    for (size_t i = 0; i < other->count; i++)
        if (!say(one, &other->conditions[i]))
            return false;
    return true;
}

/* Whether each call that fits @one breaks a condition of @other. */
static bool breaks(const struct rule *one, const struct rule *other)
{
    struct pieces pieces;

    if (pieces_of(one->conditions, one->count, &pieces) < 0)
        return false;
    for (size_t i = 0; i < pieces.count; i++) {
        bool broken = false;

        for (size_t j = 0; j < other->count && !broken; j++) {
            const struct condition *c = &other->conditions[j];

            broken = condition_outcome(c, pieces.piece[i].mask[c->arg],
                                       pieces.piece[i].value[c->arg]) == NEVER;
        }
        if (!broken)
            return false;
    }
    return true;
}

bool rule_apart(const struct rule *one, const struct rule *other)
{
    return one->call != other->call || breaks(one, other) || breaks(other, one);
}

/* The conditions of two rules, until they are one's. */
struct joined {
    struct condition list[2 * CONDITIONS_MAX];
    size_t count;
};

static int by_condition(const void *a, const void *b)
{
    return condition_compare(a, b);
}

static void join(const struct rule *one, const struct rule *other, struct joined *ret)
{
    size_t kept = 0;

    if (one->count)
        memcpy(ret->list, one->conditions, one->count * sizeof(ret->list[0]));
    if (other->count)
        memcpy(ret->list + one->count, other->conditions, other->count * sizeof(ret->list[0]));
    ret->count = one->count + other->count;
    qsort(ret->list, ret->count, sizeof(ret->list[0]), by_condition);
    for (size_t i = 0; i < ret->count; i++)
        if (!kept || condition_compare(&ret->list[kept - 1], &ret->list[i]) != 0)
            ret->list[kept++] = ret->list[i];
    ret->count = kept;
}

/* pieces_of() has room for so many that are no equality only. */
static bool are_too_many(const struct joined *joined)
{
    size_t count = 0;

    for (size_t i = 0; i < joined->count; i++)
        count += joined->list[i].op == CONDITION_NE;
    return count > CONDITIONS_MAX;
}

static void drop(struct joined *joined, size_t index)
{
    memmove(&joined->list[index], &joined->list[index + 1],
            (joined->count - index - 1) * sizeof(joined->list[0]));
    joined->count--;
}

/* Leaves out what the other conditions say already, so that what is left may be few enough. */
static void drop_implied(struct joined *joined)
{
    for (size_t i = joined->count; i > 0; i--) {
        struct joined others = *joined;
        struct pieces pieces;

        drop(&others, i - 1);
        if (pieces_of(others.list, others.count, &pieces) == 0 && pieces.count &&
            always_holds(&pieces, &joined->list[i - 1]))
            *joined = others;
    }
}

bool rule_both_imply(const struct rule *one, const struct rule *other, const struct rule *third)
{
    struct joined joined;
    struct rule both = *one;

    if (one->call != other->call || one->call != third->call)
        return false;
    join(one, other, &joined);
    both.conditions = joined.list;
    both.count = are_too_many(&joined) ? 0 : joined.count;
    for (size_t i = 0; i < third->count; i++)
        if (!say(one, &third->conditions[i]) && !say(other, &third->conditions[i]) &&
            !say(&both, &third->conditions[i]))
            return false;
    return true;
}

int rule_both(const struct rule *one, const struct rule *other, struct arena *arena,
              struct rule *ret)
{
    struct condition *list;
    struct pieces pieces;
    struct joined joined;

    *ret = *one;
    if (other->count == 0)
        return 1;
    join(one, other, &joined);
    if (are_too_many(&joined) || pieces_of(joined.list, joined.count, &pieces) < 0)
        return -E2BIG;
    if (!pieces.count)
        return 0;
    if (one->count)
        drop_implied(&joined);
    if (joined.count > CONDITIONS_MAX)
        return -E2BIG;
    list = arena_alloc(arena, joined.count * sizeof(*list));
    if (!list)
        return -ENOMEM;
    memcpy(list, joined.list, joined.count * sizeof(*list));
    ret->conditions = list;
    ret->count = joined.count;
    return 1;
}
