/* SPDX-License-Identifier: Apache-2.0 */
#include "plan_fixture.h"

#include <errno.h>
#include <signal.h>

static void set_wall_time(struct fixture *f, uint64_t ms)
{
    if (!f->policy->limits)
        f->policy->limits = ARENA_NEW(&f->arena, crib__limits, Crib__Limits);
    f->policy->limits->has_wall_time = true;
    f->policy->limits->wall_time = ms;
}

static void test_defaults(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f);
    must_build(&f);
    assert_int_equal(f.plan->life->timeout, 0);
    assert_int_equal(f.plan->life->kill_signal, SIGTERM);
    assert_int_equal(f.plan->life->setup_deadline, 10000);
    assert_false(f.plan->life->detached);
    fixture_done(&f);
}

static void test_the_shorter_timeout_counts(void **state)
{
    static const uint64_t rows[][3] = {/* task, policy, plan */
                                       {0, 500, 500},
                                       {100, 500, 100},
                                       {900, 500, 500},
                                       {UINT64_MAX, UINT64_MAX, UINT64_MAX}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture f;

        fixture_start(&f);
        f.task->has_timeout = true;
        f.task->timeout = rows[i][0];
        set_wall_time(&f, rows[i][1]);
        must_build(&f);
        assert_int_equal(f.plan->life->timeout, rows[i][2]);
        fixture_done(&f);
    }
}

static void test_kill_signal(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f);
    f.task->has_kill_signal = true;
    f.task->kill_signal = SIGINT;
    must_build(&f);
    assert_int_equal(f.plan->life->kill_signal, SIGINT);
    f.task->kill_signal = 0;
    must_build(&f);
    assert_int_equal(f.plan->life->kill_signal, SIGTERM);
    f.task->kill_signal = 65;
    must_refuse(&f, -EINVAL, "kill_signal: 65 is no signal, those are 1 to 64");
    fixture_done(&f);
}

static void test_detached_needs_no_parent(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f);
    f.task->has_detached = f.task->detached = true;
    add_stdio(&f, 1, CRIB__STDIO__KIND__inherit);
    must_build(&f);
    assert_true(f.plan->life->detached);
    f.task->stdio[0]->kind = CRIB__STDIO__KIND__pipe;
    must_refuse(&f, -EINVAL,
                "detached: a detached task cannot have a pipe (fd 1): its parent may be gone");
    f.task->stdio[0]->kind = CRIB__STDIO__KIND__channel;
    must_refuse(&f, -EINVAL,
                "detached: a detached task cannot have a channel (fd 1): its parent may be gone");
    f.task->stdio[0]->kind = CRIB__STDIO__KIND__pty;
    must_refuse(&f, -EINVAL,
                "detached: a detached task cannot have a terminal (fd 1): its parent may be gone");
    f.task->n_stdio = 0;
    f.task->has_timeout = true;
    f.task->timeout = 5;
    must_refuse(&f, -EINVAL, "detached: a detached task has no parent to keep its timeout");
    f.task->timeout = 0;
    set_wall_time(&f, 5);
    must_refuse(&f, -EINVAL,
                "detached: a detached task has no parent to keep limits.wall_time: leave it out, "
                "or name it in limits.preferred");
    push_text(&f, &f.policy->limits->preferred, &f.policy->limits->n_preferred, "wall_time");
    must_build(&f);
    assert_int_equal(f.plan->life->timeout, 0);
    assert_string_equal(receipt_of(&f, "limits.wall_time"),
                        "5 -> not available: a detached task has no parent to keep it");
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_the_shorter_timeout_counts),
        cmocka_unit_test(test_kill_signal),
        cmocka_unit_test(test_detached_needs_no_parent),
    };

    return test_run(tests);
}
