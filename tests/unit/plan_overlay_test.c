/* SPDX-License-Identifier: Apache-2.0 */
#include "plan_mounts.h"

#include <errno.h>

#include "plan/view.h"

#define OVERLAY CRIB__MOUNT__TYPE__overlay
#define MASK    CRIB__MOUNT__TYPE__mask

static void test_an_overlay(void **state)
{
    struct fixture f;
    Crib__Mount *mount;
    const Crib__MountPlan *plan;

    (void)state;
    fixture_start(&f);
    add_path(&f, "/srv", A_DIR);
    mount = add_mount(&f, OVERLAY, "/srv", "/w");
    must_build(&f);
    assert_string_equal(mounts_of(&f), "overlay /srv -> /w");
    plan = f.plan->mounts[0];
    assert_true(plan->write && plan->exec && !plan->dev && plan->is_dir);
    assert_int_equal(plan->keep, CRIB__MOUNT__KEEP__discard);
    assert_int_equal(plan->size, 64u << 20);
    assert_int_equal(plan->inodes, 65536);
    assert_int_equal(plan->inode, f.host->paths[plan->host_path]->ino);
    assert_string_equal(receipt_of(&f, "overlay /w"), "discard -> changes go to memory");
    mount->has_keep = mount->has_size = mount->has_inodes = mount->has_exec = true;
    mount->keep = CRIB__MOUNT__KEEP__commit;
    mount->size = 4096;
    mount->inodes = 7;
    must_build(&f);
    plan = f.plan->mounts[0];
    assert_true(plan->keep == CRIB__MOUNT__KEEP__commit && plan->size == 4096 &&
                plan->inodes == 7 && !plan->exec);
    mount->size = 0;
    must_refuse(&f, -EINVAL,
                "mounts[0] /w: a tmpfs of `size: 0` or `inodes: 0` would have no limit at all");
    fixture_done(&f);
}

static void test_what_an_overlay_is_not(void **state)
{
    struct fixture f;
    Crib__Mount *mount;

    (void)state;
    fixture_start(&f);
    add_path(&f, "/srv", A_DIR);
    add_path(&f, "/file", A_FILE);
    mount = add_mount(&f, OVERLAY, "/file", "/w");
    must_refuse(&f, -ENOTDIR, "mounts[0] /w: the source of an overlay is a directory");
    mount->source = bytes("/srv");
    mount->has_dev = mount->dev = true;
    must_refuse(&f, -EINVAL, "mounts[0] /w: `dev` has no meaning for this type");
    mount->has_dev = false;
    mount->has_keep = true;
    mount->keep = (Crib__Mount__Keep)9;
    must_refuse(&f, -EINVAL, "mounts[0] /w: no `keep` that is known");
    mount->keep = CRIB__MOUNT__KEEP__list;
    f.task->has_detached = f.task->detached = true;
    must_refuse(&f, -EINVAL,
                "mounts[0] /w: nobody is there to be told what a detached task changes: `keep: "
                "discard`");
    f.task->detached = false;
    mount->type = BIND;
    must_refuse(&f, -EINVAL, "mounts[0] /w: `keep` has no meaning for this type");
    mount->type = OVERLAY;
    add_mount(&f, FILE_, NULL, "/w/file");
    must_refuse(&f, -EINVAL,
                "mounts[1] /w/file: it would have to be made inside an overlay, and so be one of "
                "the task's changes");
    fixture_done(&f);
}

/* Detached trees are numbered in the order of the plan, binds and overlays alike. */
static void test_trees(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f);
    f.host->privileged = true;
    f.host->uid = f.host->gid = 0;
    add_path(&f, "/a", A_DIR);
    add_mount(&f, BIND, NULL, "/a");
    add_mount(&f, OVERLAY, "/a", "/b");
    add_mount(&f, BIND, "/a", "/c");
    must_build(&f);
    for (int i = 0; i < 3; i++)
        assert_int_equal(f.plan->mounts[i]->tree, i);
    fixture_done(&f);
}

/* Whatever the order, and also over what the task itself is given. */
static void test_masks_come_last(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f);
    add_path(&f, "/srv", A_DIR);
    add_mount(&f, MASK, NULL, "/srv/.git/hooks");
    add_mount(&f, MASK, NULL, "/srv/link");
    add_mount(&f, TMPFS, NULL, "/tmp");
    add_mount(&f, BIND, NULL, "/srv")->has_write = true;
    move_to_task(&f);
    must_build(&f);
    assert_string_equal(mounts_of(&f),
                        "tmpfs /tmp\nbind /srv -> /srv\nmask /srv/.git/hooks\nmask /srv/link");
    assert_int_equal(view_over(f.plan, "/srv/.git/hooks/x", NULL)->type,
                     CRIB__MOUNT_PLAN__TYPE__mask);
    assert_int_equal(view_under(f.plan, "/srv/.git/hooks")->type, CRIB__MOUNT_PLAN__TYPE__bind);
    assert_null(view_under(f.plan, "/nowhere"));
    fixture_done(&f);
}

static void test_what_a_mask_is_not(void **state)
{
    struct fixture f;
    Crib__Mount *mount;

    (void)state;
    fixture_start(&f);
    mount = add_mount(&f, MASK, "/srv", "/x");
    must_refuse(&f, -EINVAL, "mounts[0] /x: `source` has no meaning for this type");
    mount->has_source = false;
    mount->has_mode = true;
    must_refuse(&f, -EINVAL, "mounts[0] /x: `mode` has no meaning for this type");
    mount->has_mode = false;
    mount->target = bytes("/proc/kcore");
    must_refuse(&f, -EINVAL, "mounts[0] /proc/kcore: nothing may be mounted inside /proc");
    mount->target = bytes("/");
    must_refuse(&f, -EINVAL, "mounts[0] /: the root itself cannot be a target");
    fixture_done(&f);
}

/* A base's proc is made writable by who says so, and read-only again. */
static void test_a_second_proc(void **state)
{
    struct fixture f;
    Crib__Mount *mount;

    (void)state;
    fixture_start(&f);
    add_mount(&f, PROC, NULL, "/proc");
    mount = add_mount(&f, PROC, NULL, "/proc");
    must_build(&f);
    assert_int_equal(f.plan->n_mounts, 1);
    assert_false(f.plan->mounts[0]->write);
    mount->has_write = mount->write = true;
    must_build(&f);
    assert_int_equal(f.plan->n_mounts, 1);
    assert_true(f.plan->mounts[0]->write);
    add_mount(&f, PROC, NULL, "/proc")->has_write = true;
    must_build(&f);
    assert_false(f.plan->mounts[0]->write);
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_overlay),
        cmocka_unit_test(test_what_an_overlay_is_not),
        cmocka_unit_test(test_trees),
        cmocka_unit_test(test_masks_come_last),
        cmocka_unit_test(test_what_a_mask_is_not),
        cmocka_unit_test(test_a_second_proc),
    };

    return test_run(tests);
}
