/* SPDX-License-Identifier: Apache-2.0 */
/* What is JSON and what is not, and what is written of it. */
#include "support/support.h"

#include <stdlib.h>
#include <string.h>

#include "cli/json.h"

static void test_valid(void **state)
{
    static const char *const good[] = {
        "0",
        "-0",
        "-1.5e+10",
        "1E5",
        "\"\"",
        "true",
        "false",
        "null",
        "[]",
        "{}",
        " [ ] ",
        "\t{\r\n}\n",
        "[1,2,[3]]",
        "{\"a\":[{}],\"b\":{\"c\":1}}",
        "\"\\u00e9\\n\\\"\\\\\\/\"",
        "\"\303\251\"",
        "[[],[],{}]",
        "{\"\":\"\"}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        if (!json_valid(good[i], strlen(good[i])))
            fail_msg("refused: %s", good[i]);
}

static void test_invalid(void **state)
{
    static const char *const bad[] = {
        "",
        " ",
        "01",
        "-",
        "1.",
        ".5",
        "1e",
        "+1",
        "nul",
        "nulls",
        "truefalse",
        "1 2",
        "[",
        "]",
        "{",
        "[1,]",
        "[,1]",
        "{\"a\"}",
        "{\"a\":}",
        "{a:1}",
        "{\"a\":1,}",
        "[1}",
        "{\"a\":1]",
        "\"",
        "\"\\\"",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"\\u12",
        "\"\n\"",
        "'a'",
        "{}{}",
        "[]]",
        "\"\377\"",
        "\"\300\200\"",
        "\"\355\240\200\"",
        "//",
        "1,2",
        "{\"a\" 1}",
        "\\",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (json_valid(bad[i], strlen(bad[i])))
            fail_msg("taken: %s", bad[i]);
    assert_false(json_valid("\"\\\0\"", 4));
    assert_false(json_valid("1\0", 2));
}

/* Every prefix of a text that is whole is not: none may be read past its end. */
static void test_cut_texts(void **state)
{
    static const char text[] = "{\"a\\u00e9\": [1.5e-7, \"\303\251\", true, null, {}], \"b\": -2}";

    (void)state;
    for (size_t len = 0; len < sizeof(text) - 1; len++) {
        char *cut = malloc(len ? len : 1);

        assert_non_null(cut);
        memcpy(cut, text, len);
        assert_false(json_valid(cut, len));
        free(cut);
    }
    assert_true(json_valid(text, sizeof(text) - 1));
}

static void test_depth(void **state)
{
    size_t len = 100000;
    char *deep = malloc(2 * len);

    (void)state;
    assert_non_null(deep);
    memset(deep, '[', len);
    memset(deep + len, ']', len);
    assert_false(json_valid(deep, 2 * len));
    assert_true(json_valid(deep + len - JSON_MAX_DEPTH, 2 * JSON_MAX_DEPTH));
    assert_false(json_valid(deep + len - JSON_MAX_DEPTH - 1, 2 * JSON_MAX_DEPTH + 2));
    free(deep);
}

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
        cmocka_unit_test(test_valid),     cmocka_unit_test(test_invalid),
        cmocka_unit_test(test_cut_texts), cmocka_unit_test(test_depth),
        cmocka_unit_test(test_writing),
    };

    return test_run(tests);
}
