/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/shape.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

enum how { VALUE, FLAGS, PROT, ZERO };

static const struct shape {
    const char *call;
    unsigned arg;
    enum how how;
    uint64_t mask; /* 0: all that the kernel looks at */
} shapes[] = {
#define SHAPE(call, arg, how, mask) {#call, arg, how, mask},
#include "learn/shapes.def"
#undef SHAPE
};

#define SHAPES (sizeof(shapes) / sizeof(shapes[0]))

static uint64_t mask_of(const struct call *call, const struct shape *shape)
{
    unsigned bits = call->args[shape->arg].bits;

    if (shape->mask)
        return shape->mask;
    return bits >= 64 ? UINT64_MAX : (1ULL << bits) - 1;
}

static const struct shape *shape_of(const struct call *call, unsigned arg)
{
    for (size_t i = 0; i < SHAPES; i++)
        if (shapes[i].arg == arg && strcmp(shapes[i].call, call->name) == 0)
            return &shapes[i];
    return NULL;
}

/* Return: whether there is something to ask of the argument. */
static bool shape_condition(const struct call *call, const struct shape *shape, uint64_t arg,
                            struct condition *ret)
{
    uint64_t mask = mask_of(call, shape);
    bool within = shape->how == FLAGS || shape->how == PROT;

    *ret = (struct condition){.op = within ? CONDITION_WITHIN : CONDITION_EQ,
                              .arg = shape->arg,
                              .mask = mask,
                              .value = arg & mask};
    if (within)
        return ret->value != mask; /* all bits would hold always */
    return shape->how != ZERO || ret->value == 0;
}

int shape_rule(const struct call *call, const uint64_t *args, struct arena *arena, struct rule *ret)
{
    struct condition found[CALLS_ARGS], *kept;
    size_t count = 0;

    for (unsigned arg = 0; arg < call->count; arg++) {
        const struct shape *shape = shape_of(call, arg);

        if (shape && shape_condition(call, shape, args[arg], &found[count]))
            count++;
    }
    *ret = (struct rule){.call = call, .count = count};
    if (!count)
        return 0;
    kept = arena_alloc(arena, count * sizeof(*kept));
    if (!kept)
        return -ENOMEM;
    memcpy(kept, found, count * sizeof(*kept));
    ret->conditions = kept;
    return 0;
}

static bool can_execute(const struct condition *c)
{
    return (c->value & PROT_EXEC) != 0;
}

/* Return: whether two conditions on one argument may become one. */
static bool may_join(const struct call *call, const struct condition *a, const struct condition *b)
{
    const struct shape *shape = shape_of(call, a->arg);

    if (condition_compare(a, b) == 0)
        return true;
    if (!shape || a->arg != b->arg || a->mask != b->mask || a->op != CONDITION_WITHIN ||
        b->op != CONDITION_WITHIN || (a->value | b->value) == a->mask)
        return false;
    return shape->how == FLAGS || (shape->how == PROT && can_execute(a) == can_execute(b));
}

int shape_join(struct rule *onto, const struct rule *other, struct arena *arena)
{
    struct condition *joined;

    if (onto->call != other->call || onto->count != other->count || onto->code != other->code)
        return 0;
    for (size_t i = 0; i < onto->count; i++)
        if (!may_join(onto->call, &onto->conditions[i], &other->conditions[i]))
            return 0;
    if (!onto->count)
        return 1;
    joined = arena_alloc(arena, onto->count * sizeof(*joined));
    if (!joined)
        return -ENOMEM;
    memcpy(joined, onto->conditions, onto->count * sizeof(*joined));
    for (size_t i = 0; i < onto->count; i++)
        joined[i].value |= other->conditions[i].value;
    onto->conditions = joined;
    return 1;
}

static bool condition_within(const struct condition *inner, const struct condition *outer)
{
    if (condition_compare(inner, outer) == 0)
        return true;
    if (inner->arg != outer->arg || inner->mask != outer->mask || outer->op != CONDITION_WITHIN)
        return false;
    return (inner->op == CONDITION_WITHIN || inner->op == CONDITION_EQ) &&
           !(inner->value & ~outer->value);
}

bool shape_within(const struct rule *inner, const struct rule *outer)
{
    if (inner->call != outer->call)
        return false;
    for (size_t i = 0; i < outer->count; i++) {
        bool held = false;

        for (size_t k = 0; k < inner->count; k++)
            held = held || condition_within(&inner->conditions[k], &outer->conditions[i]);
        if (!held)
            return false;
    }
    return true;
}
