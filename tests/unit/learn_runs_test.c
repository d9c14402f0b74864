/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "learn/runs.h"

static char *text_of(struct buf *buf)
{
    char *text;

    assert_int_equal(buf_append(buf, "", 1), 0);
    text = strdup((const char *)buf->data);
    buf_done(buf);
    return text;
}

/* What is written is read back. */
static void check_words(const char *const *words, const char *expected)
{
    struct run_words run;
    struct buf out = {0};
    struct arena arena;
    char *text;

    arena_init(&arena, 0);
    assert_int_equal(run_words_write(&out, (char *const *)words), 0);
    text = text_of(&out);
    if (expected)
        assert_string_equal(text, expected);
    assert_null(strchr(text, '\n'));
    assert_int_equal(run_words_read(text, strlen(text), &arena, &run), 0);
    for (size_t i = 0; i < run.count; i++)
        assert_string_equal(run.words[i], words[i]);
    assert_null(words[run.count]);
    assert_null(run.words[run.count]);
    free(text);
    arena_done(&arena);
}

static void test_words_come_back(void **state)
{
    char all[256];

    (void)state;
    for (int i = 1; i < 256; i++)
        all[i - 1] = (char)i;
    all[255] = '\0';
    check_words((const char *[]){"-C", "/a b", "--", "git", "status", NULL},
                "-C \"/a b\" -- git status");
    check_words((const char *[]){"sh", "-c", "echo \"$x\"\n", "", NULL},
                "sh -c \"echo \\\"$x\\\"\\n\" \"\"");
    check_words((const char *[]){"\xff\xfe", "\xc3\xa9", "#", NULL},
                "\"\\xff\\xfe\" \"\xc3\xa9\" \"#\"");
    check_words((const char *[]){all, "a", NULL}, NULL);
    check_words((const char *[]){"\xe2\x80\xa8", "\xc2\x85", NULL}, NULL);
}

static void test_other_texts_are_refused(void **state)
{
    static const char *const bad[] = {
        "",    "a  b",      " a", "a ",    "\"a",      "a\"b\"",    "\"a\"b", "\"\\q\"", "\"\\x0\"",
        "a;b", "\"\\x00\"", "$x", "\"a\\", "\"\\x4\"", "\"\\xgg\"", "'a b'",  "a\tb"};
    struct run_words run;
    struct arena arena;

    (void)state;
    arena_init(&arena, 0);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(run_words_read(bad[i], strlen(bad[i]), &arena, &run), -EINVAL);
    arena_done(&arena);
}

static void test_caps(void **state)
{
    char *longest = malloc(RUNS_BYTES + 2);
    static char *many[RUNS_WORDS + 2];
    struct run_words run;
    struct buf out = {0};
    struct arena arena;

    (void)state;
    assert_non_null(longest);
    arena_init(&arena, 0);
    memset(longest, 'a', RUNS_BYTES + 1);
    longest[RUNS_BYTES + 1] = '\0';
    assert_int_equal(run_words_write(&out, (char *[]){longest, NULL}), -E2BIG);
    buf_done(&out);
    assert_int_equal(run_words_read(longest, RUNS_BYTES + 1, &arena, &run), -E2BIG);
    assert_int_equal(run_words_read(longest, RUNS_BYTES, &arena, &run), 0);
    for (size_t i = 0; i <= RUNS_WORDS; i++)
        many[i] = "a";
    assert_int_equal(run_words_write(&out, many), -E2BIG);
    buf_done(&out);
    for (size_t i = 1; i < RUNS_BYTES; i += 2)
        longest[i] = ' ';
    assert_int_equal(run_words_read(longest, RUNS_BYTES - 1, &arena, &run), -E2BIG);
    arena_done(&arena);
    free(longest);
}

static void check_set(uint64_t set, const char *expected)
{
    struct buf out = {0};
    uint64_t read = 0;
    char *text;

    assert_int_equal(run_set_write(&out, set), 0);
    text = text_of(&out);
    assert_string_equal(text, expected);
    assert_true(run_set_read(text, strlen(text), &read));
    assert_true(read == set);
    free(text);
}

static void test_sets_come_back(void **state)
{
    (void)state;
    check_set(1, "run 1");
    check_set(1ull << 63, "run 64");
    check_set(3, "runs 1, 2");
    check_set(0xd, "runs 1, 3, 4");
    check_set(0x3d, "runs 1, 3-6");
    check_set(UINT64_MAX, "runs 1-64");
}

static void test_other_sets_are_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "run",
                                      "run 0",
                                      "run 65",
                                      "runs 1,2",
                                      "run 1 ",
                                      "runs 3-65",
                                      "runs 1-",
                                      "Run 1",
                                      "run 1, x",
                                      "run -1",
                                      "run 1: -C",
                                      "runs 99999999999999999999"};
    uint64_t set;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (run_set_read(bad[i], strlen(bad[i]), &set))
            fail_msg("'%s' was read", bad[i]);
}

static void test_the_same_run_has_one_number(void **state)
{
    struct run_list list = {0};
    struct arena arena;
    char word[8];

    (void)state;
    arena_init(&arena, 0);
    assert_int_equal(run_list_number(&list, (char *[]){"a", "b", NULL}, &arena), 1);
    assert_int_equal(run_list_number(&list, (char *[]){"a", NULL}, &arena), 2);
    assert_int_equal(run_list_number(&list, (char *[]){"a", "b", NULL}, &arena), 1);
    for (int i = 3; i <= RUNS_MAX; i++) {
        word[0] = (char)(' ' + i);
        word[1] = '\0';
        assert_int_equal(run_list_number(&list, (char *[]){word, NULL}, &arena), i);
    }
    assert_int_equal(run_list_number(&list, (char *[]){"new", NULL}, &arena), -E2BIG);
    assert_int_equal(run_list_number(&list, (char *[]){"a", NULL}, &arena), 2);
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words_come_back),
        cmocka_unit_test(test_other_texts_are_refused),
        cmocka_unit_test(test_caps),
        cmocka_unit_test(test_sets_come_back),
        cmocka_unit_test(test_other_sets_are_refused),
        cmocka_unit_test(test_the_same_run_has_one_number),
    };

    return test_run(tests);
}
