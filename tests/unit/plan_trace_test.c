/* SPDX-License-Identifier: Apache-2.0 */
/* A trace looks at more calls and lets through the same. */
#include "plan_fixture.h"

#include <errno.h>
#include <linux/audit.h>

#include "plan/filter.h"
#include "policy/load.h"

#define EXECVE     59
#define EXIT_GROUP 231
#define FIRST_EXEC 0x63726962

static void build(struct fixture *f, Crib__Trace trace)
{
    fixture_start(f);
    assert_int_equal(policy_load("default", NULL, &f->arena, &f->task->policy, NULL, &f->err), 0);
    f->policy = f->task->policy;
    f->policy->n_mounts = 0; /* no host was asked about them */
    f->task->has_trace = true;
    f->task->trace = trace;
    must_build(f);
}

static uint32_t decide(struct fixture *f, bool listener, int number, const uint64_t args[6])
{
    struct seccomp_data call = {.nr = number, .arch = AUDIT_ARCH_X86_64};
    struct filter_rules rules;

    for (int i = 0; i < 6; i++)
        call.args[i] = args[i];
    assert_int_equal(filter_read(f->plan->syscalls, &f->arena, &rules, &f->err), 0);
    return filter_decide(&rules, listener, &call);
}

/* With and without, without a listener: what is decided there is what is let through. */
static void test_nothing_else_is_let_through(void **state)
{
    static const Crib__Trace traces[] = {CRIB__TRACE__files, CRIB__TRACE__all};
    static const uint64_t args[][6] = {{0}, {1, 1, 1, 1, 1, 1}, {2, 3}, {16, 0x5412, 7}};
    struct fixture plain;

    (void)state;
    build(&plain, CRIB__TRACE__no_trace);
    for (size_t t = 0; t < 2; t++) {
        struct fixture traced;

        build(&traced, traces[t]);
        for (int number = 0; number <= CALLS_LAST; number++)
            for (size_t i = 0; i < sizeof(args) / sizeof(args[0]); i++)
                assert_int_equal(decide(&traced, false, number, args[i]),
                                 decide(&plain, false, number, args[i]));
        fixture_done(&traced);
    }
    fixture_done(&plain);
}

static void test_what_is_looked_at(void **state)
{
    static const uint64_t none[6] = {0}, first[6] = {0, 0, 0, FIRST_EXEC};
    static const struct {
        int number;
        bool files, all;
    } rows[] = {{0, false, true},  {257, true, true}, {2, true, true},  {9, false, true},
                {86, true, true},  {316, true, true}, {59, true, true}, {EXIT_GROUP, false, false},
                {332, true, true}, {3, false, true}};
    struct fixture files, all;

    (void)state;
    build(&files, CRIB__TRACE__files);
    build(&all, CRIB__TRACE__all);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(decide(&files, true, rows[i].number, none) == SECCOMP_RET_USER_NOTIF,
                         rows[i].files);
        assert_int_equal(decide(&all, true, rows[i].number, none) == SECCOMP_RET_USER_NOTIF,
                         rows[i].all);
    }
    assert_int_equal(decide(&files, true, EXECVE, first), SECCOMP_RET_ALLOW);
    assert_int_equal(decide(&all, true, EXECVE, first), SECCOMP_RET_ALLOW);
    assert_int_equal(plan_compile(files.plan, &files.arena, &files.err), 0);
    assert_int_equal(plan_compile(all.plan, &all.arena, &all.err), 0);
    fixture_done(&files);
    fixture_done(&all);
}

static const Crib__SyscallsPlan__Answer *answer_for(struct fixture *f, uint32_t number)
{
    for (size_t i = 0; i < f->plan->syscalls->n_answers; i++)
        if (f->plan->syscalls->answers[i]->number == number)
            return f->plan->syscalls->answers[i];
    fail_msg("no answer for %u", number);
    return NULL;
}

static void test_which_calls_are_told_apart(void **state)
{
    const Crib__SyscallsPlan__Answer *answer;
    struct fixture f;

    (void)state;
    build(&f, CRIB__TRACE__all);
    answer = answer_for(&f, 72); /* fcntl(fd, cmd, arg) */
    assert_int_equal(answer->action, CRIB__SYSCALLS_PLAN__ANSWER__ACTION__trace);
    assert_int_equal(answer->n_differs, 6);
    assert_int_equal(answer->differs[0], 0);
    assert_int_equal(answer->differs[1], UINT32_MAX);
    answer = answer_for(&f, 0); /* read */
    for (int i = 0; i < 6; i++)
        assert_int_equal(answer->differs[i], 0);
    fixture_done(&f);
    build(&f, CRIB__TRACE__files);
    assert_int_equal(answer_for(&f, 257)->n_differs, 0);
    assert_string_equal(receipt_of(&f, "trace"),
                        "files -> reported by init; every call that it looks at waits for it");
    fixture_done(&f);
}

static void test_a_kernel_without_a_listener_traces_nothing(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f);
    assert_int_equal(policy_load("default", NULL, &f.arena, &f.task->policy, NULL, &f.err), 0);
    f.policy = f.task->policy;
    f.policy->n_mounts = 0;
    f.task->has_trace = true;
    f.task->trace = CRIB__TRACE__files;
    f.host->listener = false;
    must_build(&f);
    test_contains(receipt_of(&f, "trace"), "not available");
    assert_int_equal(f.plan->syscalls->n_log, 0);
    fixture_done(&f);
}

static void test_without_a_filter_nothing_can_be_traced(void **state)
{
    Crib__Syscalls syscalls = CRIB__SYSCALLS__INIT;
    struct fixture f;

    (void)state;
    fixture_start(&f);
    syscalls.has_filter = true;
    syscalls.filter = CRIB__SYSCALLS__FILTER__off;
    f.policy->syscalls = &syscalls;
    f.task->has_trace = true;
    f.task->trace = CRIB__TRACE__all;
    must_build(&f);
    assert_string_equal(receipt_of(&f, "trace"),
                        "all -> not available: the policy has no filter that could tell");
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_else_is_let_through),
        cmocka_unit_test(test_what_is_looked_at),
        cmocka_unit_test(test_which_calls_are_told_apart),
        cmocka_unit_test(test_a_kernel_without_a_listener_traces_nothing),
        cmocka_unit_test(test_without_a_filter_nothing_can_be_traced),
    };

    return test_run(tests);
}
