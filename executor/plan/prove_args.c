/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: a program that deviates from its rules does so at a value that differs from
 * a rule's in a bit, in all bits below one, or by one, or that is put together from constants of
 * the rules and the program. These are tried on every argument that a rule of the call looks at,
 * with the other arguments at zero, at all ones, and at what each rule wants (of a call with MANY
 * rules, only the values around that rule's own, and the very values of the others); then calls of
 * each piece of each rule (pieces.h), and some whose arguments all are such values.
 */
#include <errno.h>
#include <linux/audit.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "plan/prove.h"

#define HALVES 512 /* values of half an argument that are tried */
#define PAIRED 48  /* of those, tried each with each; the others with the first FEW */
#define FEW    4
#define JOINT  400 /* calls of which all arguments are values of rules */
#define ALONE  50  /* of these, where all rules look at one argument: its values were tried */
#define MANY   16  /* rules; with more, not all values are tried with what each of them wants */

/* What one argument is tried with. */
struct values {
    uint64_t *list;
    size_t count, room;
    bool failed; /* out of memory */
};

static void values_done(struct values *values)
{
    free(values->list);
}

static void add(struct values *values, uint64_t value)
{
    if (values->count == values->room) {
        size_t room = values->room ? 2 * values->room : 512;
        uint64_t *list = realloc(values->list, room * sizeof(*list));

        values->failed = values->failed || !list;
        if (!list)
            return;
        values->list = list;
        values->room = room;
    }
    values->list[values->count++] = value;
}

/* A bit of a value flipped; of an ordered comparison with all below it clear or set, too. */
static void add_flipped(struct values *values, const struct condition *c, uint64_t value, int bit)
{
    bool ordered = c->op >= CONDITION_LT && c->op <= CONDITION_GE;
    uint64_t here = (uint64_t)1 << bit, flipped = value ^ here;

    add(values, flipped);
    if (!ordered)
        return;
    add(values, flipped | (here - 1));
    add(values, flipped & ~(here - 1));
}

/* Around one value of a condition: every bit, halves and all of it. */
static void add_around(struct values *values, const struct condition *c, uint64_t value)
{
    const uint64_t some[] = {
        value,      value | ~c->mask,   ~value,
        c->mask,    value ^ 0xffffffff, value ^ 0xffffffff00000000,
        0,          value & 0xffffffff, value & 0xffffffff00000000,
        UINT64_MAX, value << 32,        value >> 32,
        value + 1,  value - 1,
    };

    for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++)
        add(values, some[i]);
    for (int bit = 0; bit < 64; bit++)
        add_flipped(values, c, value, bit);
}

/* The distinct values that one half of an argument may be compared with. */
struct halves {
    uint32_t value[HALVES];
    size_t count;
};

static void add_half(struct halves *halves, uint32_t value)
{
    for (size_t i = 0; i < halves->count; i++)
        if (halves->value[i] == value)
            return;
    if (halves->count < HALVES)
        halves->value[halves->count++] = value;
}

/* Each half of one rule with each half of another, and with what the program itself compares. */
static void add_pairs(struct values *values, const struct halves *low, const struct halves *high)
{
    for (size_t l = 0; l < low->count; l++)
        for (size_t h = 0; h < high->count; h++)
            if ((l < PAIRED && h < PAIRED) || l < FEW || h < FEW)
                add(values, (uint64_t)high->value[h] << 32 | low->value[l]);
}

static void add_condition(struct values *values, struct halves *low, struct halves *high,
                          const struct condition *c)
{
    size_t count = c->count ? c->count : 1;

    for (size_t i = 0; i < count; i++) {
        uint64_t value = c->count ? c->values[i] : c->value;

        add_around(values, c, value);
        add_half(low, (uint32_t)value);
        add_half(high, (uint32_t)(value >> 32));
    }
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static void sort_once(struct values *values)
{
    size_t kept = 0;

    if (values->count)
        qsort(values->list, values->count, sizeof(values->list[0]), by_value);
    for (size_t i = 0; i < values->count; i++)
        if (!kept || values->list[kept - 1] != values->list[i])
            values->list[kept++] = values->list[i];
    values->count = kept;
}

static int collect(const struct proof *proof, unsigned arg, struct values *ret)
{
    struct halves low = {{0, UINT32_MAX}, 2}, high = low;

    for (size_t i = 0; i < proof->count; i++)
        for (size_t j = 0; j < proof->conditional[i]->count; j++)
            if (proof->conditional[i]->conditions[j].arg == arg)
                add_condition(ret, &low, &high, &proof->conditional[i]->conditions[j]);
    for (size_t i = 0; i < proof->n_constants; i++)
        if (proof->constants[i].arg == arg)
            add_half(proof->constants[i].high ? &high : &low, proof->constants[i].k);
    for (size_t i = 0; i < proof->n_constants; i++) /* both sides, after all the very values */
        if (proof->constants[i].arg == arg && proof->constants[i].ordered) {
            add_half(proof->constants[i].high ? &high : &low, proof->constants[i].k - 1);
            add_half(proof->constants[i].high ? &high : &low, proof->constants[i].k + 1);
        }
    add_pairs(ret, &low, &high);
    sort_once(ret);
    return ret->failed ? fail_sys(proof->err, -ENOMEM, "syscalls", -1, NULL, NULL) : 0;
}

static int collect_near(const struct proof *proof, size_t index, unsigned arg, struct values *ret)
{
    for (size_t i = 0; i < proof->count; i++)
        for (size_t j = 0; j < proof->conditional[i]->count; j++) {
            const struct condition *c = &proof->conditional[i]->conditions[j];

            if (c->arg != arg)
                continue;
            if (i == index)
                add_around(ret, c, c->value);
            add(ret, c->value);
            for (size_t n = 1; n < c->count; n++)
                add(ret, c->values[n]);
        }
    sort_once(ret);
    return ret->failed ? fail_sys(proof->err, -ENOMEM, "syscalls", -1, NULL, NULL) : 0;
}

static int try_values(struct proof *proof, const struct values *values,
                      const struct seccomp_data *others, unsigned arg)
{
    struct seccomp_data call = *others;
    int r = 0;

    for (size_t i = 0; r == 0 && i < values->count; i++) {
        call.args[arg] = values->list[i];
        proof->checked.values++;
        r = prove_run(proof, &call);
    }
    return r;
}

/* A call that is in a piece; what the piece leaves open is @rest. */
static struct seccomp_data call_in(uint32_t number, const struct piece *piece, uint64_t rest)
{
    struct seccomp_data call = prove_call_of(AUDIT_ARCH_X86_64, number, 0);

    for (int i = 0; i < 6; i++)
        call.args[i] = piece->value[i] | (rest & ~piece->mask[i]);
    return call;
}

/* Whether an earlier rule wants the same of the arguments beside @arg. */
static bool is_wanted_before(const struct seccomp_data *wants, size_t index, unsigned arg)
{
    for (size_t i = 0; i < index; i++) {
        bool same = true;

        for (unsigned a = 0; a < CALLS_ARGS; a++)
            same = same && (a == arg || wants[i].args[a] == wants[index].args[a]);
        if (same)
            return true;
    }
    return false;
}

/* @wants: what rule @index wants of the arguments beside @arg. */
static int try_wanted(struct proof *proof, const struct values *values, size_t index,
                      const struct seccomp_data *wants, unsigned arg)
{
    AUTO(values_done) struct values near = {0};
    int r;

    if (proof->count <= MANY)
        return try_values(proof, values, wants, arg);
    r = collect_near(proof, index, arg, &near);
    return r < 0 ? r : try_values(proof, &near, wants, arg);
}

/* What the other arguments are meanwhile matters only where conditions name several. */
static int try_beside(struct proof *proof, const struct values *values, uint32_t number,
                      unsigned arg)
{
    struct seccomp_data ones = prove_call_of(AUDIT_ARCH_X86_64, number, UINT64_MAX);
    struct seccomp_data wants[FILTER_CALL_RULES + 1] = {
        prove_call_of(AUDIT_ARCH_X86_64, number, 0)}; /* was tried */
    size_t count = 1;
    int r = 0;

    for (size_t i = 0; r == 0 && i < proof->count; i++) {
        const struct rule *rule = proof->conditional[i];

        if (!proof->pieces[i].count || (rule->count == 1 && rule->conditions[0].arg == arg))
            continue;
        wants[count] = call_in(number, &proof->pieces[i].piece[0], 0);
        if (is_wanted_before(wants, count, arg))
            continue;
        r = try_wanted(proof, values, i, &wants[count++], arg);
    }
    return r == 0 && count > 1 ? try_values(proof, values, &ones, arg) : r;
}

/* One argument through all its values, while the others stand still. */
static int try_arg(struct proof *proof, uint32_t number, unsigned arg)
{
    struct seccomp_data zeros = prove_call_of(AUDIT_ARCH_X86_64, number, 0);
    AUTO(values_done) struct values values = {0};
    int r = collect(proof, arg, &values);

    if (r == 0)
        r = try_values(proof, &values, &zeros, arg);
    return r < 0 ? r : try_beside(proof, &values, number, arg);
}

static int try_excepted(struct proof *proof, const struct pieces *pieces, struct seccomp_data call)
{
    int r = 0;

    for (size_t e = 0; r == 0 && e < pieces->exceptions; e++) {
        struct seccomp_data other = call;

        for (int arg = 0; arg < 6; arg++)
            other.args[arg] = (other.args[arg] & ~pieces->exception[e].mask[arg]) |
                              pieces->exception[e].value[arg];
        r = prove_run(proof, &other);
    }
    return r;
}

/* Calls in every piece of a rule, and in what it excepts. */
static int try_pieces(struct proof *proof, uint32_t number, const struct pieces *pieces)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < pieces->count; i++) {
        struct seccomp_data zeros = call_in(number, &pieces->piece[i], 0),
                            ones = call_in(number, &pieces->piece[i], UINT64_MAX);

        r = prove_run(proof, &zeros);
        if (r == 0)
            r = prove_run(proof, &ones);
        if (r == 0)
            r = try_excepted(proof, pieces, ones);
    }
    return r;
}

/* Return: below @n. */
static size_t pick(uint64_t *state, size_t n)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (size_t)((*state >> 32) * n >> 32);
}

/* Calls whose arguments are values of the rules, or next to them; the same ones every time. */
static int try_joint(struct proof *proof, uint32_t number, int tries)
{
    uint64_t state = number;
    int r = 0;

    for (int n = 0; r == 0 && n < tries; n++) {
        struct seccomp_data call = prove_call_of(AUDIT_ARCH_X86_64, number, 0);

        for (int i = 0; i < 8; i++) {
            const struct rule *rule = proof->conditional[pick(&state, proof->count)];
            const struct condition *c = &rule->conditions[pick(&state, rule->count)];
            uint64_t value = c->count ? c->values[pick(&state, c->count)] : c->value;

            call.args[c->arg] = value + pick(&state, 3) - 1;
            if (pick(&state, 4) == 0)
                call.args[c->arg] ^= (uint64_t)1 << pick(&state, 64);
        }
        r = prove_run(proof, &call);
    }
    return r;
}

int prove_args(struct proof *proof, uint32_t number)
{
    unsigned several = 0;
    int r = 0;

    for (unsigned arg = 0; r == 0 && arg < CALLS_ARGS; arg++) {
        bool looked_at = false;

        for (size_t i = 0; i < proof->count; i++)
            looked_at = looked_at || prove_looks_at(proof->conditional[i], arg);
        several += looked_at;
        if (looked_at)
            r = try_arg(proof, number, arg);
    }
    for (size_t i = 0; r == 0 && i < proof->count; i++)
        r = try_pieces(proof, number, &proof->pieces[i]);
    return r < 0 ? r : try_joint(proof, number, several > 1 ? JOINT : ALONE);
}
