/* SPDX-License-Identifier: Apache-2.0 */
#include "plan_mounts.h"

#include <errno.h>

static void test_symlinks_lead_from_where_they_stand(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f);
    add_mount(&f, SYMLINK, "../deep/er", "/a/link");
    add_mount(&f, SYMLINK, "/b", "/deep/er/x");
    add_mount(&f, TMPFS, NULL, "/a/link/x/end");
    add_mount(&f, DIR_, NULL, "/a/link/y");
    must_build(&f);
    assert_string_equal(mounts_of(&f), "symlink ../deep/er -> /a/link\n"
                                       "symlink /b -> /deep/er/x\n"
                                       "tmpfs /b/end\n"
                                       "dir /deep/er/y");
    fixture_done(&f);
}

static void test_symlinks_in_a_circle_are_refused(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f);
    add_mount(&f, SYMLINK, "/b", "/a");
    add_mount(&f, SYMLINK, "a", "/b");
    add_mount(&f, TMPFS, NULL, "/a/x");
    must_refuse(&f, -ELOOP, "mounts[2] /a/x: its symlinks lead around in a circle");
    fixture_done(&f);
}

static void test_a_covered_symlink_leads_nowhere(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f);
    add_mount(&f, SYMLINK, "/elsewhere", "/a/link");
    add_mount(&f, TMPFS, NULL, "/a");
    add_mount(&f, DIR_, NULL, "/a/link/x");
    must_build(&f);
    assert_string_equal((char *)f.plan->mounts[2]->target.data, "/a/link/x");
    fixture_done(&f);
}

static void test_a_symlink_cannot_lead_into_proc_or_out_of_reach(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f);
    add_mount(&f, SYMLINK, "/proc/self/fd", "/dev/fd");
    add_mount(&f, TMPFS, NULL, "/dev/fd/3");
    must_refuse(&f, -EINVAL, "mounts[1] /proc/self/fd/3: nothing may be mounted inside /proc");
    f.policy->mounts[0]->source = bytes("../../..");
    f.policy->mounts[1]->target = bytes("/dev/fd");
    must_refuse(&f, -EINVAL, "mounts[1] /: the root itself cannot be a target");
    fixture_done(&f);
}

static void test_targets_that_are_refused(void **state)
{
    static const struct {
        const char *target, *sentence;
    } rows[] = {
        {NULL, "mounts[0]: it has no target"},
        {"", "mounts[0]: the target is empty"},
        {"tmp", "mounts[0] tmp: the target is not an absolute path"},
        {"/a/../etc", "mounts[0] /a/../etc: the target has a `..` in it"},
        {"/..", "mounts[0] /..: the target has a `..` in it"},
        {"/", "mounts[0] /: the root itself cannot be a target"},
        {"/./", "mounts[0] /: the root itself cannot be a target"},
        {"/proc/self", "mounts[0] /proc/self: nothing may be mounted inside /proc"},
        {"//proc//sys", "mounts[0] /proc/sys: nothing may be mounted inside /proc"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture f;

        fixture_start(&f);
        add_mount(&f, TMPFS, NULL, rows[i].target);
        must_refuse(&f, -EINVAL, rows[i].sentence);
        fixture_done(&f);
    }
}

static void test_targets_are_cleaned(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f);
    add_mount(&f, TMPFS, NULL, "//a/./b///");
    add_mount(&f, TMPFS, NULL, "/..a/...");
    must_build(&f);
    assert_string_equal(mounts_of(&f), "tmpfs /a/b\ntmpfs /..a/...");
    fixture_done(&f);
}

static void test_long_and_broken_paths(void **state)
{
    char path[5000];
    struct fixture f;

    (void)state;
    memset(path, 'x', sizeof(path) - 1);
    path[0] = '/';
    path[sizeof(path) - 1] = '\0';
    fixture_start(&f);
    add_mount(&f, TMPFS, NULL, path);
    must_refuse(&f, -ENAMETOOLONG, "mounts[0]: the target is longer than 4095 bytes");
    f.policy->mounts[0]->target = (ProtobufCBinaryData){4, (uint8_t *)"/a\0b"};
    must_refuse(&f, -EINVAL, "mounts[0]: the target has a NUL byte inside");
    fixture_done(&f);
}

static void test_fields_without_meaning_are_refused(void **state)
{
    static const struct {
        Crib__Mount__Type type;
        const char *field, *sentence;
    } rows[] = {
        {TMPFS, "source", "mounts[0] /t: `source` has no meaning for this type"},
        {PROC, "source", "mounts[0] /t: `source` has no meaning for this type"},
        {FILE_, "write",
         "mounts[0] /t: `write` has no meaning for this type: the root is read-only"},
        {PROC, "exec", "mounts[0] /t: `exec` has no meaning for this type"},
        {TMPFS, "dev", "mounts[0] /t: `dev` has no meaning for this type"},
        {DIR_, "optional", "mounts[0] /t: `optional` has no meaning for this type"},
        {BIND, "size", "mounts[0] /t: `size` has no meaning for this type"},
        {FILE_, "inodes", "mounts[0] /t: `inodes` has no meaning for this type"},
        {BIND, "mode", "mounts[0] /t: `mode` has no meaning for this type"},
        {TMPFS, "names", "mounts[0] /t: `names` has no meaning for this type"},
        {SYMLINK, "content", "mounts[0] /t: `content` has no meaning for this type"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field_by_name(
            &crib__mount__descriptor, rows[i].field);
        struct fixture f;
        char *mount;

        fixture_start(&f);
        add_path(&f, "/s", A_DIR);
        mount = (char *)add_mount(&f, rows[i].type, rows[i].type == BIND ? "/s" : NULL, "/t");
        *(protobuf_c_boolean *)(mount + field->quantifier_offset) = true;
        if (field->type == PROTOBUF_C_TYPE_BOOL)
            *(protobuf_c_boolean *)(mount + field->offset) = true;
        must_refuse(&f, -EINVAL, rows[i].sentence);
        fixture_done(&f);
    }
}

static void test_no_mounts_among_the_hosts(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f);
    f.policy->namespaces = ARENA_NEW(&f.arena, crib__namespaces, Crib__Namespaces);
    f.policy->namespaces->has_mount = true;
    f.policy->namespaces->mount = CRIB__NAMESPACES__SPACE__host;
    must_build(&f);
    assert_string_equal(receipt_of(&f, "mounts"), "the host's -> the host's");
    add_mount(&f, TMPFS, NULL, "/tmp");
    must_refuse(&f, -EINVAL, "mounts[0] /tmp: `namespaces.mount: host` leaves no room for mounts");
    move_to_task(&f);
    must_refuse(&f, -EINVAL,
                "task.mounts[0] /tmp: `namespaces.mount: host` leaves no room for mounts");
    fixture_done(&f);
}

static void test_too_many(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f);
    for (int i = 0; i < 128; i++)
        add_mount(&f, DIR_, NULL, arena_printf(&f.arena, "/d%d", i));
    must_build(&f);
    add_mount(&f, DIR_, NULL, "/one");
    must_refuse(&f, -E2BIG, "mounts: 129 mounts, at most 128 are allowed");
    fixture_done(&f);
}

static void test_an_unknown_type(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f);
    add_mount(&f, (Crib__Mount__Type)(CRIB__MOUNT__TYPE__mask + 1), NULL, "/t");
    must_refuse(&f, -EINVAL, "mounts[0]: no type that is known");
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_symlinks_lead_from_where_they_stand),
        cmocka_unit_test(test_symlinks_in_a_circle_are_refused),
        cmocka_unit_test(test_a_covered_symlink_leads_nowhere),
        cmocka_unit_test(test_a_symlink_cannot_lead_into_proc_or_out_of_reach),
        cmocka_unit_test(test_targets_that_are_refused),
        cmocka_unit_test(test_targets_are_cleaned),
        cmocka_unit_test(test_long_and_broken_paths),
        cmocka_unit_test(test_fields_without_meaning_are_refused),
        cmocka_unit_test(test_no_mounts_among_the_hosts),
        cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_an_unknown_type),
    };

    return test_run(tests);
}
