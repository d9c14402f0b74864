/* SPDX-License-Identifier: Apache-2.0 */
#include "plan_fixture.h"

#include <errno.h>
#include <stdlib.h>

#include "plan/paths.h"

static void test_clean(void **state)
{
    static const char *const rows[][3] = {
        {"/", "/", "/"},          {"/", "//a///b/", "/a/b"},
        {"/", "/a/./b", "/a/b"},  {"/", "/a/../b", "/b"},
        {"/", "/../../a", "/a"},  {"/x/y", "b", "/x/y/b"},
        {"/x/y", "../b", "/x/b"}, {"/x", "../../..", "/"},
        {"/x", "/b", "/b"},       {"/", "/..a/b..", "/..a/b.."},
        {"/x", ".", "/x"},        {"/x", "", "/x"},
    };
    struct arena arena;

    (void)state;
    arena_init(&arena, 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_string_equal(path_clean(&arena, rows[i][0], rows[i][1]), rows[i][2]);
    arena_done(&arena);
}

static void test_below(void **state)
{
    (void)state;
    assert_string_equal(path_below("/a/b", "/a"), "/b");
    assert_string_equal(path_below("/a", "/a"), "");
    assert_string_equal(path_below("/a", "/"), "/a");
    assert_string_equal(path_below("/", "/"), "");
    assert_null(path_below("/ab", "/a"));
    assert_null(path_below("/", "/a"));
    assert_null(path_below("/b", "/a"));
}

static void test_climbs(void **state)
{
    (void)state;
    assert_true(path_climbs("/a/../b"));
    assert_true(path_climbs(".."));
    assert_true(path_climbs("/a/.."));
    assert_false(path_climbs("/a/..b/b../..."));
}

static void test_the_host_is_asked_about_sources_and_the_file(void **state)
{
    const char *const *paths;
    struct fixture f;
    size_t count;

    (void)state;
    fixture_start(&f);
    add_mount(&f, CRIB__MOUNT__TYPE__bind, NULL, "/usr/");
    add_mount(&f, CRIB__MOUNT__TYPE__tmpfs, NULL, "/tmp");
    add_mount(&f, CRIB__MOUNT__TYPE__host, "/lib", "/lib64");
    add_mount(&f, CRIB__MOUNT__TYPE__symlink, "/x", "/y");
    add_mount(&f, CRIB__MOUNT__TYPE__bind, "//usr", "/again");
    add_mount(&f, CRIB__MOUNT__TYPE__bind, "data", "/data");
    arena_push(&f.arena, &f.task->mounts, &f.task->n_mounts,
               f.policy->mounts[--f.policy->n_mounts]);
    f.task->file = bytes("bin/../prog");
    assert_int_equal(plan_paths(f.task, f.host, &f.arena, &paths, &count, &f.err), 0);
    assert_int_equal(count, 4);
    assert_string_equal(paths[0], "/usr");
    assert_string_equal(paths[1], "/lib");
    assert_string_equal(paths[2], "/home/user/data");
    assert_string_equal(paths[3], "/home/user/prog");
    f.task->file = bytes("prog");
    assert_int_equal(plan_paths(f.task, f.host, &f.arena, &paths, &count, &f.err), 0);
    assert_int_equal(count, 3);
    fixture_done(&f);
}

static void must_not_ask(struct fixture *f, int code, const char *sentence)
{
    const char *const *paths;
    char text[700];
    size_t count;

    assert_int_equal(plan_paths(f->task, f->host, &f->arena, &paths, &count, &f->err), code);
    assert_string_equal(crib_error_text(&f->err, text, sizeof(text)), sentence);
}

static void test_bad_paths_are_refused_before_the_host_is_asked(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f);
    f.task->file = (ProtobufCBinaryData){4, (uint8_t *)"/a\0b"};
    must_not_ask(&f, -EINVAL, "program: the file has a NUL byte inside");
    add_mount(&f, CRIB__MOUNT__TYPE__bind, "usr", "/usr");
    must_not_ask(&f, -EINVAL, "mounts[0] usr: the source is not an absolute path");
    f.policy->mounts[0]->has_source = f.policy->mounts[0]->has_target = false;
    must_not_ask(&f, -EINVAL, "mounts[0]: it has no target");
    for (int i = 0; i < 128; i++)
        add_mount(&f, CRIB__MOUNT__TYPE__bind, NULL, "/usr");
    must_not_ask(&f, -E2BIG, "mounts: 129 mounts, at most 128 are allowed");
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clean),
        cmocka_unit_test(test_below),
        cmocka_unit_test(test_climbs),
        cmocka_unit_test(test_the_host_is_asked_about_sources_and_the_file),
        cmocka_unit_test(test_bad_paths_are_refused_before_the_host_is_asked),
    };

    return test_run(tests);
}
