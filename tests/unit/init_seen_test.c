/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "init/seen.h"

static void test_each_is_new_once(void **state)
{
    struct seen *seen = seen_new();
    char text[16];

    (void)state;
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 5000; i++) {
            snprintf(text, sizeof(text), "/path/%d", i);
            assert_int_equal(seen_add(seen, seen_hash(seen, 0, text, strlen(text))), round == 0);
        }
    assert_int_equal(seen_add(seen, 0), 1);
    assert_int_equal(seen_add(seen, 0), 0);
    seen_free(seen);
}

static void test_it_is_bounded(void **state)
{
    struct seen *seen = seen_new();

    (void)state;
    for (uint64_t i = 0; i < SEEN_MOST; i++)
        assert_int_equal(seen_add(seen, i * 0x9e3779b97f4a7c15 + 1), 1);
    assert_int_equal(seen_add(seen, 12345), -ENOSPC);
    assert_int_equal(seen_add(seen, 1), 0);
    seen_free(seen);
}

/* Where one part ends and the next begins matters. */
static void test_parts_are_told_apart(void **state)
{
    struct seen *seen = seen_new();
    uint64_t one = seen_hash(seen, seen_hash(seen, 0, "ab", 2), "c", 1);

    (void)state;
    assert_true(one != seen_hash(seen, seen_hash(seen, 0, "a", 1), "bc", 2));
    assert_true(one == seen_hash(seen, seen_hash(seen, 0, "ab", 2), "c", 1));
    seen_free(seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_is_new_once),
        cmocka_unit_test(test_it_is_bounded),
        cmocka_unit_test(test_parts_are_told_apart),
    };

    return test_run(tests);
}
