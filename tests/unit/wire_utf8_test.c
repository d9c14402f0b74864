/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include "wire/utf8.h"

static void test_takes_what_is_utf8(void **state)
{
    static const char *const good[] = {
        "",
        "json",
        "\x7f",
        "\xc2\x80",
        "\xdf\xbf",
        "\xe0\xa0\x80",
        "\xed\x9f\xbf",
        "\xee\x80\x80",
        "\xef\xbf\xbf",
        "\xf0\x90\x80\x80",
        "\xf4\x8f\xbf\xbf",
        "a\xc3\xa4z",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        if (!utf8_valid(good[i]))
            fail_msg("refused: entry %zu", i);
}

static void test_refuses_what_is_not(void **state)
{
    static const char *const bad[] = {
        "\x80",             /* a following byte first */
        "\xbf",             /* */
        "\xc0\x80",         /* NUL, the long way */
        "\xc1\xbf",         /* too long a form */
        "\xe0\x9f\xbf",     /* the same with three */
        "\xf0\x8f\xbf\xbf", /* the same with four */
        "\xed\xa0\x80",     /* a surrogate */
        "\xed\xbf\xbf",     /* the last one */
        "\xf4\x90\x80\x80", /* above U+10FFFF */
        "\xf5\x80\x80\x80", /* */
        "\xf8\x88\x80\x80\x80",
        "\xfe",
        "\xff",
        "\xc3",         /* cut */
        "\xe2\x82",     /* */
        "\xf0\x9f\x98", /* */
        "\xc3z",        /* cut by another character */
        "a\xe2z\x82",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (utf8_valid(bad[i]))
            fail_msg("taken: entry %zu", i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_takes_what_is_utf8),
        cmocka_unit_test(test_refuses_what_is_not),
    };

    return test_run(tests);
}
