/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/groups.h"

/* The expansion of a list by the shipped groups; NULL ends the words. */
struct expanded {
    struct arena arena;
    struct crib_error err;
    struct rule *rules;
    size_t count;
};

static int expand(struct expanded *e, const struct groups *groups, const char *const *entries)
{
    char *const *list = (char *const *)entries;
    size_t count = 0;

    memset(e, 0, sizeof(*e));
    arena_init(&e->arena, 0);
    while (entries[count])
        count++;
    if (groups)
        return groups_expand(groups, list, count, &e->arena, &e->rules, &e->count, &e->err);
    return rules_expand(list, count, &e->arena, &e->rules, &e->count, &e->err);
}

static bool has(const struct expanded *e, const char *call)
{
    for (size_t i = 0; i < e->count; i++)
        if (strcmp(e->rules[i].call->name, call) == 0)
            return true;
    return false;
}

static const struct groups *shipped(void)
{
    const struct groups *groups;
    struct crib_error err = {0};

    if (groups_shipped(&groups, &err) < 0)
        fail_msg("%s: %s", err.subject, err.detail);
    return groups;
}

static void test_shipped_groups_are_whole(void **state)
{
    const struct groups *groups = shipped();

    (void)state;
    assert_ptr_equal(shipped(), groups);
    assert_int_equal(groups->count, shipped_groups_count);
    for (size_t i = 0; i < groups->count; i++) {
        const struct group *group = &groups->list[i];

        assert_true(i == 0 || strcmp(groups->list[i - 1].name, group->name) < 0);
        assert_non_null(group->about);
        assert_true(group->count > 0);
        assert_ptr_equal(group_find(groups, group->name, NULL), group);
    }
}

static void test_known_has_every_call(void **state)
{
    struct expanded e;
    size_t count = 0;

    (void)state;
    assert_int_equal(expand(&e, NULL, (const char *[]){"@known", NULL}), 0);
    for (const struct call *call = call_next(NULL); call; call = call_next(call), count++)
        if (!has(&e, call->name))
            fail_msg("@known has no %s", call->name);
    assert_int_equal(e.count, count);
    for (size_t i = 0; i < e.count; i++)
        assert_int_equal(e.rules[i].count, 0);
    arena_done(&e.arena);
}

/* A call that is in no group but @known was forgotten, but for those that policies name one by
 * one. */
static void test_every_call_has_a_group(void **state)
{
    const struct groups *groups = shipped();
    static char names[GROUPS_MAX][64];
    const char *entries[GROUPS_MAX + 1] = {NULL};
    struct expanded e;
    size_t count = 0;

    (void)state;
    for (size_t i = 0; i < groups->count; i++) {
        snprintf(names[i], sizeof(names[i]), "@%s", groups->list[i].name);
        if (strcmp(names[i], "@known") != 0)
            entries[count++] = names[i];
    }
    assert_int_equal(expand(&e, NULL, entries), 0);
    for (const struct call *call = call_next(NULL); call; call = call_next(call)) {
        bool named = strcmp(call->name, "socket") == 0 || strcmp(call->name, "ioctl") == 0;

        if (has(&e, call->name) == named)
            fail_msg("%s is %s group", call->name, named ? "in a" : "in no");
    }
    arena_done(&e.arena);
}

static void test_lists_keep_their_order_without_repeats(void **state)
{
    struct expanded e;

    (void)state;
    assert_int_equal(expand(&e, NULL,
                            (const char *[]){"write", "socket(domain == AF_UNIX)", "@sync", "fsync",
                                             "socket(arg0/32 == 1)", "socket(domain == AF_INET)",
                                             "write", "@sync", "socket", NULL}),
                     0);
    assert_int_equal(e.count, 10);
    assert_string_equal(rule_text(&e.rules[0], &e.arena), "write");
    assert_string_equal(rule_text(&e.rules[1], &e.arena), "socket(domain == AF_UNIX)");
    assert_string_equal(rule_text(&e.rules[2], &e.arena), "fsync");
    assert_string_equal(rule_text(&e.rules[8], &e.arena), "socket(domain == AF_INET)");
    assert_string_equal(rule_text(&e.rules[9], &e.arena), "socket");
    arena_done(&e.arena);
    assert_int_equal(expand(&e, NULL, (const char *[]){NULL}), 0);
    assert_int_equal(e.count, 0);
    arena_done(&e.arena);
}

static void test_groups_within_groups(void **state)
{
    struct expanded e;

    (void)state;
    assert_int_equal(expand(&e, NULL, (const char *[]){"@file-system", NULL}), 0);
    assert_true(has(&e, "openat"));
    assert_true(has(&e, "rename"));
    arena_done(&e.arena);
}

static void test_bad_lists(void **state)
{
    static const struct {
        const char *entries[4];
        int index;
        const char *detail;
    } rows[] = {
        {{"read", "@filesystem"}, 1, "unknown group '@filesystem', did you mean '@file-system'?"},
        {{"@nothing-like-it"}, 0, "unknown group '@nothing-like-it'"},
        {{"@"}, 0, "the name of a group has only a-z, 0-9 and -"},
        {{"@default "}, 0, "the name of a group has only a-z, 0-9 and -"},
        {{"@Default"}, 0, "the name of a group has only a-z, 0-9 and -"},
        {{"@sync(fd == 1)"}, 0, "the name of a group has only a-z, 0-9 and -"},
        {{"@a\nb"}, 0, "the name of a group has only a-z, 0-9 and -"},
        {{"@default", "read", "raed"}, 2, "unknown system call 'raed', did you mean 'read'?"},
        {{"socket(domain == AF_UNX)"}, 0, "unknown constant 'AF_UNX', did you mean 'AF_UNIX'?"},
        {{""}, 0, "the entry ends where a system call should come"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct expanded e;

        assert_int_equal(expand(&e, NULL, rows[i].entries), -EINVAL);
        assert_string_equal(e.err.detail, rows[i].detail);
        assert_int_equal(e.err.index, rows[i].index);
        assert_null(e.err.step);
        assert_null(e.rules);
        arena_done(&e.arena);
    }
}

static void test_long_lists_are_refused(void **state)
{
    static const char *entries[RULES_MAX + 2];
    static char text[RULES_MAX + 1][32];
    struct expanded e;

    (void)state;
    for (size_t i = 0; i <= RULES_MAX; i++)
        entries[i] = "read";
    assert_int_equal(expand(&e, NULL, entries), -E2BIG);
    arena_done(&e.arena);
    for (int i = 0; i < RULES_MAX; i++) {
        snprintf(text[i], sizeof(text[i]), "read(fd == %d)", i);
        entries[i] = text[i];
    }
    entries[RULES_MAX] = NULL;
    assert_int_equal(expand(&e, NULL, entries), 0);
    assert_int_equal(e.count, RULES_MAX);
    arena_done(&e.arena);
    entries[0] = "@sync"; /* as many entries, but more rules */
    assert_int_equal(expand(&e, NULL, entries), -E2BIG);
    arena_done(&e.arena);
}

static void test_without_memory(void **state)
{
    char group[] = "@default", *entries[] = {group};
    struct crib_error err;
    struct arena arena;
    struct rule *rules;
    size_t count;

    (void)state;
    (void)shipped();
    arena_init(&arena, 1024);
    assert_int_equal(rules_expand(entries, 1, &arena, &rules, &count, &err), -ENOMEM);
    arena_done(&arena);
}

#define FILE_OF(name, text)                                                                        \
    {                                                                                              \
        name, text, sizeof(text) - 1                                                               \
    }

static void test_circles_end(void **state)
{
    static const struct shipped files[] = {
        FILE_OF("a", "calls: ['@b', read]"),
        FILE_OF("b", "calls: ['@c', write, '@b']"),
        FILE_OF("c", "calls: [openat, '@a']"),
    };
    struct groups groups;
    struct arena arena;
    struct expanded e;

    (void)state;
    arena_init(&arena, 0);
    assert_int_equal(groups_read(files, 3, &arena, &groups, NULL), 0);
    for (size_t i = 0; i < 3; i++) {
        char entry[] = {'@', (char)('a' + i), '\0'};

        assert_int_equal(expand(&e, &groups, (const char *[]){entry, NULL}), 0);
        assert_int_equal(e.count, 3);
        assert_true(has(&e, "read") && has(&e, "write") && has(&e, "openat"));
        arena_done(&e.arena);
    }
    arena_done(&arena);
}

static void test_bad_group_files(void **state)
{
    static const struct {
        const char *text, *subject, *detail;
    } rows[] = {
        {"calls: [read, '@b']", "a:1:15", "unknown group '@b'"},
        {"about: x\ncalls:\n  - read\n  - raed\n", "a:4:5",
         "unknown system call 'raed', did you mean 'read'?"},
        {"calls: [read(path == 1)]", "a:1:9", "read has no argument 'path', it has fd, buf, count"},
        {"cals: [read]", "a:1:1", "unknown key 'cals', did you mean 'calls'?"},
    };
    struct groups groups;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct shipped file = {"a", rows[i].text, strlen(rows[i].text)};
        struct crib_error err = {0};
        struct arena arena;

        arena_init(&arena, 0);
        assert_int_equal(groups_read(&file, 1, &arena, &groups, &err), -EINVAL);
        assert_string_equal(err.subject, rows[i].subject);
        assert_string_equal(err.detail, rows[i].detail);
        arena_done(&arena);
    }
    assert_int_equal(groups_read(NULL, GROUPS_MAX + 1, NULL, &groups, NULL), -E2BIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shipped_groups_are_whole),
        cmocka_unit_test(test_known_has_every_call),
        cmocka_unit_test(test_every_call_has_a_group),
        cmocka_unit_test(test_lists_keep_their_order_without_repeats),
        cmocka_unit_test(test_groups_within_groups),
        cmocka_unit_test(test_bad_lists),
        cmocka_unit_test(test_long_lists_are_refused),
        cmocka_unit_test(test_without_memory),
        cmocka_unit_test(test_circles_end),
        cmocka_unit_test(test_bad_group_files),
    };

    return test_run(tests);
}
