/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/respawn.h"

#include "support/support.h"

static void test_it_waits_longer_each_time(void **state)
{
    static const uint64_t waits[] = {100, 200, 400, 800, 1000, 1000};
    struct respawn respawn;
    uint64_t now = 5000;

    (void)state;
    assert_int_equal(respawn_init(&respawn, 100, 1000, 100, 60000), 0);
    assert_int_equal(respawn_wait(&respawn, now), 0);
    for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
        assert_true(respawn_crashed(&respawn, now));
        assert_int_equal(respawn_wait(&respawn, now), waits[i]);
        assert_int_equal(respawn_wait(&respawn, now + 60), waits[i] - 60);
        now += waits[i];
        assert_int_equal(respawn_wait(&respawn, now), 0);
    }
    respawn_served(&respawn);
    assert_true(respawn_crashed(&respawn, now));
    assert_int_equal(respawn_wait(&respawn, now), 100);
    respawn_done(&respawn);
}

/* However often: that is no crash, and what waits for a crash waits on. */
static void test_brief_lives(void **state)
{
    struct respawn respawn;

    (void)state;
    assert_int_equal(respawn_init(&respawn, 100, 1000, 2, 60000), 0);
    for (uint64_t now = 0; now < 1000; now += 100) {
        respawn_brief(&respawn, now);
        assert_int_equal(respawn_wait(&respawn, now), 100);
    }
    assert_true(respawn_crashed(&respawn, 1000));
    respawn_served(&respawn);
    respawn_brief(&respawn, 1050);
    assert_int_equal(respawn_wait(&respawn, 1050), 100);
    respawn_brief(&respawn, 1010);
    assert_int_equal(respawn_wait(&respawn, 1010), 140);
    respawn_done(&respawn);
}

static void test_it_gives_up(void **state)
{
    struct respawn respawn;

    (void)state;
    assert_int_equal(respawn_init(&respawn, 1, 1, 3, 1000), 0);
    assert_true(respawn_crashed(&respawn, 0));
    assert_true(respawn_crashed(&respawn, 500));
    assert_true(respawn_crashed(&respawn, 1000)); /* the first is a window ago */
    assert_true(respawn_crashed(&respawn, 1500));
    assert_false(respawn_crashed(&respawn, 1600)); /* 1000, 1500, 1600 */
    assert_int_equal(respawn_wait(&respawn, 1000000), UINT64_MAX);
    assert_false(respawn_crashed(&respawn, 1000000));
    respawn_anew(&respawn);
    assert_int_equal(respawn_wait(&respawn, 1000000), 0);
    assert_true(respawn_crashed(&respawn, 1000000));
    assert_true(respawn_crashed(&respawn, 1000001));
    assert_false(respawn_crashed(&respawn, 1000002));
    respawn_done(&respawn);
    assert_int_equal(respawn_init(&respawn, 1, 1, 1, 1000), 0);
    assert_false(respawn_crashed(&respawn, 0));
    respawn_done(&respawn);
}

static void test_extremes(void **state)
{
    struct respawn respawn;

    (void)state;
    assert_int_equal(respawn_init(&respawn, UINT64_MAX, UINT64_MAX, UINT32_MAX, UINT64_MAX), 0);
    for (int i = 0; i < 1000; i++)
        assert_true(respawn_crashed(&respawn, 7));
    assert_true(respawn_wait(&respawn, 8) > UINT64_MAX / 2);
    respawn_anew(&respawn);
    assert_int_equal(respawn_wait(&respawn, 8), 0);
    respawn_done(&respawn);
    assert_int_equal(respawn_init(&respawn, 1, 1, 2, UINT64_MAX), 0);
    for (int i = 0; i < 7; i++) { /* round and round */
        assert_true(respawn_crashed(&respawn, 1000));
        assert_false(respawn_crashed(&respawn, 1000));
        respawn_anew(&respawn);
    }
    respawn_done(&respawn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_waits_longer_each_time),
        cmocka_unit_test(test_brief_lives),
        cmocka_unit_test(test_it_gives_up),
        cmocka_unit_test(test_extremes),
    };

    return test_run(tests);
}
