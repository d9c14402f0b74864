/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <errno.h>
#include <string.h>

#include "text/base64.h"
#include "text/utf8.h"

static void test_utf8_is_read_strictly(void **state)
{
    static const struct {
        const char *text;
        size_t len, n;
        uint32_t c;
    } rows[] = {
        {"a", 1, 1, 'a'},
        {"\0", 1, 1, 0},
        {"\x7f", 1, 1, 0x7f},
        {"\x80", 1, 0, 0},
        {"\xc2\x80", 2, 2, 0x80},
        {"\xc1\xbf", 2, 0, 0}, /* overlong */
        {"\xdf\xbf", 2, 2, 0x7ff},
        {"\xe0\xa0\x80", 3, 3, 0x800},
        {"\xe0\x9f\xbf", 3, 0, 0}, /* overlong */
        {"\xed\x9f\xbf", 3, 3, 0xd7ff},
        {"\xed\xa0\x80", 3, 0, 0}, /* surrogate */
        {"\xed\xbf\xbf", 3, 0, 0},
        {"\xee\x80\x80", 3, 3, 0xe000},
        {"\xf0\x90\x80\x80", 4, 4, 0x10000},
        {"\xf0\x8f\xbf\xbf", 4, 0, 0}, /* overlong */
        {"\xf4\x8f\xbf\xbf", 4, 4, 0x10ffff},
        {"\xf4\x90\x80\x80", 4, 0, 0},
        {"\xf5\x80\x80\x80", 4, 0, 0},
        {"\xe2\x82", 2, 0, 0}, /* cut short */
        {"\xe2\x82z", 3, 0, 0},
        {"", 0, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint32_t c = 0;

        assert_int_equal(utf8_next((const uint8_t *)rows[i].text, rows[i].len, &c), rows[i].n);
        assert_int_equal(c, rows[i].c);
    }
    assert_true(utf8_text("gr\xc3\xbc\xc3\x9f", 6));
    assert_false(utf8_text("a\0b", 3));
}

static void test_utf8_shown_is_safe_to_print(void **state)
{
    char out[UTF8_SHOWN];
    char longer[200];

    (void)state;
    assert_string_equal(utf8_shown(out, "a\x1b[0m\n\xff\xc2\x9b\xe2\x80\xa8\xc3\xbc", 14),
                        "a?[0m????\xc3\xbc");
    memset(longer, 'x', sizeof(longer));
    utf8_shown(out, longer, sizeof(longer));
    assert_int_equal(strlen(out), 63);
    assert_string_equal(out + 60, "...");
    memcpy(longer + 59, "\xe2\x82\xac", 3); /* never cut within a character */
    assert_string_equal(utf8_shown(out, longer, sizeof(longer)) + 58, "x...");
}

static void test_utf8_repair_replaces_each_bad_byte(void **state)
{
    struct buf out = {0};

    (void)state;
    assert_int_equal(utf8_repair(&out, "a\xff\0\xe2\x82z", 6), 0);
    assert_int_equal(out.len, 1 + 4 * 3 + 1);
    assert_memory_equal(out.data, "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz", 14);
    buf_done(&out);
}

static void test_base64_reads_what_it_wrote(void **state)
{
    uint8_t data[64];
    struct arena arena;

    (void)state;
    arena_init(&arena, 0);
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 37 + 0xf3);
    for (size_t len = 0; len <= sizeof(data); len++) {
        struct buf text = {0};
        ProtobufCBinaryData back;

        assert_int_equal(base64_write(&text, data, len), 0);
        assert_int_equal(text.len, (len + 2) / 3 * 4);
        assert_int_equal(base64_read((char *)text.data, text.len, &arena, &back), 0);
        assert_int_equal(back.len, len);
        assert_memory_equal(back.data, data, len);
        buf_done(&text);
    }
    arena_done(&arena);
}

static void test_base64_refuses_all_else(void **state)
{
    static const char *const bad[] = {
        "a",     "ab",    "abc",    "ab=",  "a===", "====", "ab=c",    "abc*",
        "abcde", "ab==a", "ab====", "YR==", "YWG=", "-_-_", "YQ==YQ=="};
    ProtobufCBinaryData back;
    struct arena arena;

    (void)state;
    arena_init(&arena, 0);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(base64_read(bad[i], strlen(bad[i]), &arena, &back), -EINVAL);
    assert_int_equal(base64_read(" Y\tW\nJ j\r\n", 10, &arena, &back), 0);
    assert_int_equal(back.len, 3);
    assert_memory_equal(back.data, "abc", 3);
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_utf8_is_read_strictly),
        cmocka_unit_test(test_utf8_shown_is_safe_to_print),
        cmocka_unit_test(test_utf8_repair_replaces_each_bad_byte),
        cmocka_unit_test(test_base64_reads_what_it_wrote),
        cmocka_unit_test(test_base64_refuses_all_else),
    };

    return test_run(tests);
}
