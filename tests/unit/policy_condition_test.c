/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions, and the pieces they come to, against each other and against plain arithmetic. */
#include "support/support.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/pieces.h"
#include "policy/rule.h"

static uint64_t seed = 1;

static uint64_t next(void)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return seed >> 24 ^ seed << 40;
}

static uint64_t below(uint64_t n)
{
    return next() % n;
}

/* Return: how many rounds; $CRIB_RANDOM_ROUNDS for a long run. */
static long rounds(long usual)
{
    const char *asked = getenv("CRIB_RANDOM_ROUNDS");

    return asked ? atol(asked) : usual;
}

static void test_what_each_comparison_means(void **state)
{
    static const struct {
        enum condition_op op;
        uint64_t mask, value, argument;
        bool holds;
    } rows[] = {
        {CONDITION_EQ, UINT32_MAX, 5, 5, true},
        {CONDITION_EQ, UINT32_MAX, 5, 1ull << 32 | 5, true},
        {CONDITION_EQ, UINT64_MAX, 5, 1ull << 32 | 5, false},
        {CONDITION_NE, UINT32_MAX, 5, 1ull << 32 | 5, false},
        {CONDITION_NE, UINT32_MAX, 5, 4, true},
        {CONDITION_LT, UINT64_MAX, 0x100000005, 0x100000004, true},
        {CONDITION_LT, UINT64_MAX, 0x100000005, 0x100000005, false},
        {CONDITION_LT, UINT64_MAX, 0x100000005, 0xffffffff, true},
        {CONDITION_LT, UINT64_MAX, 0x100000005, 0x200000000, false},
        {CONDITION_LT, UINT32_MAX, 5, 1ull << 32, true},
        {CONDITION_LE, UINT64_MAX, 5, 5, true},
        {CONDITION_LE, UINT64_MAX, 5, 6, false},
        {CONDITION_GT, UINT32_MAX, 5, 5, false},
        {CONDITION_GT, UINT32_MAX, 5, 0xffffffff, true}, /* unsigned: not -1 */
        {CONDITION_GE, 0xff, 5, 0x104, false},
        {CONDITION_GE, 0xff, 5, 0x105, true},
        {CONDITION_WITHIN, UINT64_MAX, 6, 4, true},
        {CONDITION_WITHIN, UINT64_MAX, 6, 0, true},
        {CONDITION_WITHIN, UINT64_MAX, 6, 7, false},
        {CONDITION_WITHIN, UINT32_MAX, 6, 1ull << 40 | 2, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct condition c = {.op = rows[i].op, .mask = rows[i].mask, .value = rows[i].value};

        if (condition_holds(&c, rows[i].argument) != rows[i].holds)
            fail_msg("row %zu", i);
    }
}

static const uint64_t widths[] = {UINT16_MAX, UINT32_MAX, UINT64_MAX};

/* A value with runs of equal bits, as constants have. */
static uint64_t random_value(void)
{
    switch (below(5)) {
    case 0:
        return below(20);
    case 1:
        return (uint64_t)1 << below(64);
    case 2:
        return next();
    case 3:
        return 0x100000005 * below(4) + below(3);
    default:
        return UINT64_MAX << below(64);
    }
}

static struct condition random_condition(uint64_t values[4])
{
    struct condition c = {.op = (enum condition_op)below(8), .arg = (unsigned)below(3)};

    c.mask = widths[below(3)];
    if (c.op != CONDITION_WITHIN && below(3) == 0)
        c.mask &= random_value();
    if (!c.mask)
        c.mask = 0xff;
    c.value = random_value() & c.mask;
    if (c.op != CONDITION_IN)
        return c;
    for (int i = 0; i < 4; i++)
        values[i] = random_value() & c.mask;
    c.values = values;
    c.count = 4;
    return c;
}

static uint64_t random_argument(const struct condition *list, size_t count)
{
    const struct condition *c = &list[below(count)];
    uint64_t value = (c->count ? c->values[below(c->count)] : c->value) + below(3) - 1;

    if (below(3) == 0)
        value ^= (uint64_t)1 << below(64);
    return below(8) ? value : next();
}

static bool in_pieces(const struct pieces *pieces, const uint64_t args[6])
{
    bool in = false;

    for (size_t i = 0; i < pieces->count && !in; i++)
        in = piece_has(&pieces->piece[i], args);
    for (size_t i = 0; i < pieces->exceptions && in; i++)
        in = !piece_has(&pieces->exception[i], args);
    return in;
}

static void test_pieces_are_what_the_conditions_say(void **state)
{
    long refused = 0, held = 0, all = rounds(20000);

    (void)state;
    for (long round = 0; round < all; round++) {
        uint64_t values[3][4];
        struct condition list[3];
        struct rule rule = {.conditions = list, .count = 1 + below(3)};
        struct pieces pieces;

        for (size_t i = 0; i < rule.count; i++)
            list[i] = random_condition(values[i]);
        if (pieces_of(list, rule.count, &pieces) < 0) {
            refused++;
            continue;
        }
        for (int n = 0; n < 100; n++) {
            uint64_t args[6] = {0};

            for (int arg = 0; arg < 3; arg++)
                args[arg] = random_argument(list, rule.count);
            held += rule_fits(&rule, args);
            if (in_pieces(&pieces, args) != rule_fits(&rule, args))
                fail_msg("round %ld: %#lx %#lx %#lx", round, args[0], args[1], args[2]);
        }
    }
    assert_true(refused < all / 4 && held > all);
}

/* What is said of all arguments of which some bits are known is true of each that is tried. */
static void test_outcomes_hold_for_every_argument(void **state)
{
    size_t certain = 0;
    long all = rounds(50000);

    (void)state;
    for (long round = 0; round < all; round++) {
        uint64_t values[4], known = below(2) ? random_value() : UINT64_MAX << below(64);
        struct condition c = random_condition(values);
        uint64_t bits = random_argument(&c, 1) & known;
        enum outcome outcome = condition_outcome(&c, known, bits);

        certain += outcome != SOMETIMES;
        for (int n = 0; n < 30; n++) {
            uint64_t argument = bits | (random_argument(&c, 1) & ~known);
            bool holds = condition_holds(&c, argument);

            if ((outcome == ALWAYS && !holds) || (outcome == NEVER && holds))
                fail_msg("round %ld: %d of %#lx", round, (int)outcome, argument);
        }
    }
    assert_true(certain > (size_t)all / 4);
}

static size_t pieces_in(enum condition_op op, uint64_t mask, uint64_t value)
{
    struct condition c = {.op = op, .mask = mask, .value = value};
    struct pieces pieces;

    assert_int_equal(pieces_of(&c, 1, &pieces), 0);
    return pieces.count;
}

static void test_no_more_pieces_than_it_takes(void **state)
{
    struct condition two[] = {{.op = CONDITION_NE, .mask = UINT32_MAX, .value = 1},
                              {.op = CONDITION_NE, .arg = 1, .mask = UINT32_MAX, .value = 2}};
    struct condition wide[] = {
        {.op = CONDITION_LT, .mask = UINT64_MAX, .value = UINT64_MAX},
        {.op = CONDITION_LT, .arg = 1, .mask = UINT64_MAX, .value = UINT64_MAX},
    };
    struct pieces pieces;

    (void)state;
    assert_int_equal(pieces_in(CONDITION_LT, UINT64_MAX, 1024), 1);
    assert_int_equal(pieces_in(CONDITION_LE, UINT64_MAX, 1023), 1);
    assert_int_equal(pieces_in(CONDITION_GE, UINT64_MAX, 1ull << 63), 1);
    assert_int_equal(pieces_in(CONDITION_LT, UINT64_MAX, UINT64_MAX), 64);
    assert_int_equal(pieces_in(CONDITION_GT, UINT64_MAX, 0), 64);
    assert_int_equal(pieces_in(CONDITION_LT, UINT64_MAX, 0x100000005), 3);
    assert_int_equal(pieces_of(two, 2, &pieces), 0);
    assert_int_equal(pieces.count, 1);
    assert_int_equal(pieces.exceptions, 2);
    assert_int_equal(pieces_of(wide, 2, &pieces), -E2BIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_each_comparison_means),
        cmocka_unit_test(test_pieces_are_what_the_conditions_say),
        cmocka_unit_test(test_outcomes_hold_for_every_argument),
        cmocka_unit_test(test_no_more_pieces_than_it_takes),
    };

    return test_run(tests);
}
