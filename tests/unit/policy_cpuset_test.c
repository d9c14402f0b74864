/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of processors: read, written the shortest way, compared, cut. */
#include "support/support.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "policy/cpuset.h"

static struct cpuset read_list(const char *text)
{
    char why[CPUSET_WHY] = "";
    struct cpuset set;

    if (cpuset_read(text, &set, why) < 0)
        fail_msg("%s", why);
    return set;
}

static const char *written(const struct cpuset *set)
{
    static char text[CPUSET_MOST * 4];
    struct arena arena;

    arena_init(&arena, 0);
    snprintf(text, sizeof(text), "%s", cpuset_text(set, &arena));
    arena_done(&arena);
    return text;
}

static void test_the_shortest_list(void **state)
{
    static const char *const rows[][2] = {
        {"0", "0"},           {"0-0", "0"},       {"0,1", "0-1"},        {"0-1,2-3", "0-3"},
        {"0-3,6", "0-3,6"},   {"1,3,5", "1,3,5"}, {"62,63,64", "62-64"}, {"8191", "8191"},
        {"0-8191", "0-8191"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct cpuset set = read_list(rows[i][0]);

        assert_string_equal(written(&set), rows[i][1]);
    }
}

static void test_refused(void **state)
{
    static const struct {
        const char *text;
        const char *why;
    } rows[] = {
        {"", "'' is not a list of processors such as 0-3,6"},
        {",", "',' is not a list of processors such as 0-3,6"},
        {"1,", "'1,' is not a list of processors such as 0-3,6"},
        {"1,,2", "'1,,2' is not a list of processors such as 0-3,6"},
        {" 1", "' 1' is not a list of processors such as 0-3,6"},
        {"1 2", "'1 2' is not a list of processors such as 0-3,6"},
        {"1-", "'1-' is not a list of processors such as 0-3,6"},
        {"-1", "'-1' is not a list of processors such as 0-3,6"},
        {"1-2-3", "'1-2-3' is not a list of processors such as 0-3,6"},
        {"3-1", "'3-1' is not a list of processors such as 0-3,6"},
        {"01", "'01' is not a list of processors such as 0-3,6"},
        {"0-8/2", "'0-8/2' is not a list of processors such as 0-3,6"},
        {"all", "'all' is not a list of processors such as 0-3,6"},
        {"0x1", "'0x1' is not a list of processors such as 0-3,6"},
        {"8192", "'8192' names a processor over 8191"},
        {"1-99999999999999999999", "'1-99999999999999999999' names a processor over 8191"},
        {"3,1", "'3,1' is not in order, or names a processor twice: write 1,3"},
        {"1,1", "'1,1' is not in order, or names a processor twice: write 1"},
        {"0-3,2", "'0-3,2' is not in order, or names a processor twice: write 0-3"},
        {"4,0-1,2", "'4,0-1,2' is not in order, or names a processor twice: write 0-2,4"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct cpuset set = {{7}};
        char why[CPUSET_WHY] = "";

        assert_int_equal(cpuset_read(rows[i].text, &set, why), -EINVAL);
        assert_string_equal(why, rows[i].why);
        assert_int_equal(set.bits[0], 7);
    }
}

/* The longest list there is goes there and back; a longer text costs no more than that. */
static void test_long_lists(void **state)
{
    char text[CPUSET_MOST * 5], why[CPUSET_WHY];
    static char hostile[256 * 1024];
    struct cpuset set, back;
    size_t len = 0;

    (void)state;
    for (unsigned cpu = 0; cpu < CPUSET_MOST; cpu += 2)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%u", cpu ? "," : "", cpu);
    set = read_list(text);
    assert_string_equal(written(&set), text);
    back = read_list(written(&set));
    assert_memory_equal(&set, &back, sizeof(set));
    for (size_t i = 0; i + 8 < sizeof(hostile); i += 7)
        memcpy(hostile + i, "0-8191,", 8);
    assert_int_equal(cpuset_read(hostile, &set, why), -EINVAL);
    /* nor does the remedy outgrow its room */
    memmove(text + 2, text, len + 1);
    memcpy(text, "8,", 2);
    assert_int_equal(cpuset_read(text, &set, why), -EINVAL);
    test_contains(why, "is not in order, or names a processor twice");
    assert_null(strstr(why, "write"));
}

static void test_compared_and_cut(void **state)
{
    struct cpuset some = read_list("0-3,64,100"), all = read_list("0-127"), none = read_list("5");

    (void)state;
    assert_int_equal(cpuset_beyond(&some, &all), -1);
    assert_int_equal(cpuset_beyond(&some, &some), -1);
    assert_int_equal(cpuset_beyond(&all, &some), 4);
    assert_int_equal(cpuset_beyond(&some, &none), 0);
    assert_true(cpuset_cut(&all, &some));
    assert_string_equal(written(&all), "0-3,64,100");
    assert_false(cpuset_cut(&none, &some));
    assert_string_equal(written(&none), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_shortest_list),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_long_lists),
        cmocka_unit_test(test_compared_and_cut),
    };

    return test_run(tests);
}
