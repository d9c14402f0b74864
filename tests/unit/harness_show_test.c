/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/show.h"
#include "text/utf8.h"

static char *text_of(struct buf *buf)
{
    char *text;

    assert_int_equal(buf_append(buf, "", 1), 0);
    text = strdup((const char *)buf->data);
    buf_done(buf);
    return text;
}

static char *shown(const void *data, size_t len)
{
    struct buf out = {0};

    assert_int_equal(show_text(&out, data, len), 0);
    return text_of(&out);
}

static char *difference(const char *expected, const char *got)
{
    struct buf out = {0};

    assert_int_equal(show_difference(&out, "stdout", expected, strlen(expected), got, strlen(got)),
                     0);
    return text_of(&out);
}

static void test_what_cannot_be_seen_is_escaped(void **state)
{
    static const struct {
        const char *data;
        size_t len;
        const char *text;
    } rows[] = {
        {"", 0, ""},
        {"plain", 5, "plain"},
        {"a\nb\tc\rd\\", 8, "a\\nb\\tc\\rd\\\\"},
        {"\0\1\x1b[31m\x7f", 8, "\\x00\\x01\\x1b[31m\\x7f"},
        {"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 9, "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"},
        {"\xff\xc3", 2, "\\xff\\xc3"},
        {"\xc2\x9b", 2, "\\xc2\\x9b"},          /* CSI of eight-bit terminals */
        {"\xe2\x80\xae", 3, "\\xe2\\x80\\xae"}, /* from right to left */
        {"\xed\xa0\x80", 3, "\\xed\\xa0\\x80"}, /* a surrogate */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *text = shown(rows[i].data, rows[i].len);

        assert_string_equal(text, rows[i].text);
        free(text);
    }
}

static void test_any_bytes_become_one_printable_line(void **state)
{
    char data[512];

    (void)state;
    srandom(1);
    for (int round = 0; round < 200; round++) {
        char *text;

        for (size_t i = 0; i < sizeof(data); i++)
            data[i] = (char)random();
        text = shown(data, sizeof(data));
        assert_true(utf8_text(text, strlen(text)));
        for (const char *at = text; *at; at++)
            assert_true((unsigned char)*at >= ' ' && *at != 0x7f);
        free(text);
    }
}

static void test_the_first_difference_is_named(void **state)
{
    char *text;

    (void)state;
    text = difference("first\nsecond line\nthird\n", "first\nsecond l1ne\nthird\n");
    assert_string_equal(text, "stdout differs in line 2, column 9 (byte 14):\n"
                              "    first\\n\n"
                              "  - second line\\n\n"
                              "  - third\\n\n"
                              "  + second l1ne\\n\n"
                              "  + third\\n\n"
                              "            ^\n");
    free(text);
}

static void test_a_missing_newline_can_be_seen(void **state)
{
    char *text;

    (void)state;
    text = difference("a\n", "a");
    assert_string_equal(text, "stdout differs in line 1, column 2 (byte 1):\n"
                              "  - a\\n\n"
                              "  + a\n"
                              "     ^\n");
    free(text);
    text = difference("", "more\n");
    test_contains(text, "line 1, column 1 (byte 0)");
    test_contains(text, "  - (the end)\n  + more\\n\n");
    free(text);
    text = difference("a\nb\n", "a\n");
    test_contains(text, "line 2, column 1 (byte 2)");
    test_contains(text, "    a\\n\n  - b\\n\n  + (the end)\n");
    free(text);
}

/* The mark stands below what differs, also where escapes come before it. */
static void test_the_mark_stands_below_the_difference(void **state)
{
    char *text, *plus, *mark;

    (void)state;
    text = difference("\t\x1b\xc3\xa4X", "\t\x1b\xc3\xa4Y");
    plus = strstr(text, "  + ");
    mark = strchr(text, '^');
    assert_non_null(plus);
    assert_non_null(mark);
    while (mark > text && mark[-1] != '\n')
        mark--;
    /* the ä has two bytes and one column */
    assert_int_equal(plus[strspn(mark, " ") + 1], 'Y');
    free(text);
}

static void test_columns_count_characters(void **state)
{
    char *text;

    (void)state;
    text = difference("\xc3\xa4\xc3\xa4x", "\xc3\xa4\xc3\xa4y");
    test_contains(text, "line 1, column 3 (byte 4)");
    free(text);
}

static void test_long_lines_are_cut_around_the_difference(void **state)
{
    char a[4001], b[4001], *text;

    (void)state;
    memset(a, 'x', 4000);
    memset(b, 'x', 4000);
    a[4000] = b[4000] = '\0';
    a[2000] = 'A';
    b[2000] = 'B';
    text = difference(a, b);
    test_contains(text, "column 2001 (byte 2000)");
    assert_true(strlen(text) < 4 * (SHOW_LINE + 20));
    assert_non_null(strchr(text, 'A'));
    assert_non_null(strchr(text, 'B'));
    free(text);
}

/* Whatever differs, nothing beyond the ends is read (the sanitizer looks), and something is said.
 */
static void test_any_two_texts(void **state)
{
    (void)state;
    srandom(2);
    for (int round = 0; round < 3000; round++) {
        size_t a_len = (size_t)random() % 40, b_len = (size_t)random() % 40;
        char *a = malloc(a_len + 1), *b = malloc(b_len + 1), *text;
        static const char letters[] = "ab\n\n\xc3\xa4\x80\t";
        struct buf out = {0};

        for (size_t i = 0; i < a_len; i++)
            a[i] = letters[(size_t)random() % (sizeof(letters) - 1)];
        for (size_t i = 0; i < b_len; i++)
            b[i] = i < a_len && random() % 8 ? a[i] : letters[(size_t)random() % 8];
        a = realloc(a, a_len ? a_len : 1);
        b = realloc(b, b_len ? b_len : 1);
        assert_int_equal(show_difference(&out, "x", a, a_len, b, b_len), 0);
        text = text_of(&out);
        test_contains(text, "\n  - ");
        test_contains(text, "\n  + ");
        free(text);
        free(a);
        free(b);
    }
}

static void test_some_lines(void **state)
{
    struct buf out = {0};
    char *text;

    (void)state;
    assert_int_equal(show_some(&out, "> ", "1\n2\n3\n4\n", 8, 2), 0);
    text = text_of(&out);
    assert_string_equal(text, "> 1\\n\n> 2\\n\n> ... 4 bytes more\n");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_cannot_be_seen_is_escaped),
        cmocka_unit_test(test_any_bytes_become_one_printable_line),
        cmocka_unit_test(test_the_first_difference_is_named),
        cmocka_unit_test(test_a_missing_newline_can_be_seen),
        cmocka_unit_test(test_the_mark_stands_below_the_difference),
        cmocka_unit_test(test_columns_count_characters),
        cmocka_unit_test(test_long_lines_are_cut_around_the_difference),
        cmocka_unit_test(test_any_two_texts),
        cmocka_unit_test(test_some_lines),
    };

    return test_run(tests);
}
