/* SPDX-License-Identifier: Apache-2.0 */
#include "plan_mounts.h"

#include <errno.h>

static void test_tmpfs_has_limits_always(void **state)
{
    struct fixture f;
    Crib__Mount *mount;

    (void)state;
    fixture_start(&f);
    mount = add_mount(&f, TMPFS, NULL, "/tmp");
    must_build(&f);
    assert_int_equal(f.plan->mounts[0]->size, 64 << 20);
    assert_int_equal(f.plan->mounts[0]->inodes, 65536);
    assert_int_equal(f.plan->mounts[0]->mode, 0755);
    assert_true(f.plan->mounts[0]->write && f.plan->mounts[0]->exec);
    mount->has_size = true;
    must_refuse(&f, -EINVAL,
                "mounts[0] /tmp: a tmpfs of `size: 0` or `inodes: 0` would have no limit at all");
    mount->size = UINT64_MAX;
    must_refuse(&f, -EINVAL, "mounts[0] /tmp: `size` is more than the kernel can count");
    mount->size = 4096;
    mount->has_inodes = true;
    must_refuse(&f, -EINVAL,
                "mounts[0] /tmp: a tmpfs of `size: 0` or `inodes: 0` would have no limit at all");
    mount->inodes = 3;
    mount->has_mode = mount->has_write = mount->has_exec = true;
    mount->mode = 01777;
    must_build(&f);
    assert_int_equal(f.plan->mounts[0]->size, 4096);
    assert_int_equal(f.plan->mounts[0]->inodes, 3);
    assert_int_equal(f.plan->mounts[0]->mode, 01777);
    assert_false(f.plan->mounts[0]->write || f.plan->mounts[0]->exec);
    mount->mode = 02755;
    must_refuse(&f, -EINVAL, "mounts[0] /tmp: `mode` is more than the permission bits 0 to 01777");
    fixture_done(&f);
}

static void test_nothing_over_a_proc(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f);
    add_mount(&f, PROC, NULL, "/jail/proc");
    add_mount(&f, PROC, NULL, "/jail/proc");
    must_build(&f);
    assert_string_equal(mounts_of(&f), "proc /jail/proc");
    assert_false(f.plan->mounts[0]->write);
    f.policy->mounts[1]->target = bytes("/jail/proc/x");
    must_refuse(&f, -EINVAL,
                "mounts[1] /jail/proc/x: nothing may be mounted over a proc or inside it");
    f.policy->mounts[1]->type = TMPFS;
    must_refuse(&f, -EINVAL,
                "mounts[1] /jail/proc/x: nothing may be mounted over a proc or inside it");
    f.policy->mounts[1]->target = bytes("/jail/proc");
    must_refuse(&f, -EINVAL,
                "mounts[1] /jail/proc: nothing may be mounted over a proc or inside it");
    fixture_done(&f);
}

static void test_files_and_dirs(void **state)
{
    struct fixture f;
    Crib__Mount *mount;

    (void)state;
    fixture_start(&f);
    mount = add_mount(&f, FILE_, NULL, "/etc/hosts");
    mount->has_content = true;
    mount->content = bytes("base");
    add_mount(&f, DIR_, NULL, "/var/lib");
    add_mount(&f, DIR_, NULL, "/var/lib");
    mount = add_mount(&f, FILE_, NULL, "/etc/hosts");
    mount->has_content = mount->has_mode = true;
    mount->content = bytes("mine");
    mount->mode = 0400;
    must_build(&f);
    assert_string_equal(mounts_of(&f), "file /etc/hosts\ndir /var/lib");
    assert_string_equal((char *)f.plan->mounts[0]->content.data, "mine");
    assert_int_equal(f.plan->mounts[0]->mode, 0400);
    assert_int_equal(f.plan->mounts[1]->mode, 0755);
    add_mount(&f, FILE_, NULL, "/empty");
    must_build(&f);
    assert_int_equal(f.plan->mounts[2]->content.len, 0);
    assert_int_equal(f.plan->mounts[2]->mode, 0444);
    fixture_done(&f);
}

static void test_the_tasks_own_name(void **state)
{
    static const struct {
        Crib__Mount__Names names;
        const char *content, *text;
    } rows[] = {
        {CRIB__MOUNT__NAMES__users, "root:x:0:0::/:/x\n",
         "root:x:0:0::/:/x\ntask:x:1000:1000:task:/tmp:/bin/sh\n"},
        {CRIB__MOUNT__NAMES__users, "no newline",
         "no newline\ntask:x:1000:1000:task:/tmp:/bin/sh\n"},
        {CRIB__MOUNT__NAMES__users, "", "task:x:1000:1000:task:/tmp:/bin/sh\n"},
        {CRIB__MOUNT__NAMES__users, "me:x:1000:5::/:/x\n", "me:x:1000:5::/:/x\n"},
        {CRIB__MOUNT__NAMES__groups, "root:x:0:\n", "root:x:0:\ntask:x:1000:\n"},
        {CRIB__MOUNT__NAMES__groups, "us:x:1000:me\n", "us:x:1000:me\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture f;
        Crib__Mount *mount;

        fixture_start(&f);
        mount = add_mount(&f, FILE_, NULL, "/etc/passwd");
        mount->has_names = mount->has_content = true;
        mount->names = rows[i].names;
        mount->content = bytes(rows[i].content);
        must_build(&f);
        assert_string_equal((char *)f.plan->mounts[0]->content.data, rows[i].text);
        assert_int_equal(f.plan->mounts[0]->content.len, strlen(rows[i].text));
        fixture_done(&f);
    }
}

static void test_names_that_collide(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f);
    add_mount(&f, SYMLINK, "/x", "/a");
    add_mount(&f, SYMLINK, "/x", "/a");
    must_build(&f);
    assert_string_equal(mounts_of(&f), "symlink /x -> /a");
    f.policy->mounts[1]->source = bytes("/y");
    must_refuse(&f, -EEXIST, "mounts[1] /a: an earlier mount has put another symlink there");
    f.policy->mounts[1]->type = FILE_;
    f.policy->mounts[1]->has_source = false;
    must_refuse(&f, -EEXIST, "mounts[1] /a: an earlier mount has put something else there");
    f.policy->mounts[1]->type = SYMLINK;
    must_refuse(&f, -EINVAL, "mounts[1] /a: a symlink needs a `source`: what it points to");
    fixture_done(&f);
}

static void test_nothing_is_made_on_the_host(void **state)
{
    static const Crib__Mount__Type types[] = {SYMLINK, FILE_, DIR_};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct fixture f;

        fixture_start(&f);
        add_path(&f, "/data", A_DIR);
        add_mount(&f, BIND, NULL, "/data");
        add_mount(&f, types[i], types[i] == SYMLINK ? "/x" : NULL, "/data/new");
        must_refuse(&f, -EINVAL,
                    "mounts[1] /data/new: it would have to be made inside a bind, and so on the "
                    "host, where crib writes nothing");
        f.policy->mounts[1]->type = TMPFS;
        f.policy->mounts[1]->has_source = false;
        must_build(&f);
        fixture_done(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tmpfs_has_limits_always),
        cmocka_unit_test(test_nothing_over_a_proc),
        cmocka_unit_test(test_files_and_dirs),
        cmocka_unit_test(test_the_tasks_own_name),
        cmocka_unit_test(test_names_that_collide),
        cmocka_unit_test(test_nothing_is_made_on_the_host),
    };

    return test_run(tests);
}
