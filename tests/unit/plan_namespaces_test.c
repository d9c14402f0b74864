/* SPDX-License-Identifier: Apache-2.0 */
#include "plan_fixture.h"

#include <errno.h>

static Crib__Namespaces *add_namespaces(struct fixture *f)
{
    f->policy->namespaces = ARENA_NEW(&f->arena, crib__namespaces, Crib__Namespaces);
    return f->policy->namespaces;
}

static void test_all_are_new_unless_said(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f);
    must_build(&f);
    assert_true(f.plan->namespaces->mount && f.plan->namespaces->net);
    assert_true(f.plan->namespaces->ipc && f.plan->namespaces->uts);
    assert_true(f.plan->namespaces->cgroup);
    assert_string_equal(receipt_of(&f, "namespaces"), "new: user pid mount net ipc uts cgroup -> "
                                                      "new: user pid mount net ipc uts cgroup");
    fixture_done(&f);
}

static void test_each_can_be_the_hosts(void **state)
{
    struct fixture f;
    Crib__Namespaces *asked;

    (void)state;
    fixture_start(&f);
    asked = add_namespaces(&f);
    asked->has_net = asked->has_ipc = asked->has_uts = true;
    asked->net = CRIB__NAMESPACES__SPACE__host;
    asked->ipc = CRIB__NAMESPACES__SPACE__new;
    asked->uts = CRIB__NAMESPACES__SPACE__host;
    must_build(&f);
    assert_false(f.plan->namespaces->net);
    assert_true(f.plan->namespaces->ipc);
    assert_false(f.plan->namespaces->uts);
    assert_true(f.plan->namespaces->mount);
    assert_string_equal(receipt_of(&f, "namespaces"),
                        "new: user pid mount ipc cgroup; the host's: net uts -> "
                        "new: user pid mount ipc cgroup; the host's: net uts");
    assert_string_equal(receipt_of(&f, "net.loopback"), "up -> the host's");
    fixture_done(&f);
}

static void test_without_user_namespaces_the_hosts_reason_is_given(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f);
    f.host->user_namespaces = false;
    f.host->user_namespaces_why = "switched off: switch them on";
    must_refuse(&f, -EOPNOTSUPP, "namespaces: switched off: switch them on");
    f.host->user_namespaces_why = NULL;
    must_refuse(&f, -EOPNOTSUPP, "namespaces: this host has no user namespaces");
    fixture_done(&f);
}

static void test_loopback(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f);
    must_build(&f);
    assert_true(f.plan->net->loopback);
    assert_string_equal(receipt_of(&f, "net.loopback"), "up -> up");
    f.policy->net = ARENA_NEW(&f.arena, crib__net, Crib__Net);
    f.policy->net->has_loopback = true;
    f.policy->net->loopback = false;
    must_build(&f);
    assert_false(f.plan->net->loopback);
    assert_string_equal(receipt_of(&f, "net.loopback"), "down -> down");
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_are_new_unless_said),
        cmocka_unit_test(test_each_can_be_the_hosts),
        cmocka_unit_test(test_without_user_namespaces_the_hosts_reason_is_given),
        cmocka_unit_test(test_loopback),
    };

    return test_run(tests);
}
