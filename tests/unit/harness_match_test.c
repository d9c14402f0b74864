/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "harness/match.h"

static ProtobufCBinaryData bytes(const char *text)
{
    return (ProtobufCBinaryData){strlen(text), (uint8_t *)text};
}

/* Return: as match_text(); what was told in *ret_why, which the caller frees. */
static int held(const Crib__Case__Text *wanted, const void *data, size_t len, char **ret_why)
{
    struct buf why = {0};
    int r = match_text("stdout", wanted, data, len, &why);

    assert_int_equal(buf_append(&why, "", 1), 0);
    *ret_why = strdup((const char *)why.data);
    buf_done(&why);
    assert_true((r > 0) == ((*ret_why)[0] != '\0'));
    return r;
}

static void expect_held(const Crib__Case__Text *wanted, const char *text, int result,
                        const char *part)
{
    char *why;

    assert_int_equal(held(wanted, text, strlen(text), &why), result);
    test_contains(why, part);
    free(why);
}

static void test_exact(void **state)
{
    Crib__Case__Text wanted = CRIB__CASE__TEXT__INIT;

    (void)state;
    expect_held(NULL, "anything", 0, "");
    expect_held(&wanted, "anything", 0, "");
    wanted.has_exact = true;
    wanted.exact = bytes("");
    expect_held(&wanted, "", 0, "");
    expect_held(&wanted, "x", 1, "stdout differs");
    wanted.exact = bytes("abc");
    expect_held(&wanted, "abc", 0, "");
    expect_held(&wanted, "ab", 1, "stdout differs");
    expect_held(&wanted, "abcd", 1, "stdout differs");
}

static void test_parts(void **state)
{
    Crib__Case__Text wanted = CRIB__CASE__TEXT__INIT;
    ProtobufCBinaryData contains[] = {bytes("one"), bytes("two")}, lacks[] = {bytes("bad")};

    (void)state;
    wanted.contains = contains;
    wanted.n_contains = 2;
    wanted.lacks = lacks;
    wanted.n_lacks = 1;
    expect_held(&wanted, "two and one", 0, "");
    expect_held(&wanted, "one", 1, "stdout does not contain \"two\"\nstdout is:\n    one\n");
    expect_held(&wanted, "", 1, "stdout is empty");
    expect_held(&wanted, "one two bad", 1, "stdout contains what it must not: \"bad\"");
}

/* A NUL is a byte as any other: what is behind it counts. */
static void test_bytes_behind_a_nul_count(void **state)
{
    Crib__Case__Text wanted = CRIB__CASE__TEXT__INIT;
    ProtobufCBinaryData contains[] = {bytes("behind")};
    char *regex[] = {"behind$"}, *why;

    (void)state;
    wanted.contains = contains;
    wanted.n_contains = 1;
    wanted.regex = regex;
    wanted.n_regex = 1;
    assert_int_equal(held(&wanted, "\0behind", 7, &why), 0);
    free(why);
    assert_int_equal(held(&wanted, "behind\0", 7, &why), 1);
    free(why);
}

static void test_regular_expressions(void **state)
{
    (void)state;
    assert_true(match_regex("^b+$", "a\nbbb\nc\n", 8));
    assert_false(match_regex("^b+$", "a\nbxb\nc\n", 8));
    assert_true(match_regex("[0-9]{3}", "ab123", 5));
    assert_false(match_regex("[0-9]{3}", "ab12", 4));
    assert_true(match_regex("^$", "", 0));
    assert_false(match_regex("a.b", "a\nb", 3));
}

static void test_what_takes_for_ever_is_refused(void **state)
{
    static const char *const bad[] = {
        "(a)\\1",       "((a{255}){255}){255}",
        "a{1001}",      "a{1,5000}",
        "(a{100}){11}", "(open",
        "[z-a]",        "a{2",
        "*{3}{400}",    "\\",
    };
    char why[MATCH_WHY], *lengthy = malloc(MATCH_LONGEST + 2);

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        why[0] = '\0';
        if (match_check(bad[i], why) != -EINVAL || !why[0])
            fail_msg("'%s' was let through", bad[i]);
    }
    memset(lengthy, 'a', MATCH_LONGEST + 1);
    lengthy[MATCH_LONGEST + 1] = '\0';
    assert_int_equal(match_check(lengthy, why), -EINVAL);
    lengthy[MATCH_LONGEST] = '\0';
    assert_int_equal(match_check(lengthy, why), 0);
    free(lengthy);
    assert_int_equal(match_check("^[a-z]{1,10}\\\\1\\.$", why), 0);
}

static void test_globs(void **state)
{
    (void)state;
    assert_true(match_glob(NULL, "x"));
    assert_true(match_glob(NULL, NULL));
    assert_false(match_glob("*", NULL));
    assert_true(match_glob("socket(domain=AF_INET,*", "socket(domain=AF_INET, type=1)"));
    assert_false(match_glob("socket(domain=AF_INET,*", "socket(domain=AF_INET6, type=1)"));
    assert_true(match_glob("*", ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_bytes_behind_a_nul_count),
        cmocka_unit_test(test_regular_expressions),
        cmocka_unit_test(test_what_takes_for_ever_is_refused),
        cmocka_unit_test(test_globs),
    };

    return test_run(tests);
}
