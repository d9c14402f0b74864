/* SPDX-License-Identifier: Apache-2.0 */
#include "node/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "support/support.h"

static struct node_json of(const char *text)
{
    return (struct node_json){text, strlen(text)};
}

static void test_what_json_is(void **state)
{
    static const char *const rows[] = {
        "0",
        "-0",
        "12",
        "-1.5e+10",
        "1E5",
        "2e-3",
        "0.25",
        "true",
        "false",
        "null",
        "\"\"",
        "\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\"",
        "\"\\ud800\"",
        "\"\\udc00\\ud800\"",
        "\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\"",
        "\"\x7f\"",
        "[]",
        "{}",
        " [ ] ",
        "\t{\n\"a\" : [ 1 , { } , \"}\" ] ,\r\n\"b\":null}\n",
        "[[[[]]],[]]",
        "{\"\":{\"\":{}}}",
        "[1,2,3]",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (node_json_check(of(rows[i])) != 0)
            fail_msg("refused: %s", rows[i]);
}

static void test_what_json_is_not(void **state)
{
    static const char *const rows[] = {
        "",
        " ",
        "01",
        "-",
        "+1",
        ".5",
        "1.",
        "1e",
        "1e+",
        "0x1",
        "NaN",
        "Infinity",
        "undefined",
        "tru",
        "truee",
        "nul",
        "'a'",
        "\"",
        "\"a",
        "\"\\\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"\t\"",
        "\"\n\"",
        "\"\x80\"",
        "\"\xc0\x80\"",
        "\"\xe0\x80\x80\"",
        "\"\xed\xa0\x80\"",
        "\"\xf5\x80\x80\x80\"",
        "\"\xf4\x90\x80\x80\"",
        "\"\xe2\x82\"",
        "[",
        "]",
        "[1",
        "[1,",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[1}",
        "{",
        "}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{\"a\":1 \"b\":2}",
        "{a:1}",
        "{1:1}",
        "{\"a\":1]",
        "{,}",
        "1 2",
        "{} {}",
        "[]]",
        "// no\n1",
        "\xef\xbb\xbf"
        "1",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (node_json_check(of(rows[i])) != -EINVAL)
            fail_msg("taken: %s", rows[i]);
    assert_int_equal(node_json_check((struct node_json){"\0", 1}), -EINVAL);
    assert_int_equal(node_json_check((struct node_json){"1\0", 2}), -EINVAL);
    assert_int_equal(node_json_check((struct node_json){"\"\0\"", 3}), -EINVAL);
    assert_int_equal(node_json_check((struct node_json){"\"\\\0\"", 4}), -EINVAL);
}

/* Every beginning of a text is none, and no byte behind it is looked at. */
static void test_no_byte_too_far(void **state)
{
    const char *text =
        "{\"a\\u00e9\xe2\x82\xac\":[true,-1.5e3,{\"b\":null}],\"c\":\"\\ud83d\\ude00\"}";

    (void)state;
    for (size_t len = 0; len <= strlen(text); len++) {
        char *copy = malloc(len ? len : 1);

        assert_non_null(copy);
        memcpy(copy, text, len);
        assert_int_equal(node_json_check((struct node_json){copy, len}),
                         len == strlen(text) ? 0 : -EINVAL);
        free(copy);
    }
}

static void test_depth_is_bounded(void **state)
{
    size_t most = JSON_DEPTH;
    char text[2 * JSON_DEPTH + 4];

    (void)state;
    memset(text, '[', most + 1);
    memset(text + most + 1, ']', most + 1);
    assert_int_equal(node_json_check((struct node_json){text, 2 * most + 2}), 0); /* [] is empty */
    text[most + 1] = '1';
    assert_int_equal(node_json_check((struct node_json){text, most + 2}), -E2BIG);
    memset(text, '[', most);
    text[most] = '1';
    memset(text + most + 1, ']', most);
    assert_int_equal(node_json_check((struct node_json){text, 2 * most + 1}), 0);
}

static void test_members(void **state)
{
    struct node_json object =
        of(" { \"a\" : 1, \"b\":[1,{\"c\":\"}\"}] ,\"cmd\":\"x\",\"\\u0063md\": \"y\" , "
           "\"d\":{}}");
    struct node_json name, value;
    size_t at = 0, count = 0;

    (void)state;
    assert_int_equal(node_json_check(object), 0);
    while (node_json_next(object, &at, &name, &value))
        count++;
    assert_int_equal(count, 5);
    assert_true(node_json_get(object, "b", &value));
    assert_int_equal(value.len, strlen("[1,{\"c\":\"}\"}]"));
    assert_true(node_json_get(object, "cmd", &value));
    assert_true(node_json_is(value, "y"));
    assert_true(node_json_get(object, "d", &value));
    assert_false(node_json_get(value, "c", &value));
    assert_false(node_json_get(object, "c", &value));
    assert_false(node_json_get(of("[1]"), "c", &value));
    assert_false(node_json_get(of("\"cmd\""), "cmd", &value));
}

static void test_strings(void **state)
{
    char said[16];

    (void)state;
    assert_int_equal(node_json_string(of("\"\""), said, sizeof(said)), 0);
    assert_int_equal(
        node_json_string(of("\"a\\n\\u00e9\\u20ac\\ud83d\\ude00\""), said, sizeof(said)), 11);
    assert_string_equal(said, "a\n\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
    assert_int_equal(node_json_string(of("\"\\ud800\""), said, sizeof(said)), -EINVAL);
    assert_int_equal(node_json_string(of("\"\\ud800\\n12345\""), said, sizeof(said)), -EINVAL);
    assert_int_equal(node_json_string(of("\"\\udc00\\ud800\""), said, sizeof(said)), -EINVAL);
    assert_int_equal(node_json_string(of("\"\\u0000\""), said, sizeof(said)), -EINVAL);
    assert_int_equal(node_json_string(of("1"), said, sizeof(said)), -EINVAL);
    assert_int_equal(node_json_string(of("\"0123456789abcde\""), said, sizeof(said)), 15);
    assert_int_equal(node_json_string(of("\"0123456789abcdef\""), said, sizeof(said)), -E2BIG);
    assert_false(node_json_is(of("\"ab\""), "a"));
}

static void test_numbers(void **state)
{
    int64_t number;

    (void)state;
    assert_int_equal(node_json_integer(of("0"), &number), 0);
    assert_int_equal(number, 0);
    assert_int_equal(node_json_integer(of("-12"), &number), 0);
    assert_int_equal(number, -12);
    assert_int_equal(node_json_integer(of("999999999999999"), &number), 0);
    assert_true(number == 999999999999999);
    assert_int_equal(node_json_integer(of("1000000000000000"), &number), -EINVAL);
    assert_int_equal(node_json_integer(of("1.5"), &number), -EINVAL);
    assert_int_equal(node_json_integer(of("1e3"), &number), -EINVAL);
    assert_int_equal(node_json_integer(of("-"), &number), -EINVAL);
    assert_int_equal(node_json_integer(of("\"1\""), &number), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_json_is),    cmocka_unit_test(test_what_json_is_not),
        cmocka_unit_test(test_no_byte_too_far), cmocka_unit_test(test_depth_is_bounded),
        cmocka_unit_test(test_members),         cmocka_unit_test(test_strings),
        cmocka_unit_test(test_numbers),
    };

    return test_run(tests);
}
