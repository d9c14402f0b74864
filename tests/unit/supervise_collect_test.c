/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <stdlib.h>
#include <string.h>

#include "supervise/collect.h"

static void keeps_everything_up_to_the_cap(void **state)
{
    struct collect collect = {.max = 10};
    size_t len;

    (void)state;
    assert_false(collect_add(&collect, "01234", 5));
    assert_false(collect_add(&collect, "56789", 5));
    assert_false(collect.full);
    assert_string_equal(collect_text(&collect, &len), "0123456789");
    assert_int_equal(len, 10);
    collect_done(&collect);
}

static void cuts_to_the_byte_and_says_so_once(void **state)
{
    struct collect collect = {.max = 7};
    size_t len;

    (void)state;
    assert_false(collect_add(&collect, "01234", 5));
    assert_true(collect_add(&collect, "56789", 5));
    assert_false(collect_add(&collect, "more", 4));
    assert_true(collect.full);
    assert_string_equal(collect_text(&collect, &len), "0123456");
    assert_int_equal(len, 7);
    collect_done(&collect);
}

static void one_byte_over_is_over(void **state)
{
    struct collect collect = {.max = 3};
    size_t len;

    (void)state;
    assert_false(collect_add(&collect, "abc", 3));
    assert_true(collect_add(&collect, "d", 1));
    assert_string_equal(collect_text(&collect, &len), "abc");
    collect_done(&collect);
}

static void nothing_is_an_empty_text(void **state)
{
    struct collect collect = {.max = 3};
    size_t len = 9;
    char *taken;

    (void)state;
    assert_string_equal(collect_text(&collect, &len), "");
    assert_int_equal(len, 0);
    taken = collect_take(&collect, &len);
    assert_string_equal(taken, "");
    free(taken);
    collect_done(&collect);
}

static void nuls_are_bytes_like_others(void **state)
{
    struct collect collect = {.max = 100};
    size_t len;
    char *taken;

    (void)state;
    collect_add(&collect, "a\0b", 3);
    taken = collect_take(&collect, &len);
    assert_int_equal(len, 3);
    assert_memory_equal(taken, "a\0b\0", 4);
    free(taken);
    collect_done(&collect);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_everything_up_to_the_cap),
        cmocka_unit_test(cuts_to_the_byte_and_says_so_once),
        cmocka_unit_test(one_byte_over_is_over),
        cmocka_unit_test(nothing_is_an_empty_text),
        cmocka_unit_test(nuls_are_bytes_like_others),
    };

    return test_run(tests);
}
