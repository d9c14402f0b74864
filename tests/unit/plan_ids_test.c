/* SPDX-License-Identifier: Apache-2.0 */
#include "plan_fixture.h"

#include <errno.h>

static void set_need(struct fixture *f, Crib__Need need)
{
    f->policy->ids = ARENA_NEW(&f->arena, crib__ids, Crib__Ids);
    f->policy->ids->has_groups = true;
    f->policy->ids->groups = need;
}

static void test_ordinary_caller_keeps_its_own_number(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f);
    must_build(&f);
    assert_int_equal(f.plan->ids->uid, 1000);
    assert_int_equal(f.plan->ids->gid, 1000);
    assert_int_equal(f.plan->ids->init_uid, 1000);
    assert_int_equal(f.plan->ids->init_gid, 1000);
    assert_true(f.plan->ids->deny_setgroups);
    assert_false(f.plan->ids->clear_groups);
    assert_string_equal(receipt_of(&f, "ids"), "unset -> uid 1000, gid 1000");
    fixture_done(&f);
}

static void test_privileged_caller_gets_nobody_and_init_another(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f);
    f.host->uid = f.host->gid = 0;
    f.host->privileged = true;
    must_build(&f);
    assert_int_equal(f.plan->ids->uid, 65534);
    assert_int_equal(f.plan->ids->gid, 65534);
    assert_int_equal(f.plan->ids->init_uid, 65533);
    assert_int_equal(f.plan->ids->init_gid, 65533);
    assert_true(f.plan->ids->clear_groups);
    assert_false(f.plan->ids->deny_setgroups);
    fixture_done(&f);
}

static void test_init_is_never_the_task(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f);
    f.host->privileged = true;
    f.task->has_uid = f.task->has_gid = true;
    f.task->uid = 65533;
    f.task->gid = 7;
    must_build(&f);
    assert_int_equal(f.plan->ids->uid, 65533);
    assert_int_equal(f.plan->ids->gid, 7);
    assert_int_equal(f.plan->ids->init_uid, 65532);
    assert_int_equal(f.plan->ids->init_gid, 65533);
    assert_string_equal(receipt_of(&f, "ids"), "uid 65533, gid 7 -> uid 65533, gid 7");
    fixture_done(&f);
}

static void test_ids_that_are_refused(void **state)
{
    static const struct {
        bool privileged, is_gid;
        int64_t id;
        int code;
        const char *sentence;
    } rows[] = {
        {true, false, 0, -EINVAL, "ids uid: 0 is refused: no task runs as root, inside or outside"},
        {false, true, 0, -EINVAL, "ids gid: 0 is refused: no task runs as root, inside or outside"},
        {true, false, -1, -EINVAL, "ids uid: -1 is no id, those are 1 to 4294967294"},
        {true, false, 4294967295, -EINVAL,
         "ids uid: 4294967295 is no id, those are 1 to 4294967294"},
        {true, true, INT64_MIN, -EINVAL,
         "ids gid: -9223372036854775808 is no id, those are 1 to 4294967294"},
        {true, false, 4294967296, -EINVAL,
         "ids uid: 4294967296 is no id, those are 1 to 4294967294"},
        {false, false, 1001, -EPERM,
         "ids uid: an ordinary caller's task has the caller's own, 1000, and cannot have 1001: "
         "leave it unset, or run crib as root"},
        {false, true, 1001, -EPERM,
         "ids gid: an ordinary caller's task has the caller's own, 1000, and cannot have 1001: "
         "leave it unset, or run crib as root"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture f;

        fixture_start(&f);
        f.host->privileged = rows[i].privileged;
        f.task->has_gid = rows[i].is_gid;
        f.task->has_uid = !rows[i].is_gid;
        f.task->gid = f.task->uid = rows[i].id;
        must_refuse(&f, rows[i].code, rows[i].sentence);
        fixture_done(&f);
    }
}

static void test_own_number_may_be_said(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f);
    f.task->has_uid = true;
    f.task->uid = 1000;
    must_build(&f);
    assert_string_equal(receipt_of(&f, "ids"), "uid 1000 -> uid 1000, gid 1000");
    fixture_done(&f);
}

static void test_root_without_the_means_is_refused(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f);
    f.host->uid = f.host->gid = 0;
    must_refuse(&f, -EPERM,
                "ids: the caller is root without the means to give a task another id, and no task "
                "runs as root: it needs CAP_SYS_ADMIN, CAP_SETUID, CAP_SETGID and a mapped 65534, "
                "or run crib as an ordinary user");
    fixture_done(&f);
}

static void test_groups(void **state)
{
    static const struct {
        bool privileged;
        unsigned groups;
        int need; /* 0: unset */
        const char *receipt;
    } rows[] = {
        {false, 0, 0, "preferred -> none to clear"},
        {false, 2, 0, "preferred -> kept 2"},
        {false, 2, CRIB__NEED__preferred, "preferred -> kept 2"},
        {false, 2, CRIB__NEED__off, "off -> kept 2"},
        {false, 0, CRIB__NEED__required, "required -> none to clear"},
        {true, 0, CRIB__NEED__required, "required -> none to clear"},
        {true, 3, CRIB__NEED__required, "required -> cleared"},
        {true, 3, CRIB__NEED__off, "off -> cleared"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture f;

        fixture_start(&f);
        f.host->privileged = rows[i].privileged;
        f.host->groups = rows[i].groups;
        if (rows[i].need)
            set_need(&f, (Crib__Need)rows[i].need);
        must_build(&f);
        assert_string_equal(receipt_of(&f, "ids.groups"), rows[i].receipt);
        assert_int_equal(f.plan->ids->clear_groups, rows[i].privileged);
        fixture_done(&f);
    }
}

static void test_required_groups_that_stay_are_refused_with_the_remedy(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f);
    f.host->groups = 3;
    set_need(&f, CRIB__NEED__required);
    must_refuse(
        &f, -EOPNOTSUPP,
        "ids.groups: 3 supplementary groups would be kept: an ordinary caller cannot drop "
        "them without newgidmap and a range in /etc/subgid: give it one, run crib as root, or "
        "say `groups: preferred`");
    fixture_done(&f);
}

static void set_own(struct fixture *f, Crib__Need need)
{
    if (!f->policy->ids)
        f->policy->ids = ARENA_NEW(&f->arena, crib__ids, Crib__Ids);
    f->policy->ids->has_own = true;
    f->policy->ids->own = need;
}

static void give_own(struct fixture *f)
{
    f->host->own = ARENA_NEW(&f->arena, crib__host_own, Crib__HostOwn);
    f->host->own->has_uid = f->host->own->has_gid = true;
    f->host->own->uid = 300001;
    f->host->own->gid = 400001;
}

static void test_root_gives_an_id_of_its_own(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f);
    f.host->uid = f.host->gid = 0;
    f.host->privileged = true;
    set_own(&f, CRIB__NEED__required);
    give_own(&f);
    must_build(&f);
    assert_int_equal(f.plan->ids->uid, 300001);
    assert_int_equal(f.plan->ids->gid, 400001);
    assert_int_equal(f.plan->ids->init_uid, 65533);
    assert_false(f.plan->ids->by_helper);
    assert_true(f.plan->ids->clear_groups);
    assert_string_equal(receipt_of(&f, "ids.own"), "required -> uid 300001, gid 400001");
    assert_string_equal(receipt_of(&f, "ids"), "unset -> uid 300001, gid 400001");
    fixture_done(&f);
}

static void test_an_ordinary_callers_comes_from_the_helpers(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f);
    set_need(&f, CRIB__NEED__required);
    set_own(&f, CRIB__NEED__preferred);
    give_own(&f);
    f.host->groups = 2;
    must_build(&f);
    assert_int_equal(f.plan->ids->uid, 300001);
    assert_int_equal(f.plan->ids->gid, 400001);
    assert_int_equal(f.plan->ids->init_uid, 1000);
    assert_int_equal(f.plan->ids->init_gid, 1000);
    assert_true(f.plan->ids->by_helper && f.plan->ids->clear_groups);
    assert_false(f.plan->ids->deny_setgroups || f.plan->ids->has_spare_gid);
    assert_string_equal(receipt_of(&f, "ids.own"), "preferred -> uid 300001, gid 400001");
    assert_string_equal(receipt_of(&f, "ids.groups"), "required -> cleared");
    fixture_done(&f);
}

static void test_without_an_id_of_its_own(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f);
    set_own(&f, CRIB__NEED__required);
    must_refuse(&f, -EOPNOTSUPP, "ids.own: this host gives tasks no ids of their own");
    f.host->own = ARENA_NEW(&f.arena, crib__host_own, Crib__HostOwn);
    f.host->own->why = (char *)"it rains: wait";
    must_refuse(&f, -EOPNOTSUPP, "ids.own: it rains: wait");
    set_own(&f, CRIB__NEED__preferred);
    must_build(&f);
    assert_int_equal(f.plan->ids->uid, 1000);
    assert_false(f.plan->ids->by_helper);
    assert_string_equal(receipt_of(&f, "ids.own"), "preferred -> not available: it rains: wait");
    give_own(&f);
    f.task->has_uid = true;
    f.task->uid = 1000;
    must_build(&f);
    assert_int_equal(f.plan->ids->uid, 1000);
    assert_string_equal(receipt_of(&f, "ids.own"),
                        "preferred -> not available: a uid or gid was asked for: leave both unset");
    set_own(&f, CRIB__NEED__required);
    must_refuse(&f, -EOPNOTSUPP, "ids.own: a uid or gid was asked for: leave both unset");
    set_own(&f, CRIB__NEED__off);
    must_build(&f);
    assert_string_equal(receipt_of(&f, "ids.own"), "nothing");
    fixture_done(&f);
}

/* With a gid that newgidmap may map besides, an ordinary caller's own task can clear its groups. */
static void test_groups_by_a_spare_gid(void **state)
{
    struct fixture f;
    Crib__HostIds *ids;

    (void)state;
    fixture_start(&f);
    f.host->groups = 3;
    ids = ARENA_NEW(&f.arena, crib__host_ids, Crib__HostIds);
    ids->first = 300000;
    ids->count = 10;
    assert_int_equal(arena_push(&f.arena, &f.host->sub_ids, &f.host->n_sub_ids, ids), 0);
    ids = ARENA_NEW(&f.arena, crib__host_ids, Crib__HostIds);
    ids->groups = true;
    ids->first = 400000;
    ids->count = 10;
    assert_int_equal(arena_push(&f.arena, &f.host->sub_ids, &f.host->n_sub_ids, ids), 0);
    set_need(&f, CRIB__NEED__required);
    must_build(&f);
    assert_int_equal(f.plan->ids->uid, 1000);
    assert_int_equal(f.plan->ids->gid, 1000);
    assert_int_equal(f.plan->ids->spare_gid, 400000);
    assert_true(f.plan->ids->by_helper && f.plan->ids->clear_groups);
    assert_false(f.plan->ids->deny_setgroups);
    assert_string_equal(receipt_of(&f, "ids.groups"), "required -> cleared");
    /* It costs two programs: not for what is only preferred. */
    set_need(&f, CRIB__NEED__preferred);
    must_build(&f);
    assert_false(f.plan->ids->by_helper);
    assert_string_equal(receipt_of(&f, "ids.groups"), "preferred -> kept 3");
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ordinary_caller_keeps_its_own_number),
        cmocka_unit_test(test_privileged_caller_gets_nobody_and_init_another),
        cmocka_unit_test(test_init_is_never_the_task),
        cmocka_unit_test(test_ids_that_are_refused),
        cmocka_unit_test(test_own_number_may_be_said),
        cmocka_unit_test(test_root_without_the_means_is_refused),
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_required_groups_that_stay_are_refused_with_the_remedy),
        cmocka_unit_test(test_root_gives_an_id_of_its_own),
        cmocka_unit_test(test_an_ordinary_callers_comes_from_the_helpers),
        cmocka_unit_test(test_without_an_id_of_its_own),
        cmocka_unit_test(test_groups_by_a_spare_gid),
    };

    return test_run(tests);
}
