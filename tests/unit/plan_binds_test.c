/* SPDX-License-Identifier: Apache-2.0 */
#include "plan_mounts.h"

#include <errno.h>

static void test_bind_is_read_only_and_may_run_things(void **state)
{
    struct fixture f;
    const Crib__MountPlan *mount;

    (void)state;
    fixture_start(&f);
    add_path(&f, "/usr", A_DIR);
    add_mount(&f, BIND, NULL, "/usr");
    must_build(&f);
    mount = f.plan->mounts[0];
    assert_string_equal(mounts_of(&f), "bind /usr -> /usr");
    assert_true(mount->is_dir && mount->exec);
    assert_false(mount->write || mount->dev);
    assert_int_equal(mount->device, 2049);
    assert_int_equal(mount->inode, 100);
    assert_int_equal(mount->host_path, 0);
    assert_int_equal(mount->tree, -1);
    assert_string_equal(mount->from, "policy");
    fixture_done(&f);
}

static void test_flags_are_as_asked(void **state)
{
    struct fixture f;
    Crib__Mount *mount;

    (void)state;
    fixture_start(&f);
    add_path(&f, "/data", A_DIR);
    mount = add_mount(&f, BIND, "/data", "/srv");
    mount->has_write = mount->write = mount->has_dev = mount->dev = true;
    mount->has_exec = true;
    must_build(&f);
    assert_string_equal(mounts_of(&f), "bind /data -> /srv");
    assert_true(f.plan->mounts[0]->write && f.plan->mounts[0]->dev);
    assert_false(f.plan->mounts[0]->exec);
    fixture_done(&f);
}

static void test_a_bind_follows_the_hosts_symlink(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f);
    add_link(&f, "/etc/resolv.conf", "../run/resolv.conf", "/run/resolv.conf", A_FILE);
    add_mount(&f, BIND, NULL, "/etc/resolv.conf");
    must_build(&f);
    assert_string_equal(mounts_of(&f), "bind /run/resolv.conf -> /etc/resolv.conf");
    assert_false(f.plan->mounts[0]->is_dir);
    fixture_done(&f);
}

static void test_host_keeps_symlinks_and_targets_go_through_them(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f);
    add_path(&f, "/usr", A_DIR);
    add_link(&f, "/bin", "usr/bin", "/usr/bin", A_DIR);
    add_path(&f, "/opt/tool", A_FILE);
    add_mount(&f, HOST, NULL, "/usr");
    add_mount(&f, HOST, NULL, "/bin");
    add_mount(&f, BIND, "/opt/tool", "/bin/tool");
    must_build(&f);
    assert_string_equal(mounts_of(&f), "bind /usr -> /usr\n"
                                       "symlink usr/bin -> /bin\n"
                                       "bind /opt/tool -> /usr/bin/tool");
    assert_false(f.plan->mounts[1]->has_tree);
    fixture_done(&f);
}

static void test_where_usr_is_not_merged_host_binds(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f);
    add_path(&f, "/bin", A_DIR);
    add_mount(&f, HOST, NULL, "/bin");
    must_build(&f);
    assert_string_equal(mounts_of(&f), "bind /bin -> /bin");
    fixture_done(&f);
}

static void test_sources_that_are_refused(void **state)
{
    static const struct {
        int kind, code, mode;
        const char *real;
        int error;
        const char *sentence;
    } rows[] = {
        {CRIB__HOST_PATH__KIND__missing, -ENOENT, 0, "/data", -ENOENT,
         "mounts[0] /data: bind source: No such file or directory"},
        {CRIB__HOST_PATH__KIND__unreadable, -EACCES, 0, "/data", -EACCES,
         "mounts[0] /data: bind source: Permission denied"},
        {CRIB__HOST_PATH__KIND__unreadable, -ENOSYS, 0, "/data", -EOPNOTSUPP,
         "mounts[0] /data: this kernel has no openat2 (Linux 5.6), without which no path of the "
         "host can be resolved safely"},
        {CRIB__HOST_PATH__KIND__device, 0, 0, "/data", -EINVAL,
         "mounts[0] /srv: the source is a device node: say `dev: true` to show it"},
        {CRIB__HOST_PATH__KIND__other, 0, 0, "/data", -EINVAL,
         "mounts[0] /srv: the source is a socket or FIFO, whose other end is outside: say "
         "`write: true` to let the task talk to it"},
        {CRIB__HOST_PATH__KIND__dir, 0, 0, "/proc/1", -EINVAL,
         "mounts[0] /srv: the host's /proc is never shown: use `type: proc`, and bind parts of "
         "the host instead of all of it"},
        {CRIB__HOST_PATH__KIND__dir, 0, 0, "/", -EINVAL,
         "mounts[0] /srv: the host's /proc is never shown: use `type: proc`, and bind parts of "
         "the host instead of all of it"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture f;
        Crib__HostPath *path;

        fixture_start(&f);
        path = add_path(&f, "/data", (Crib__HostPath__Kind)rows[i].kind);
        path->has_code = rows[i].code != 0;
        path->code = rows[i].code;
        path->real = bytes(rows[i].real);
        add_mount(&f, BIND, "/data", "/srv");
        must_refuse(&f, rows[i].error, rows[i].sentence);
        fixture_done(&f);
    }
}

static void test_devices_and_sockets_when_said(void **state)
{
    struct fixture f;
    Crib__Mount *mount;

    (void)state;
    fixture_start(&f);
    add_path(&f, "/dev/null", CRIB__HOST_PATH__KIND__device);
    add_path(&f, "/run/bus", CRIB__HOST_PATH__KIND__other);
    mount = add_mount(&f, BIND, NULL, "/dev/null");
    mount->has_dev = mount->dev = true;
    mount = add_mount(&f, BIND, NULL, "/run/bus");
    mount->has_write = mount->write = true;
    must_build(&f);
    assert_string_equal(mounts_of(&f), "bind /dev/null -> /dev/null\nbind /run/bus -> /run/bus");
    fixture_done(&f);
}

static void test_optional_and_missing_is_skipped_and_told(void **state)
{
    struct fixture f;
    Crib__HostPath *path;

    (void)state;
    fixture_start(&f);
    path = add_path(&f, "/etc/x", CRIB__HOST_PATH__KIND__missing);
    add_link(&f, "/etc/y", "nowhere", "", CRIB__HOST_PATH__KIND__missing);
    add_mount(&f, BIND, NULL, "/etc/x")->has_optional = true;
    add_mount(&f, BIND, NULL, "/etc/y")->has_optional = true;
    f.policy->mounts[0]->optional = f.policy->mounts[1]->optional = true;
    must_build(&f);
    assert_int_equal(f.plan->n_mounts, 0);
    assert_string_equal(receipt_of(&f, "mounts[0]"), "/etc/x, optional -> skipped: missing");
    assert_string_equal(receipt_of(&f, "mounts[1]"), "/etc/y, optional -> skipped: missing");
    path->kind = CRIB__HOST_PATH__KIND__unreadable;
    path->code = -EACCES;
    must_refuse(&f, -EACCES, "mounts[0] /etc/x: bind source: Permission denied");
    fixture_done(&f);
}

static void test_privileged_parents_number_the_trees(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f);
    f.host->privileged = true;
    add_path(&f, "/a", A_DIR);
    add_path(&f, "/b", A_DIR);
    add_path(&f, "/home/user/prog", A_FILE);
    add_mount(&f, BIND, NULL, "/a");
    add_mount(&f, TMPFS, NULL, "/tmp");
    add_mount(&f, BIND, NULL, "/b");
    f.task->file = bytes("./prog");
    must_build(&f);
    assert_int_equal(f.plan->mounts[0]->tree, 0);
    assert_int_equal(f.plan->mounts[2]->tree, 1);
    assert_int_equal(f.plan->mounts[3]->tree, 2);
    assert_string_equal(f.plan->mounts[3]->from, "program");
    fixture_done(&f);
}

static void test_the_tasks_binds_come_after_the_policys(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f);
    add_path(&f, "/home/user/src", A_DIR);
    add_path(&f, "/home/data", A_DIR);
    add_mount(&f, TMPFS, NULL, "/tmp");
    add_mount(&f, BIND, "src", "/tmp/src");
    move_to_task(&f);
    add_mount(&f, BIND, "../data", NULL);
    move_to_task(&f);
    must_build(&f);
    assert_string_equal(mounts_of(&f), "tmpfs /tmp\n"
                                       "bind /home/user/src -> /tmp/src\n"
                                       "bind /home/data -> /home/data");
    assert_string_equal(f.plan->mounts[1]->from, "task");
    f.task->mounts[0]->target = bytes("relative");
    must_refuse(&f, -EINVAL, "task.mounts[0] relative: the target is not an absolute path");
    fixture_done(&f);
}

static void test_a_policys_source_is_absolute(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f);
    add_mount(&f, BIND, "src", "/src");
    must_refuse(&f, -EINVAL, "mounts[0] src: the source is not an absolute path");
    f.policy->mounts[0]->source = bytes("/unasked");
    must_refuse(&f, -EINVAL, "mounts[0] /unasked: the host was not asked about this source");
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bind_is_read_only_and_may_run_things),
        cmocka_unit_test(test_flags_are_as_asked),
        cmocka_unit_test(test_a_bind_follows_the_hosts_symlink),
        cmocka_unit_test(test_host_keeps_symlinks_and_targets_go_through_them),
        cmocka_unit_test(test_where_usr_is_not_merged_host_binds),
        cmocka_unit_test(test_sources_that_are_refused),
        cmocka_unit_test(test_devices_and_sockets_when_said),
        cmocka_unit_test(test_optional_and_missing_is_skipped_and_told),
        cmocka_unit_test(test_privileged_parents_number_the_trees),
        cmocka_unit_test(test_the_tasks_binds_come_after_the_policys),
        cmocka_unit_test(test_a_policys_source_is_absolute),
    };

    return test_run(tests);
}
