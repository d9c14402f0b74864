/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: protobuf-c unpacks a message with fields and enum values it does not know without a
 * word: it keeps the fields aside and the numbers as they are.
 * Source: protobuf-c, ProtobufCMessage.unknown_fields
 * crib: a policy or task with unknown fields or values, at any depth, is refused by a check of
 * our own: a newer client may have asked for a wall that this crib does not know.
 */
#include "apart.h"
#include "policy.pb-c.h"

static void test_an_unknown_field_is_no_error(void **state)
{
    static const uint8_t bytes[] = {0xfa, 0x7f, 1, 'x'}; /* field 2047: "x" */
    Crib__Policy *policy = crib__policy__unpack(NULL, sizeof(bytes), bytes);

    (void)state;
    assert_non_null(policy);
    assert_int_equal(policy->base.n_unknown_fields, 1);
    assert_int_equal(policy->base.unknown_fields[0].tag, 2047);
    crib__policy__free_unpacked(policy, NULL);
}

static void test_an_unknown_value_is_no_error(void **state)
{
    static const uint8_t bytes[] = {11 << 3, 99}; /* landlock: 99 */
    Crib__Policy *policy = crib__policy__unpack(NULL, sizeof(bytes), bytes);

    (void)state;
    assert_non_null(policy);
    assert_int_equal(policy->base.n_unknown_fields, 0);
    assert_int_equal((int)policy->landlock, 99);
    crib__policy__free_unpacked(policy, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_unknown_field_is_no_error),
        cmocka_unit_test(test_an_unknown_value_is_no_error),
    };

    return test_run(tests);
}
