/* SPDX-License-Identifier: Apache-2.0 */
/* Sections of plans, kept for the next plan. */
#include "plan_fixture.h"

#include <stdio.h>

#include "plan/filter.h"
#include "plan/recall.h"

/* A policy that differs from others by an errno. */
static void plan(struct fixture *f, const char *deny)
{
    fixture_start(f);
    push_text(f, &f->policy->syscalls->allow, &f->policy->syscalls->n_allow, "read");
    push_text(f, &f->policy->syscalls->allow, &f->policy->syscalls->n_allow, "write");
    push_text(f, &f->policy->syscalls->deny, &f->policy->syscalls->n_deny, deny);
    f->task->origins = ARENA_NEW(&f->arena, crib__origins, Crib__Origins);
    f->task->origins->name = "mine";
}

static void add_place(struct fixture *f, const char *at)
{
    Crib__Origins__Place *place = ARENA_NEW(&f->arena, crib__origins__place, Crib__Origins__Place);

    place->at = (char *)at;
    f->task->origins->n_deny = 0;
    assert_int_equal(
        arena_push(&f->arena, &f->task->origins->deny, &f->task->origins->n_deny, place), 0);
}

static void must_compile(struct fixture *f)
{
    must_build(f);
    assert_int_equal(plan_compile(f->plan, &f->arena, &f->err), 0);
}

static void test_the_second_plan_points_into_what_is_kept(void **state)
{
    struct fixture one, two, three;

    (void)state;
    plan(&one, "write(fd == 100) -> EIO");
    plan(&two, "write(fd == 100) -> EIO");
    plan(&three, "write(fd == 100) -> EIO");
    must_compile(&one);
    must_compile(&two);
    must_compile(&three);
    assert_ptr_not_equal(one.plan->syscalls->allow, two.plan->syscalls->allow);
    assert_ptr_equal(two.plan->syscalls->allow, three.plan->syscalls->allow);
    assert_ptr_not_equal(two.plan->syscalls, three.plan->syscalls);
    assert_ptr_not_equal(two.plan->syscalls->program.data, three.plan->syscalls->program.data);
    assert_int_equal(one.plan->syscalls->program.len, three.plan->syscalls->program.len);
    assert_memory_equal(one.plan->syscalls->program.data, three.plan->syscalls->program.data,
                        one.plan->syscalls->program.len);
    assert_memory_equal(one.plan->syscalls->fallback.data, three.plan->syscalls->fallback.data,
                        one.plan->syscalls->fallback.len);
    assert_int_equal(one.plan->syscalls->instructions, three.plan->syscalls->instructions);
    assert_int_equal(one.plan->n_receipt, three.plan->n_receipt);
    for (size_t i = 0; i < one.plan->n_receipt; i++) {
        assert_string_equal(one.plan->receipt[i]->mechanism, three.plan->receipt[i]->mechanism);
        assert_string_equal(one.plan->receipt[i]->applied, three.plan->receipt[i]->applied);
    }
    fixture_done(&one);
    fixture_done(&two);
    fixture_done(&three);
}

/* A plan is made ready for compiling, but has no program before. */
static void test_a_kept_plan_has_no_program_before_it_is_compiled(void **state)
{
    struct fixture f;

    (void)state;
    plan(&f, "write(fd == 101) -> EIO");
    must_compile(&f);
    must_build(&f);
    assert_false(f.plan->syscalls->has_program);
    assert_int_equal(f.plan->syscalls->program.len, 0);
    fixture_done(&f);
}

static const char *rule_of(struct fixture *f)
{
    must_build(f);
    assert_int_equal(f->plan->syscalls->n_answers > 0, 1);
    return f->plan->syscalls->answers[0]->rule ? f->plan->syscalls->answers[0]->rule : "none";
}

/* Whatever a section depends on makes another one of it. */
static void test_what_differs_is_not_taken_for_the_same(void **state)
{
    struct fixture f;

    (void)state;
    for (int round = 0; round < 2; round++) {
        plan(&f, "write(fd == 102) -> EIO");
        add_place(&f, "a.yaml:1:1");
        assert_string_equal(rule_of(&f), "a.yaml:1:1");
        add_place(&f, "a.yaml:2:1");
        assert_string_equal(rule_of(&f), "a.yaml:2:1");
        assert_string_equal(f.plan->syscalls->policy, "mine");
        f.task->origins->name = "yours";
        must_build(&f);
        assert_string_equal(f.plan->syscalls->policy, "yours");
        assert_true(f.plan->syscalls->listener);
        assert_int_equal(f.plan->syscalls->n_log, 0);
        assert_string_equal(receipt_of(&f, "trace"), "nothing");
        f.task->has_trace = true;
        f.task->trace = CRIB__TRACE__all;
        must_build(&f);
        assert_int_equal(f.plan->syscalls->trace, CRIB__TRACE__all);
        assert_true(f.plan->syscalls->n_log > 0);
        test_contains(receipt_of(&f, "trace"), "all -> reported by init");
        f.host->listener = false;
        must_build(&f);
        assert_false(f.plan->syscalls->listener);
        assert_int_equal(f.plan->syscalls->n_log, 0);
        test_contains(receipt_of(&f, "syscalls.reasons"), "not available");
        f.task->has_trace = false;
        must_build(&f);
        assert_string_equal(receipt_of(&f, "trace"), "nothing");
        f.task->origins = NULL;
        assert_string_equal(rule_of(&f), "none");
        f.policy->syscalls->otherwise = "ENOSYS";
        must_build(&f);
        assert_int_equal(f.plan->syscalls->otherwise, 38);
        fixture_done(&f);
    }
}

/* A plan lives longer than what is kept of it. */
static void test_plans_outlive_what_goes(void **state)
{
    struct fixture first, f;
    char deny[64];

    (void)state;
    plan(&first, "write(fd == 103) -> EIO");
    must_compile(&first);
    must_compile(&first);
    must_compile(&first);
    for (int i = 0; i < 2 * RECALL_SECTIONS; i++) {
        plan(&f, "read(fd == 9)");
        snprintf(deny, sizeof(deny), "write(fd == %d)", 1000 + i);
        f.policy->syscalls->deny[0] = deny;
        must_build(&f);
        assert_string_equal(f.plan->syscalls->deny[0], deny);
        fixture_done(&f);
    }
    assert_string_equal(first.plan->syscalls->deny[0], "write(fd == 103) -> EIO");
    assert_int_equal(first.plan->syscalls->program.len, first.plan->syscalls->instructions * 8);
    must_compile(&first); /* as new */
    assert_string_equal(first.plan->syscalls->deny[0], "write(fd == 103) -> EIO");
    fixture_done(&first);
}

static void test_a_refusal_is_not_kept(void **state)
{
    struct fixture f;

    (void)state;
    for (int i = 0; i < 2; i++) {
        plan(&f, "execve");
        must_refuse(&f, -22,
                    "syscalls execve: must be allowed, without a condition and in no other list: "
                    "no program could be started");
        fixture_done(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_second_plan_points_into_what_is_kept),
        cmocka_unit_test(test_a_kept_plan_has_no_program_before_it_is_compiled),
        cmocka_unit_test(test_what_differs_is_not_taken_for_the_same),
        cmocka_unit_test(test_plans_outlive_what_goes),
        cmocka_unit_test(test_a_refusal_is_not_kept),
    };

    return test_run(tests);
}
