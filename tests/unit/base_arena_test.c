/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <errno.h>
#include <string.h>

#include "base/arena.h"

static int order[4], released;

static void release(void *data)
{
    order[released++] = *(int *)data;
}

/* Once each, when all is given back, also from an arena that was given back before. */
static void test_what_is_held_is_released_once(void **state)
{
    int numbers[] = {1, 2, 3};
    struct arena arena;

    (void)state;
    released = 0;
    arena_init(&arena, 0);
    assert_int_equal(arena_hold(&arena, release, &numbers[0]), 0);
    assert_int_equal(arena_hold(&arena, release, &numbers[1]), 0);
    assert_int_equal(released, 0);
    arena_done(&arena);
    assert_int_equal(released, 2);
    assert_int_equal(order[0] + order[1], 3);
    arena_done(&arena);
    assert_int_equal(released, 2);
    assert_int_equal(arena_hold(&arena, release, &numbers[2]), 0);
    arena_done(&arena);
    assert_int_equal(released, 3);
    assert_int_equal(order[2], 3);
}

static void test_a_full_arena_holds_nothing(void **state)
{
    int number = 1;
    struct arena arena;

    (void)state;
    released = 0;
    arena_init(&arena, 8);
    assert_int_equal(arena_hold(&arena, release, &number), -ENOMEM);
    arena_done(&arena);
    assert_int_equal(released, 0);
}

static void test_texts_of_every_length(void **state)
{
    char text[600];
    struct arena arena;

    (void)state;
    arena_init(&arena, 0);
    for (size_t len = 0; len < sizeof(text); len++) {
        const char *got;

        memset(text, 'x', len);
        text[len] = '\0';
        got = arena_printf(&arena, "%s", text);
        assert_string_equal(got, text);
        if (len) /* what comes next does not touch it */
            assert_string_equal(arena_printf(&arena, "%zu", len) ? got : "", text);
    }
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_held_is_released_once),
        cmocka_unit_test(test_a_full_arena_holds_nothing),
        cmocka_unit_test(test_texts_of_every_length),
    };

    return test_run(tests);
}
