/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <linux/capability.h>
#include <string.h>

#include "policy/capnames.h"

/* The kernel's own header is the witness for a row at each end and some between. */
static void test_capnames_agree_with_the_kernel(void **state)
{
    (void)state;
    assert_int_equal(capname_number("CAP_CHOWN"), CAP_CHOWN);
    assert_int_equal(capname_number("CAP_NET_BIND_SERVICE"), CAP_NET_BIND_SERVICE);
    assert_int_equal(capname_number("CAP_SYS_ADMIN"), CAP_SYS_ADMIN);
    assert_int_equal(capname_number("CAP_SETFCAP"), CAP_SETFCAP);
    assert_int_equal(capname_number("CAP_AUDIT_READ"), CAP_AUDIT_READ);
    assert_int_equal(capname_number("CAP_CHECKPOINT_RESTORE"), CAP_CHECKPOINT_RESTORE);
    for (int i = 0; i <= CAP_LAST_CAP; i++)
        assert_non_null(capnames()[i]);
}

static void test_capnames_are_in_order(void **state)
{
    int n = 0;

    (void)state;
    for (const char *const *name = capnames(); *name; name++, n++)
        assert_int_equal(capname_number(*name), n);
    assert_true(n > 40);
}

static void test_capnames_take_nothing_else(void **state)
{
    static const char *const bad[] = {"",  "CAP_", "cap_chown",          "CHOWN", "CAP_CHOWN ",
                                      "0", "all",  "CAP_CHOWN,CAP_KILL", "=ep"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(capname_number(bad[i]), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_capnames_agree_with_the_kernel),
        cmocka_unit_test(test_capnames_are_in_order),
        cmocka_unit_test(test_capnames_take_nothing_else),
    };

    return test_run(tests);
}
