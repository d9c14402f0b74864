/* SPDX-License-Identifier: Apache-2.0 */
#include "supervise/once.h"

#include <stdio.h>
#include <string.h>

#include "support/support.h"

struct memory {
    struct arena arena;
    struct once *once;
};

static bool is_new(struct memory *memory, const char *object, const char *answer, const char *edit)
{
    Crib__Denial denial = CRIB__DENIAL__INIT;

    denial.has_by = denial.has_object = true;
    denial.by = CRIB__DENIAL__BY__files;
    denial.object = (ProtobufCBinaryData){strlen(object), (uint8_t *)object};
    denial.answer = (char *)answer;
    denial.edit = (char *)edit;
    return once_is_new(&memory->once, &memory->arena, &denial);
}

static void test_each_is_new_once(void **state)
{
    struct memory memory = {0};

    (void)state;
    arena_init(&memory.arena, 0);
    assert_true(is_new(&memory, "/a", "ENOENT", "x"));
    assert_false(is_new(&memory, "/a", "ENOENT", "x"));
    assert_true(is_new(&memory, "/b", "ENOENT", "x"));
    assert_true(is_new(&memory, "/a", "EROFS", "x"));
    assert_true(is_new(&memory, "/a", "ENOENT", "y"));
    assert_true(is_new(&memory, "/a", NULL, NULL));
    assert_true(is_new(&memory, "a", "ENOENT", "x/")); /* the same bytes, divided otherwise */
    assert_false(is_new(&memory, "/b", "ENOENT", "x"));
    arena_done(&memory.arena);
}

/* Denials of the filter are counted elsewhere. */
static void test_those_of_the_filter_are_always_new(void **state)
{
    Crib__Denial denial = CRIB__DENIAL__INIT;
    struct memory memory = {0};

    (void)state;
    arena_init(&memory.arena, 0);
    for (int i = 0; i < 3; i++)
        assert_true(once_is_new(&memory.once, &memory.arena, &denial));
    assert_null(memory.once);
    arena_done(&memory.arena);
}

/* A flood of paths ends neither the memory nor the telling. */
static void test_what_is_too_much_to_remember_is_told(void **state)
{
    struct memory memory = {0};
    size_t used;
    char path[32];

    (void)state;
    arena_init(&memory.arena, 0);
    assert_true(is_new(&memory, "/first", "ENOENT", ""));
    used = memory.arena.used;
    for (int i = 0; i < 100000; i++) {
        snprintf(path, sizeof(path), "/path/%d", i);
        assert_true(is_new(&memory, path, "ENOENT", ""));
    }
    assert_true(is_new(&memory, path, "ENOENT", ""));
    assert_false(is_new(&memory, "/first", "ENOENT", ""));
    assert_int_equal(memory.arena.used, used);
    arena_done(&memory.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_is_new_once),
        cmocka_unit_test(test_those_of_the_filter_are_always_new),
        cmocka_unit_test(test_what_is_too_much_to_remember_is_told),
    };

    return test_run(tests);
}
