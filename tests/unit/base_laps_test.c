/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <string.h>

#include "base/clock.h"
#include "base/laps.h"

static void test_marks_come_in_their_order_and_time(void **state)
{
    uint64_t before = clock_ns(), after;
    struct laps laps;

    (void)state;
    memset(&laps, 0xff, sizeof(laps));
    laps_begin(&laps);
    assert_int_equal(laps.count, 0);
    assert_true(laps_newest(&laps) == laps.begun);
    laps_mark(&laps, "a");
    laps_mark(&laps, "b");
    after = clock_ns();
    assert_int_equal(laps.count, 2);
    assert_string_equal(laps.lap[0].name, "a");
    assert_string_equal(laps.lap[1].name, "b");
    assert_true(before <= laps.begun && laps.begun <= laps.lap[0].at);
    assert_true(laps.lap[0].at <= laps.lap[1].at && laps.lap[1].at <= after);
    assert_true(laps_newest(&laps) == laps.lap[1].at);
}

static void test_begun_anew_it_is_empty(void **state)
{
    struct laps laps;

    (void)state;
    laps_begin(&laps);
    laps_mark(&laps, "a");
    laps_begin(&laps);
    assert_int_equal(laps.count, 0);
    assert_true(laps_newest(&laps) == laps.begun);
}

static void test_nobody_asked(void **state)
{
    (void)state;
    laps_mark(NULL, "a");
    laps_mark(NULL, NULL);
}

/* What is over the room is dropped, and what was there stays. */
static void test_the_last_are_dropped(void **state)
{
    struct {
        struct laps laps;
        uint64_t behind;
    } room = {.behind = 0x5a5a5a5a5a5a5a5a};

    (void)state;
    room.laps.begun = 1;
    for (uint64_t i = 0; i < LAPS_MOST + 20; i++)
        laps_add(&room.laps, i < LAPS_MOST ? "kept" : "dropped", 10 + i);
    assert_int_equal(room.laps.count, LAPS_MOST);
    for (unsigned i = 0; i < LAPS_MOST; i++) {
        assert_string_equal(room.laps.lap[i].name, "kept");
        assert_true(room.laps.lap[i].at == 10 + i);
    }
    assert_true(laps_newest(&room.laps) == 10 + LAPS_MOST - 1);
    assert_true(room.behind == 0x5a5a5a5a5a5a5a5a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_marks_come_in_their_order_and_time),
        cmocka_unit_test(test_begun_anew_it_is_empty),
        cmocka_unit_test(test_nobody_asked),
        cmocka_unit_test(test_the_last_are_dropped),
    };

    return test_run(tests);
}
