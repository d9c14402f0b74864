/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Only so many of a uid are inside; who waits follows in order, whoever leaves.
 */
#include "support/support.h"

#include "daemon/window.h"

#define COUNT (WINDOW_MOST + 4)

static struct window_place places[COUNT];
static int went[COUNT], n_went;

static void go(struct window_place *place)
{
    went[n_went++] = (int)(place - places);
}

/* Return: how many were let in at once. */
static int enter_all(struct windows *windows, uid_t uid)
{
    int inside = 0;

    n_went = 0;
    for (int i = 0; i < COUNT; i++)
        inside += window_enter(windows, uid, &places[i], go);
    return inside;
}

static void test_in_order(void **state)
{
    struct windows windows = {0};

    (void)state;
    assert_int_equal(enter_all(&windows, 1), WINDOW_MOST);
    assert_int_equal(n_went, 0);
    for (int i = 0; i < 4; i++) {
        window_leave(&places[i]);
        assert_int_equal(n_went, i + 1);
        assert_int_equal(went[i], WINDOW_MOST + i);
    }
    for (int i = 4; i < COUNT; i++)
        window_leave(&places[i]);
    assert_int_equal(n_went, 4);
    assert_null(windows.first);
}

static void test_who_waits_may_give_up(void **state)
{
    struct windows windows = {0};

    (void)state;
    enter_all(&windows, 1);
    window_leave(&places[WINDOW_MOST + 3]); /* the last, the first, and once more */
    window_leave(&places[WINDOW_MOST]);
    window_leave(&places[WINDOW_MOST]);
    assert_int_equal(window_enter(&windows, 1, &places[WINDOW_MOST], go), 0);
    for (int i = 0; i < 3; i++)
        window_leave(&places[i]);
    assert_int_equal(n_went, 3);
    assert_int_equal(went[0], WINDOW_MOST + 1);
    assert_int_equal(went[1], WINDOW_MOST + 2);
    assert_int_equal(went[2], WINDOW_MOST);
    for (int i = 3; i < WINDOW_MOST + 3; i++)
        window_leave(&places[i]);
    assert_null(windows.first);
}

/* Whoever is let in may leave at once, and lets in the next. */
static void leave(struct window_place *place)
{
    go(place);
    window_leave(place);
}

static void test_leaving_out_of_going(void **state)
{
    struct windows windows = {0};

    (void)state;
    enter_all(&windows, 1);
    for (int i = WINDOW_MOST; i < COUNT; i++)
        places[i].go = leave;
    window_leave(&places[0]);
    assert_int_equal(n_went, 4);
    for (int i = 1; i < WINDOW_MOST; i++)
        window_leave(&places[i]);
    assert_null(windows.first);
}

static void test_each_uid_has_its_own(void **state)
{
    struct windows windows = {0};
    struct window_place other = {0};

    (void)state;
    enter_all(&windows, 1);
    assert_int_equal(window_enter(&windows, 2, &other, go), 1);
    window_leave(&other);
    assert_int_equal(n_went, 0);
    for (int i = COUNT - 1; i >= 0; i--)
        window_leave(&places[i]);
    assert_null(windows.first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_order),
        cmocka_unit_test(test_who_waits_may_give_up),
        cmocka_unit_test(test_leaving_out_of_going),
        cmocka_unit_test(test_each_uid_has_its_own),
    };

    return test_run(tests);
}
