/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/pieces.h"

#include <errno.h>
#include <string.h>

bool piece_has(const struct piece *piece, const uint64_t args[6])
{
    for (int i = 0; i < 6; i++)
        if ((args[i] & piece->mask[i]) != piece->value[i])
            return false;
    return true;
}

bool piece_within(const struct piece *inner, const struct piece *outer)
{
    for (int i = 0; i < 6; i++)
        if (outer->mask[i] & ~inner->mask[i] ||
            (inner->value[i] & outer->mask[i]) != outer->value[i])
            return false;
    return true;
}

bool piece_meets(const struct piece *a, const struct piece *b)
{
    for (int i = 0; i < 6; i++)
        if ((a->value[i] ^ b->value[i]) & a->mask[i] & b->mask[i])
            return false;
    return true;
}

/* Adds a piece unless another has all of it; drops those that it has in it. */
static int add(struct pieces *pieces, const struct piece *piece)
{
    size_t kept = 0;

    for (size_t i = 0; i < pieces->count; i++)
        if (piece_within(piece, &pieces->piece[i]))
            return 0;
    for (size_t i = 0; i < pieces->count; i++)
        if (!piece_within(&pieces->piece[i], piece))
            pieces->piece[kept++] = pieces->piece[i];
    pieces->count = kept;
    if (kept == PIECES_MAX)
        return -E2BIG;
    pieces->piece[pieces->count++] = *piece;
    return 0;
}

/* Cuts every piece of @of with one more equality, and adds what is left of it to @ret. */
static int cut(const struct pieces *of, unsigned arg, uint64_t mask, uint64_t value,
               struct pieces *ret)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < of->count; i++) {
        struct piece piece = of->piece[i];

        if ((piece.value[arg] ^ value) & piece.mask[arg] & mask)
            continue;
        piece.mask[arg] |= mask;
        piece.value[arg] |= value;
        r = add(ret, &piece);
    }
    return r;
}

/* What is below (@above: over) @value: for each bit that is set there (clear), the arguments that
 * are the same in the bits over it and differ in it. */
static int cut_ordered(const struct pieces *of, const struct condition *c, uint64_t mask,
                       bool above, struct pieces *ret)
{
    int r = 0;

    for (int bit = 63; r == 0 && bit >= 0; bit--) {
        uint64_t here = (uint64_t)1 << bit, over = bit == 63 ? 0 : mask & ~(here * 2 - 1);

        if (mask & here && above == !(c->value & here))
            r = cut(of, c->arg, over | here, (c->value & over) | (above ? here : 0), ret);
    }
    return r;
}

/* The mask without its lowest bits, as long as those of @value are @set: they cannot matter where
 * equality is good enough. */
static uint64_t without_tail(uint64_t mask, uint64_t value, bool set)
{
    for (int bit = 0; bit < 64; bit++) {
        uint64_t here = (uint64_t)1 << bit;

        if (mask & here && set == !(value & here))
            break;
        mask &= ~here;
    }
    return mask;
}

static int cut_or_equal(const struct pieces *of, const struct condition *c, struct pieces *ret)
{
    bool above = c->op == CONDITION_GE;
    uint64_t mask = without_tail(c->mask, c->value, !above);
    int r = cut_ordered(of, c, mask, above, ret);

    return r < 0 ? r : cut(of, c->arg, mask, c->value & mask, ret);
}

static int cut_values(const struct pieces *of, const struct condition *c, struct pieces *ret)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < c->count; i++)
        r = cut(of, c->arg, c->mask, c->values[i], ret);
    return r;
}

static int cut_condition(const struct pieces *of, const struct condition *c, struct pieces *ret)
{
    switch (c->op) {
    case CONDITION_EQ:
        return cut(of, c->arg, c->mask, c->value, ret);
    case CONDITION_WITHIN:
        return cut(of, c->arg, c->mask & ~c->value, 0, ret);
    case CONDITION_LT:
    case CONDITION_GT:
        return cut_ordered(of, c, c->mask, c->op == CONDITION_GT, ret);
    case CONDITION_LE:
    case CONDITION_GE:
        return cut_or_equal(of, c, ret);
    case CONDITION_IN:
        return cut_values(of, c, ret);
    case CONDITION_NE:
        break;
    }
    return -EINVAL;
}

static void except(struct pieces *pieces, const struct condition *c)
{
    struct piece *exception = &pieces->exception[pieces->exceptions++];

    memset(exception, 0, sizeof(*exception));
    exception->mask[c->arg] = c->mask;
    exception->value[c->arg] = c->value;
}

static void drop_excepted(struct pieces *pieces)
{
    size_t kept = 0;

    for (size_t i = 0; i < pieces->count; i++) {
        bool gone = false;

        for (size_t e = 0; e < pieces->exceptions; e++)
            gone = gone || piece_within(&pieces->piece[i], &pieces->exception[e]);
        if (!gone)
            pieces->piece[kept++] = pieces->piece[i];
    }
    pieces->count = kept;
}

int pieces_of(const struct condition *conditions, size_t count, struct pieces *ret)
{
    struct pieces next;
    int r = 0;

    ret->count = 1;
    ret->exceptions = 0;
    memset(&ret->piece[0], 0, sizeof(ret->piece[0]));
    for (size_t i = 0; r == 0 && i < count; i++) {
        if (conditions[i].op == CONDITION_NE) {
            except(ret, &conditions[i]);
            continue;
        }
        next.count = 0;
        r = cut_condition(ret, &conditions[i], &next);
        memcpy(ret->piece, next.piece, next.count * sizeof(next.piece[0]));
        ret->count = next.count;
    }
    drop_excepted(ret);
    return r;
}
