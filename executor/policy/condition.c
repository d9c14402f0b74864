/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/condition.h"

static bool is_one_of(const struct condition *c, uint64_t value)
{
    for (size_t i = 0; i < c->count; i++)
        if (c->values[i] == value)
            return true;
    return false;
}

bool condition_holds(const struct condition *c, uint64_t argument)
{
    uint64_t value = argument & c->mask;

    switch (c->op) {
    case CONDITION_EQ:
        return value == c->value;
    case CONDITION_NE:
        return value != c->value;
    case CONDITION_LT:
        return value < c->value;
    case CONDITION_LE:
        return value <= c->value;
    case CONDITION_GT:
        return value > c->value;
    case CONDITION_GE:
        return value >= c->value;
    case CONDITION_WITHIN:
        return !(value & ~c->value);
    case CONDITION_IN:
        return is_one_of(c, value);
    }
    return false;
}

/* What is known of an argument, under the mask of a condition. */
struct range {
    uint64_t known, bits;
    uint64_t least, most; /* both can be */
};

static bool may_equal(const struct range *range, uint64_t value)
{
    return !((range->bits ^ value) & range->known);
}

static enum outcome on_equality(const struct range *range, uint64_t mask, uint64_t value)
{
    if (!may_equal(range, value))
        return NEVER;
    return range->known == mask ? ALWAYS : SOMETIMES;
}

static enum outcome on_one_of(const struct range *range, const struct condition *c)
{
    enum outcome outcome = NEVER;

    for (size_t i = 0; i < c->count && outcome != ALWAYS; i++) {
        enum outcome one = on_equality(range, c->mask, c->values[i]);

        outcome = one > outcome ? one : outcome;
    }
    return outcome;
}

/* Of a comparison that holds for all that is small enough. */
static enum outcome on_below(const struct range *range, uint64_t limit, bool equal)
{
    if (range->most < limit || (equal && range->most == limit))
        return ALWAYS;
    return range->least > limit || (!equal && range->least == limit) ? NEVER : SOMETIMES;
}

static enum outcome opposite(enum outcome outcome)
{
    return (enum outcome)(ALWAYS - outcome);
}

enum outcome condition_outcome(const struct condition *c, uint64_t known, uint64_t bits)
{
    struct range range = {.known = known & c->mask, .bits = bits & c->mask};

    range.least = range.bits;
    range.most = range.bits | (c->mask & ~known);
    switch (c->op) {
    case CONDITION_EQ:
        return on_equality(&range, c->mask, c->value);
    case CONDITION_NE:
        return opposite(on_equality(&range, c->mask, c->value));
    case CONDITION_LT:
    case CONDITION_LE:
        return on_below(&range, c->value, c->op == CONDITION_LE);
    case CONDITION_GT:
    case CONDITION_GE:
        return opposite(on_below(&range, c->value, c->op == CONDITION_GT));
    case CONDITION_WITHIN:
        if (range.bits & ~c->value)
            return NEVER;
        return range.most & ~c->value ? SOMETIMES : ALWAYS;
    case CONDITION_IN:
        return on_one_of(&range, c);
    }
    return SOMETIMES;
}

int condition_compare(const struct condition *a, const struct condition *b)
{
    const uint64_t pairs[][2] = {{a->arg, b->arg},
                                 {a->mask, b->mask},
                                 {a->op, b->op},
                                 {a->value, b->value},
                                 {a->count, b->count}};

    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
        if (pairs[i][0] != pairs[i][1])
            return pairs[i][0] < pairs[i][1] ? -1 : 1;
    for (size_t i = 0; i < a->count; i++)
        if (a->values[i] != b->values[i])
            return a->values[i] < b->values[i] ? -1 : 1;
    return 0;
}
