/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "init/told.h"

#define MS     1000ull
#define SECOND (1000 * MS)

/* What was sent, and whether the next can be. */
struct sent {
    uint64_t messages, calls;
    bool full;
    struct sighting last;
    uint64_t last_count;
};

static int take(void *data, const struct sighting *sighting, uint64_t count)
{
    struct sent *sent = data;

    if (sent->full)
        return -EAGAIN;
    sent->messages++;
    sent->calls += count;
    sent->last_count = count;
    sighting_copy(&sent->last, sighting);
    return 0;
}

/* One call of a rule, its first argument as given. */
static void call(struct told *told, int by, uint64_t arg, uint64_t now)
{
    struct told_key key = {.by = by, .number = 7, .answer = 1};
    struct sighting *sighting = calloc(1, sizeof(*sighting));

    sighting->by = by;
    sighting->number = 7;
    sighting->answer = 1;
    sighting->args[0] = arg;
    told_add(told, told_open(told, &key, now), sighting, now);
    free(sighting);
}

static void test_the_first_is_told_at_once_the_same_again_is_counted(void **state)
{
    struct sent sent = {0};
    struct told *told = told_new(take, &sent);

    (void)state;
    call(told, 0, 1, SECOND);
    assert_int_equal(sent.messages, 1);
    assert_int_equal(told_due(told, SECOND), -1);
    for (int i = 0; i < 1000; i++)
        call(told, 0, 1, SECOND + 10 * MS);
    assert_int_equal(sent.messages, 1);
    assert_in_range(told_due(told, SECOND + 10 * MS), 1, 91);
    told_flush(told, SECOND + 99 * MS);
    assert_int_equal(sent.messages, 1);
    assert_int_equal(told_due(told, SECOND + 100 * MS), 0);
    told_flush(told, SECOND + 100 * MS);
    assert_int_equal(sent.messages, 2);
    assert_int_equal(sent.last_count, 1000);
    assert_int_equal(told_due(told, SECOND + 100 * MS), -1);
    told_free(told);
}

/* Each with what is its own; but not for ever. */
static void test_a_few_that_differ_are_told_at_once(void **state)
{
    struct sent sent = {0};
    struct told *told = told_new(take, &sent);

    (void)state;
    for (uint64_t i = 0; i < 5; i++)
        call(told, 0, i, SECOND);
    assert_int_equal(sent.messages, 5);
    for (uint64_t i = 0; i < 995; i++)
        call(told, 0, i, SECOND + MS);
    assert_in_range(sent.messages, 6, 20);
    told_flush(told, SECOND + 200 * MS);
    assert_int_equal(sent.calls, 1000);
    assert_int_equal(sent.last.args[0], 994);
    told_free(told);
}

static void test_rules_are_counted_apart(void **state)
{
    struct sent sent = {0};
    struct told *told = told_new(take, &sent);

    (void)state;
    for (int i = 0; i < 100; i++) {
        call(told, 0, 1, SECOND);
        call(told, 1, 1, SECOND);
        call(told, -1, 1, SECOND);
    }
    assert_int_equal(sent.messages, 3);
    told_flush(told, SECOND + 100 * MS);
    assert_int_equal(sent.messages, 6);
    assert_int_equal(sent.calls, 300);
    told_free(told);
}

/* However many rules: bounded messages a second, and what waits is not lost. */
static void test_a_second_has_a_cap(void **state)
{
    struct sent sent = {0};
    struct told *told = told_new(take, &sent);

    (void)state;
    for (int round = 0; round < 9; round++) {
        uint64_t now = SECOND + (uint64_t)round * 100 * MS;

        for (int by = 0; by < 100; by++)
            for (int i = 0; i < 10; i++)
                call(told, by, (uint64_t)i, now);
        told_flush(told, now);
    }
    assert_in_range(sent.messages, 1, 400);
    told_finish(told);
    assert_int_equal(sent.calls + told_lost(told), 9000);
    assert_int_equal(told_lost(told), 0);
    told_free(told);
}

/* More rules than the table has room for: bounded memory, exact sums. */
static void test_a_full_table_loses_and_says_so(void **state)
{
    struct sent sent = {0};
    struct told *told = told_new(take, &sent);

    (void)state;
    for (int by = 0; by < 20000; by++)
        call(told, by, 1, SECOND);
    for (int by = 0; by < 20000; by++)
        call(told, by, 1, SECOND);
    told_finish(told);
    assert_true(told_lost(told) > 0);
    assert_int_equal(sent.calls + told_lost(told), 40000);
    told_free(told);
}

static void test_what_cannot_be_sent_waits_and_is_lost_at_the_end(void **state)
{
    struct sent sent = {.full = true};
    struct told *told = told_new(take, &sent);

    (void)state;
    for (int i = 0; i < 10; i++)
        call(told, 0, 1, SECOND);
    told_flush(told, 2 * SECOND);
    assert_int_equal(told_lost(told), 0);
    sent.full = false;
    told_flush(told, 3 * SECOND);
    assert_int_equal(sent.last_count, 10);
    sent.full = true;
    for (int i = 0; i < 10; i++)
        call(told, 0, 1, 4 * SECOND);
    told_finish(told);
    assert_int_equal(told_lost(told), 10);
    assert_int_equal(sent.calls, 10);
    told_free(told);
}

/* A flood does not read memory at each call. */
static void test_looks_are_few(void **state)
{
    struct told_key key = {.by = 3};
    struct sent sent = {0};
    struct told *told = told_new(take, &sent);
    unsigned looks = 0;

    (void)state;
    for (int i = 0; i < 100000; i++) {
        uint64_t now = SECOND + (uint64_t)i * 10;
        struct sighting sighting = {.by = 3, .args = {(uint64_t)i}};
        struct told_slot *slot = told_open(told, &key, now);

        looks += told_look(told, slot, now);
        told_add(told, slot, &sighting, now);
        told_flush(told, now);
    }
    assert_in_range(looks, 1, 200);
    assert_false(told_look(told, NULL, SECOND));
    told_finish(told);
    assert_int_equal(sent.calls, 100000);
    told_free(told);
}

/* Random floods at random times: no call is told twice or forgotten. */
static void test_sums_are_exact(void **state)
{
    struct sent sent = {0};
    struct told *told = told_new(take, &sent);
    uint64_t now = SECOND, seed = 88172645463325252ull;

    (void)state;
    for (int i = 0; i < 200000; i++) {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        now += seed % 977;
        sent.full = seed >> 40 & 1;
        call(told, (int)(seed >> 20 & 1023) - 1, seed >> 50 & 3, now);
        if (seed % 64 == 0)
            told_flush(told, now);
    }
    told_finish(told);
    assert_int_equal(sent.calls + told_lost(told), 200000);
    told_free(told);
}

static void test_texts_are_kept(void **state)
{
    struct told_key key = {.by = 1};
    struct sent sent = {0};
    struct told *told = told_new(take, &sent);
    struct sighting sighting = {.program_len = 2, .program = "sh", .kind = 1, .object_len = 4};

    (void)state;
    memcpy(sighting.object, "/etc", 4);
    sighting.file = (struct sighting_file){.known = true, .code = -2, .path_len = 5};
    memcpy(sighting.file.path, "/etc2", 5);
    told_add(told, told_open(told, &key, SECOND), &sighting, SECOND);
    assert_memory_equal(sent.last.program, "sh", 2);
    assert_int_equal(sent.last.object_len, 4);
    assert_memory_equal(sent.last.object, "/etc", 4);
    assert_int_equal(sent.last.file.code, -2);
    assert_memory_equal(sent.last.file.path, "/etc2", 5);
    told_free(told);
}

/* A task that is traced cannot hide a refusal behind a flood of paths. */
static void test_a_refusal_has_room_among_traced_calls(void **state)
{
    struct sent sent = {0};
    struct told *told = told_new(take, &sent);
    struct sighting *sighting = calloc(1, sizeof(*sighting));

    (void)state;
    sent.full = true;
    for (uint64_t i = 0; i < 100000; i++) {
        struct told_key key = {.by = 3, .number = 9, .traced = true, .where = i};

        told_add(told, told_open(told, &key, SECOND), sighting, SECOND);
    }
    sent.full = false;
    for (int by = 0; by < 100; by++)
        call(told, by, 1, SECOND + MS);
    assert_int_equal(sent.messages, 100);
    told_finish(told);
    assert_true(sent.messages > 400); /* most of the traced kept theirs */
    assert_int_equal(told_due(told, SECOND), -1);
    free(sighting);
    told_free(told);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_refusal_has_room_among_traced_calls),
        cmocka_unit_test(test_the_first_is_told_at_once_the_same_again_is_counted),
        cmocka_unit_test(test_a_few_that_differ_are_told_at_once),
        cmocka_unit_test(test_rules_are_counted_apart),
        cmocka_unit_test(test_a_second_has_a_cap),
        cmocka_unit_test(test_a_full_table_loses_and_says_so),
        cmocka_unit_test(test_what_cannot_be_sent_waits_and_is_lost_at_the_end),
        cmocka_unit_test(test_looks_are_few),
        cmocka_unit_test(test_sums_are_exact),
        cmocka_unit_test(test_texts_are_kept),
    };

    return test_run(tests);
}
