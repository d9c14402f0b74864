/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <stdio.h>

#include "learn/network.h"

/* "b127.0.0.1:80" was bound, "u…" used. */
static void check(const char *const *said, const char *outside)
{
    struct network network;
    const char *found;

    network_init(&network);
    for (; *said; said++)
        assert_int_equal(network_add(&network, *said + 1, **said == 'b'), 0);
    found = network_outside(&network);
    if (outside)
        assert_string_equal(found ? found : "(none)", outside);
    else
        assert_null(found);
    network_done(&network);
}
#define CHECK(outside, ...) check((const char *const[]){__VA_ARGS__, NULL}, outside)

static void test_what_is_outside(void **state)
{
    (void)state;
    CHECK(NULL, "u/run/x.sock");
    CHECK(NULL, "u@abstract", "unetlink port 0, groups 0", "uan unnamed socket", "ufamily 38");
    CHECK("10.1.2.3:80", "u10.1.2.3:80");
    CHECK("[2001:db8::1]:443", "u[2001:db8::1]:443");
    CHECK("127.0.0.1:80", "u127.0.0.1:80");
    CHECK("[::1]:80", "u[::1]:80");
    CHECK("0.0.0.0:80", "b0.0.0.0:80");
    CHECK("[::]:0", "b[::]:0");
}

static void test_servers_of_its_own_are_not(void **state)
{
    (void)state;
    CHECK(NULL, "b127.0.0.1:80");
    CHECK(NULL, "b127.0.0.1:80", "u127.0.0.1:80");
    CHECK(NULL, "u127.0.0.1:80", "b[::1]:80");
    CHECK(NULL, "b[::ffff:127.0.0.1]:80", "u127.0.0.1:80");
    CHECK("127.0.0.1:81", "b127.0.0.1:80", "u127.0.0.1:80", "u127.0.0.1:81");
    CHECK(NULL, "b127.0.0.1:0", "u127.0.0.1:40000");
    CHECK("127.0.0.1:80", "b127.0.0.1:0", "u127.0.0.1:80");
}

static void test_what_is_no_address_is_passed_over(void **state)
{
    (void)state;
    CHECK(NULL, "u:", "u[", "u[]:1", "u1.2.3.4", "u1.2.3.4:", "u1.2.3.4:x", "u[::1:80", "u::1]:80",
          "u", "u[]", "u1.2.3:80",
          "uxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx:80");
}

static void test_too_many_are_taken_for_outside(void **state)
{
    struct network network;
    char text[64];

    (void)state;
    network_init(&network);
    assert_int_equal(network_add(&network, "127.0.0.1:1", true), 0);
    for (unsigned i = 0; i < 100000; i++) {
        snprintf(text, sizeof(text), "127.0.%u.%u:1", i >> 8 & 255, i & 255);
        assert_int_equal(network_add(&network, text, false), 0);
    }
    assert_string_equal(network_outside(&network), "");
    assert_int_equal(network.used_count, NETWORK_ADDRESSES);
    network_done(&network);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_outside),
        cmocka_unit_test(test_servers_of_its_own_are_not),
        cmocka_unit_test(test_what_is_no_address_is_passed_over),
        cmocka_unit_test(test_too_many_are_taken_for_outside),
    };

    return test_run(tests);
}
