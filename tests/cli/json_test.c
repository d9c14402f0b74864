/* SPDX-License-Identifier: Apache-2.0 */
/* JSON as it is written on lines. */
#include "support/support.h"

#include "cli/json.h"

static void test_writing(void **state)
{
    struct buf out = {0};

    (void)state;
    assert_int_equal(json_string(&out, "a\"\\\n\177\303\251\377\302\233"), 0);
    assert_int_equal(json_one_line(&out, "[1,\r\n2]", 8), 0);
    assert_int_equal(buf_append(&out, "", 1), 0);
    assert_string_equal(out.data, "\"a\\\"\\\\\\u000a\\u007f\303\251\\ufffd\\u009b\"[1,  2]");
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_writing),
    };

    return test_run(tests);
}
