/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/complaint.h"

#include "support/support.h"

#include <stdio.h>

static bool tells(struct complaints *complaints, int code, int thing)
{
    struct crib_error error = {.code = code};

    snprintf(error.subject, sizeof(error.subject), "thing %d", thing);
    return complaint_counts(complaints, &error);
}

static void test_each_thing_once(void **state)
{
    struct complaints complaints = {0};

    (void)state;
    assert_true(tells(&complaints, -1, 1));
    assert_false(tells(&complaints, -1, 1));
    assert_true(tells(&complaints, -2, 1));
    assert_true(tells(&complaints, -1, 2));
    assert_false(tells(&complaints, -1, 2));
    assert_false(tells(&complaints, -2, 1));
}

/* One kind does not hide another, and there is an end to each. */
static void test_kinds(void **state)
{
    struct complaints complaints = {0};
    unsigned told = 0;

    (void)state;
    for (int i = 0; i < 1000; i++)
        told += tells(&complaints, -1, i);
    assert_int_equal(told, COMPLAINT_MOST);
    assert_true(tells(&complaints, -2, 0));
    for (int i = 0; i < 1000; i++)
        told += tells(&complaints, -i, i);
    assert_in_range(told, COMPLAINT_KINDS, COMPLAINT_KINDS * COMPLAINT_MOST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_thing_once),
        cmocka_unit_test(test_kinds),
    };

    return test_run(tests);
}
