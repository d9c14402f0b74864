/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

static void test_buf_keeps_order_across_consume(void **state)
{
    struct buf buf = {0};

    (void)state;
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(buf_printf(&buf, "%04d", i), 0);
        if (i % 3 == 0) {
            char head[5] = "";

            memcpy(head, buf.data, 4);
            assert_int_equal(atoi(head), i / 3);
            buf_consume(&buf, 4);
        }
    }
    assert_int_equal(buf.len, 4 * (1000 - 334));
    buf_done(&buf);
}

static void test_buf_refuses_more_than_its_cap(void **state)
{
    struct buf buf = {.max = 10};

    (void)state;
    assert_int_equal(buf_append(&buf, "0123456789", 10), 0);
    assert_int_equal(buf_append(&buf, "x", 1), -E2BIG);
    assert_int_equal(buf.len, 10);
    buf_done(&buf);
}

static void test_arena_holds_its_limit(void **state)
{
    struct arena arena;

    (void)state;
    arena_init(&arena, 4096);
    assert_non_null(arena_alloc(&arena, 4000));
    assert_null(arena_alloc(&arena, 4000));
    assert_null(arena_alloc(&arena, SIZE_MAX));
    arena_done(&arena);
    assert_non_null(arena_alloc(&arena, 4000));
    arena_done(&arena);
}

static void test_arena_push_keeps_every_item(void **state)
{
    struct arena arena;
    char **list = NULL;
    size_t count = 0;

    (void)state;
    arena_init(&arena, 0);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(arena_push(&arena, &list, &count, arena_printf(&arena, "%d", i)), 0);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(atoi(list[i]), i);
    arena_done(&arena);
}

static void test_error_reads_as_a_sentence(void **state)
{
    struct crib_error err;
    char text[256];

    (void)state;
    assert_int_equal(fail_sys(&err, -ENOENT, "mounts", 2, "/data", "bind source"), -ENOENT);
    crib_error_text(&err, text, sizeof(text));
    assert_string_equal(text, "mounts[2] /data: bind source: No such file or directory");
    fail_text(&err, -EINVAL, NULL, -1, "a.yaml:3:5", "unknown key '%s'", "x");
    crib_error_text(&err, text, sizeof(text));
    assert_string_equal(text, "a.yaml:3:5: unknown key 'x'");
    crib_error_text(&err, text, 8);
    assert_string_equal(text, "a.yaml:");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buf_keeps_order_across_consume),
        cmocka_unit_test(test_buf_refuses_more_than_its_cap),
        cmocka_unit_test(test_arena_holds_its_limit),
        cmocka_unit_test(test_arena_push_keeps_every_item),
        cmocka_unit_test(test_error_reads_as_a_sentence),
    };

    return test_run(tests);
}
