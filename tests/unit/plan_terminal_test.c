/* SPDX-License-Identifier: Apache-2.0 */
#include "plan_mounts.h"

#include <errno.h>

#define PTY CRIB__STDIO__KIND__pty

static void start(struct fixture *f)
{
    fixture_start(f);
    add_stdio(f, 0, PTY);
    add_stdio(f, 1, PTY);
}

static Crib__Terminal *add_size(struct fixture *f, unsigned rows, unsigned columns)
{
    Crib__Terminal *size = ARENA_NEW(&f->arena, crib__terminal, Crib__Terminal);

    size->has_rows = size->has_columns = true;
    size->rows = rows;
    size->columns = columns;
    return f->task->terminal = size;
}

static void test_without_a_pty_there_is_none(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f);
    add_stdio(&f, 1, CRIB__STDIO__KIND__pipe);
    must_build(&f);
    assert_null(f.plan->program->terminal);
    assert_string_equal(mounts_of(&f), "");
    assert_string_equal(receipt_of(&f, "terminal"), "nothing");
    add_size(&f, 24, 80);
    must_refuse(&f, -EINVAL, "terminal: it has a size, but none of fds 0 to 2 is a pty");
    fixture_done(&f);
}

static void test_a_devpts_of_its_own(void **state)
{
    const Crib__MountPlan *devpts;
    struct fixture f;

    (void)state;
    start(&f);
    must_build(&f);
    assert_string_equal(mounts_of(&f), "devpts /dev/pts\nsymlink pts/ptmx -> /dev/ptmx");
    devpts = f.plan->mounts[0];
    assert_true(devpts->write && devpts->dev);
    assert_false(devpts->exec);
    assert_int_equal(devpts->mode, 0600);
    assert_string_equal(devpts->from, "terminal");
    assert_string_equal(receipt_of(&f, "terminal"),
                        "24 rows, 80 columns -> a pty of its own, /dev/pts/0");
    fixture_done(&f);
}

static void test_its_size(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    must_build(&f);
    assert_int_equal(f.plan->program->terminal->rows, 24);
    assert_int_equal(f.plan->program->terminal->columns, 80);
    add_size(&f, 65535, 0);
    must_build(&f);
    assert_int_equal(f.plan->program->terminal->rows, 65535);
    assert_int_equal(f.plan->program->terminal->columns, 80);
    f.task->terminal->rows = 65536;
    must_refuse(&f, -EINVAL, "terminal: 65536 rows and 80 columns, at most 65535 are allowed");
    f.task->terminal->rows = 1;
    f.task->terminal->columns = 4294967295;
    must_refuse(&f, -EINVAL, "terminal: 1 rows and 4294967295 columns, at most 65535 are allowed");
    fixture_done(&f);
}

/* Whatever shows the host's ptys, or something else, is covered by it. */
static void test_it_lies_over_what_the_policy_has_there(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    add_path(&f, "/dev", A_DIR);
    add_path(&f, "/dev/pts", A_DIR);
    add_mount(&f, BIND, "/dev", "/dev")->has_write = true;
    add_mount(&f, BIND, "/dev/pts", "/dev/pts");
    must_build(&f);
    /* no symlink is made on the host; its node /dev/ptmx finds the devpts beside it */
    assert_string_equal(mounts_of(&f),
                        "bind /dev -> /dev\nbind /dev/pts -> /dev/pts\ndevpts /dev/pts");
    fixture_done(&f);
}

static void test_a_ptmx_of_the_policy_stays(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    add_path(&f, "/dev/ptmx", CRIB__HOST_PATH__KIND__device);
    add_mount(&f, BIND, NULL, "/dev/ptmx")->has_dev = true;
    f.policy->mounts[0]->dev = true;
    must_build(&f);
    assert_string_equal(mounts_of(&f), "bind /dev/ptmx -> /dev/ptmx\ndevpts /dev/pts");
    fixture_done(&f);
}

static void test_a_dev_that_is_a_symlink(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    add_mount(&f, SYMLINK, "run/dev", "/dev");
    add_mount(&f, TMPFS, NULL, "/run");
    must_build(&f);
    assert_string_equal(mounts_of(&f), "symlink run/dev -> /dev\ntmpfs /run\n"
                                       "devpts /run/dev/pts\nsymlink pts/ptmx -> /run/dev/ptmx");
    f.policy->mounts[0]->source = bytes("dev/around");
    must_refuse(&f, -ELOOP, "terminal /dev/pts: its symlinks lead around in a circle");
    f.policy->mounts[0]->source = bytes("/proc/x");
    must_refuse(&f, -EINVAL, "terminal /proc/x/pts: nothing may be mounted inside /proc");
    fixture_done(&f);
}

static void test_under_landlock_it_can_be_opened(void **state)
{
    struct fixture f;
    bool found = false;

    (void)state;
    start(&f);
    f.policy->has_landlock = true;
    f.policy->landlock = CRIB__NEED__required;
    must_build(&f);
    for (size_t i = 0; i < f.plan->landlock->n_rules; i++) {
        const Crib__LandlockPlan__Rule *rule = f.plan->landlock->rules[i];

        if (strcmp((char *)rule->path.data, "/dev/pts") == 0)
            found = rule->write && !rule->exec;
    }
    assert_true(found);
    fixture_done(&f);
}

/* Nothing can be mounted there, but a pair can be had all the same. */
static void test_where_the_mounts_are_the_hosts(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    f.policy->namespaces = ARENA_NEW(&f.arena, crib__namespaces, Crib__Namespaces);
    f.policy->namespaces->has_mount = true;
    f.policy->namespaces->mount = CRIB__NAMESPACES__SPACE__host;
    must_build(&f);
    assert_string_equal(mounts_of(&f), "");
    assert_int_equal(f.plan->program->terminal->rows, 24);
    assert_string_equal(receipt_of(&f, "terminal"),
                        "24 rows, 80 columns -> a pty of its own, without a name: the mounts are "
                        "the host's");
    fixture_done(&f);
}

static void test_memory_may_end_anywhere(void **state)
{
    struct fixture f;
    size_t refused = 0;
    int r = -ENOMEM;

    (void)state;
    start(&f);
    for (size_t limit = 16; r < 0; limit += 48) {
        struct arena arena;

        assert_true(limit < 1000000);
        arena_init(&arena, limit);
        r = plan_build(f.task, f.host, &arena, &f.plan, &f.err);
        assert_true(r == 0 || r == -ENOMEM);
        refused += r < 0;
        arena_done(&arena);
    }
    assert_true(refused > 20);
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_a_pty_there_is_none),
        cmocka_unit_test(test_a_devpts_of_its_own),
        cmocka_unit_test(test_its_size),
        cmocka_unit_test(test_it_lies_over_what_the_policy_has_there),
        cmocka_unit_test(test_a_ptmx_of_the_policy_stays),
        cmocka_unit_test(test_a_dev_that_is_a_symlink),
        cmocka_unit_test(test_under_landlock_it_can_be_opened),
        cmocka_unit_test(test_where_the_mounts_are_the_hosts),
        cmocka_unit_test(test_memory_may_end_anywhere),
    };

    return test_run(tests);
}
