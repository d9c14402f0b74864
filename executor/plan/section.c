/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: a section is what the compiler makes of some rules that have one answer
 * (compiler/compiler.h); it says only whether one of them fits.
 *
 * A rule comes as its pieces (pieces.h). They are dealt out to layers, each of which becomes a
 * section: in one layer a call has at most MIXED pieces, or any number that look at one and the
 * same argument. A rule with exceptions has a layer to itself among those of its call, and before
 * it a section of the exceptions. When all are dealt, they are compiled at one go.
 */
#include "plan/filter.h"

#include <errno.h>
#include <string.h>

#include "compiler/compiler.h"

#define MIXED   16 /* with 64 that look at three arguments libseccomp was seen to take minutes */
#define SEVERAL 6  /* arguments are looked at, not one */

/* A piece on its way into a layer. */
struct dealt {
    int number; /* of the call */
    unsigned layer;
    struct piece piece;
};

struct deal {
    struct dealt *list;
    size_t count;
    unsigned layers;
};

/* The layer of a call that is being filled. */
struct filling {
    unsigned layer, count, argument;
};
/* Return: the one argument that a piece looks at; SEVERAL, also for none. */
static unsigned argument_of(const struct piece *piece)
{
    unsigned found = SEVERAL;

    for (unsigned i = 0; i < 6; i++) {
        if (piece->mask[i] && found != SEVERAL)
            return SEVERAL;
        if (piece->mask[i])
            found = i;
    }
    return found;
}

static int push(struct deal *deal, int number, unsigned layer, const struct piece *piece,
                struct arena *arena)
{
    struct dealt dealt = {number, layer, *piece};

    if (layer >= deal->layers)
        deal->layers = layer + 1;
    return arena_push_value(arena, &deal->list, &deal->count, &dealt, sizeof(dealt));
}

static int deal_piece(struct deal *deal, struct filling *filling, int number,
                      const struct piece *piece, struct arena *arena)
{
    unsigned argument = argument_of(piece);

    if (filling->count == 0)
        filling->argument = argument;
    if (filling->count >= MIXED && (argument == SEVERAL || argument != filling->argument))
        *filling = (struct filling){filling->layer + 1, 0, argument};
    if (argument != filling->argument)
        filling->argument = SEVERAL;
    filling->count++;
    return push(deal, number, filling->layer, piece, arena);
}

/* All rules but those with exceptions, which have their turn in deal_excepted(). */
static int deal_plain(const struct filter_list *list, struct arena *arena, struct deal *deal)
{
    struct filling filling[CALLS_LAST + 1] = {{0}};
    struct pieces pieces;
    int r = 0;

    for (size_t i = 0; r == 0 && i < list->count; i++) {
        const struct rule *rule = &list->rules[i];

        r = pieces_of(rule->conditions, rule->count, &pieces);
        if (r < 0 || pieces.exceptions)
            continue;
        for (size_t p = 0; r == 0 && p < pieces.count; p++)
            r = deal_piece(deal, &filling[rule->call->number], rule->call->number, &pieces.piece[p],
                           arena);
    }
    return r;
}

static int push_exceptions(struct deal *excepted, int number, unsigned layer,
                           const struct pieces *pieces, struct arena *arena)
{
    int r = 0;

    for (size_t e = 0; r == 0 && e < pieces->exceptions; e++)
        r = push(excepted, number, layer, &pieces->exception[e], arena);
    return r;
}

/* Layer n of both is for the same rules. */
static int deal_excepted(const struct filter_list *list, struct arena *arena, struct deal *excepted,
                         struct deal *rest)
{
    unsigned next[CALLS_LAST + 1] = {0};
    struct pieces pieces;
    int r = 0;

    for (size_t i = 0; r == 0 && i < list->count; i++) {
        int number = list->rules[i].call->number;

        r = pieces_of(list->rules[i].conditions, list->rules[i].count, &pieces);
        if (r < 0 || !pieces.exceptions)
            continue;
        for (size_t p = 0; r == 0 && p < pieces.count; p++) {
            unsigned layer = next[number] + (unsigned)p / MIXED;

            if (p % MIXED == 0)
                r = push_exceptions(excepted, number, layer, &pieces, arena);
            if (r == 0)
                r = push(rest, number, layer, &pieces.piece[p], arena);
        }
        next[number] += (unsigned)(pieces.count + MIXED - 1) / MIXED;
    }
    return r;
}

static int ask_piece(Crib__Compilation__Section *section, const struct dealt *dealt,
                     struct arena *arena)
{
    Crib__Compilation__Piece *piece =
        ARENA_NEW(arena, crib__compilation__piece, Crib__Compilation__Piece);
    uint32_t number = (uint32_t)dealt->number;
    int r = piece ? 0 : -ENOMEM;

    for (uint32_t i = 0; r == 0 && i < 6; i++) {
        uint64_t mask = dealt->piece.mask[i], value = dealt->piece.value[i];

        if (!mask)
            continue;
        r = arena_push_value(arena, &piece->args, &piece->n_args, &i, sizeof(i));
        if (r == 0)
            r = arena_push_value(arena, &piece->masks, &piece->n_masks, &mask, sizeof(mask));
        if (r == 0)
            r = arena_push_value(arena, &piece->values, &piece->n_values, &value, sizeof(value));
    }
    if (r < 0)
        return r;
    if (!piece->n_args)
        return arena_push_value(arena, &section->calls, &section->n_calls, &number, sizeof(number));
    piece->has_number = true;
    piece->number = number;
    return arena_push(arena, &section->pieces, &section->n_pieces, piece);
}

static int add_section(const struct deal *deal, unsigned layer, bool skips, uint32_t hit,
                       struct arena *arena, struct filter_sections *ret)
{
    struct filter_section section = {.skips = skips, .hit = hit};
    int r;

    section.asked = ARENA_NEW(arena, crib__compilation__section, Crib__Compilation__Section);
    r = section.asked ? 0 : -ENOMEM;
    for (size_t i = 0; r == 0 && i < deal->count; i++)
        if (deal->list[i].layer == layer)
            r = ask_piece(section.asked, &deal->list[i], arena);
    return r < 0 ? r : arena_push_value(arena, &ret->list, &ret->count, &section, sizeof(section));
}

int filter_deal(const struct filter_list *list, uint32_t hit, struct arena *arena,
                struct filter_sections *ret, struct crib_error *err)
{
    struct deal plain = {0}, excepted = {0}, rest = {0};
    int r = deal_plain(list, arena, &plain);

    if (r == 0)
        r = deal_excepted(list, arena, &excepted, &rest);
    for (unsigned layer = 0; r == 0 && layer < plain.layers; layer++)
        r = add_section(&plain, layer, false, hit, arena, ret);
    for (unsigned layer = 0; r == 0 && layer < rest.layers; layer++) {
        r = add_section(&excepted, layer, true, 0, arena, ret);
        if (r == 0)
            r = add_section(&rest, layer, false, hit, arena, ret);
    }
    return r < 0 ? fail_sys(err, r, "syscalls", -1, NULL, NULL) : 0;
}

/* Copied, since bytes of a message may lie at any address. */
static int take_program(struct filter_section *section, const ProtobufCBinaryData *told,
                        struct arena *arena)
{
    section->program.code = arena_alloc(arena, told->len);
    if (!section->program.code)
        return -ENOMEM;
    memcpy(section->program.code, told->data, told->len);
    section->program.len = told->len / sizeof(struct sock_filter);
    return 0;
}

int filter_compile(struct filter_sections *const sets[], size_t count, struct arena *arena,
                   struct crib_error *err)
{
    Crib__Compilation asked = CRIB__COMPILATION__INIT;
    Crib__Compiled *told;
    size_t n = 0;
    int r = 0;

    for (size_t set = 0; r == 0 && set < count; set++)
        for (size_t i = 0; r == 0 && i < sets[set]->count; i++)
            r = arena_push(arena, &asked.sections, &asked.n_sections, sets[set]->list[i].asked);
    if (r < 0)
        return fail_sys(err, r, "syscalls", -1, NULL, NULL);
    r = asked.n_sections ? compiler_ask(&asked, arena, &told, err) : 0;
    for (size_t set = 0; r == 0 && set < count; set++)
        for (size_t i = 0; r == 0 && i < sets[set]->count; i++)
            if (take_program(&sets[set]->list[i], &told->programs[n++], arena) < 0)
                r = fail_sys(err, -ENOMEM, "syscalls", -1, NULL, NULL);
    return r;
}
