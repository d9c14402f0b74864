/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <string.h>

#include "text/text.h"

static void test_text_nearest_finds_within_two_edits(void **state)
{
    static const char *const words[] = {"memory", "pids",  "wall_time", "on", "off",
                                        "read",   "write", "readv",     NULL};
    static const struct {
        const char *word, *near;
    } rows[] = {
        {"memroy", "memory"},  /* neighbours swapped: one edit */
        {"memoryy", "memory"}, /* one too many */
        {"mmory", "memory"},   /* one missing */
        {"mamury", "memory"},  /* two others */
        {"mamuri", NULL},      /* three */
        {"wal_tmie", "wall_time"},
        {"raed", "read"},
        {"reads", "read"}, /* the first of two as near */
        {"reaadv", "readv"},
        {"read", "read"},
        {"no", NULL}, /* half of the word */
        {"of", "off"},
        {"x", NULL},
        {"", NULL},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
         NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *near = text_nearest(rows[i].word, words);

        if (rows[i].near)
            assert_string_equal(near ? near : "nothing", rows[i].near);
        else
            assert_string_equal(near ? near : "nothing", "nothing");
    }
}

static void test_text_did_you_mean_is_empty_without_a_likeness(void **state)
{
    static const char *const words[] = {"memory", NULL};
    char text[64];

    (void)state;
    assert_string_equal(text_did_you_mean(text, sizeof(text), "memoru", words),
                        ", did you mean 'memory'?");
    assert_string_equal(text_did_you_mean(text, sizeof(text), "colour", words), "");
    assert_string_equal(text_did_you_mean(text, 8, "memoru", words), ", did y");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_nearest_finds_within_two_edits),
        cmocka_unit_test(test_text_did_you_mean_is_empty_without_a_likeness),
    };

    return test_run(tests);
}
