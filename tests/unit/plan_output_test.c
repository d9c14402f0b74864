/* SPDX-License-Identifier: Apache-2.0 */
#include "plan_fixture.h"

#include <errno.h>

#define KIND(name) CRIB__STDIO__KIND__##name
#define NO_MODE    0

static void add_fd(struct fixture *f, uint32_t fd, Crib__Stdio__Kind kind, int mode)
{
    Crib__Stdio *entry = ARENA_NEW(&f->arena, crib__stdio, Crib__Stdio);

    entry->has_fd = entry->has_kind = entry->has_from = true;
    entry->fd = fd;
    entry->kind = kind;
    entry->from = 40 + (int)fd;
    entry->has_mode = mode != NO_MODE;
    entry->mode = mode == NO_MODE ? entry->mode : (Crib__Stdio__Mode)mode;
    assert_int_equal(arena_push(&f->arena, &f->task->stdio, &f->task->n_stdio, entry), 0);
}

static void start(struct fixture *f, uint64_t each, uint64_t total)
{
    fixture_start(f);
    if (!f->policy->limits)
        f->policy->limits = ARENA_NEW(&f->arena, crib__limits, Crib__Limits);
    f->task->stdio = NULL;
    f->task->n_stdio = 0;
    f->policy->limits->has_output = each != 0;
    f->policy->limits->output = each;
    f->policy->limits->has_output_total = total != 0;
    f->policy->limits->output_total = total;
}

static void test_pipes_are_counted_as_they_are(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, 1000, 1500);
    add_fd(&f, 0, KIND(pipe), NO_MODE);
    add_fd(&f, 1, KIND(pipe), NO_MODE);
    add_fd(&f, 2, KIND(null), NO_MODE);
    add_fd(&f, 5, KIND(pipe), NO_MODE);
    must_build(&f);
    assert_int_equal(f.plan->output->each, 1000);
    assert_int_equal(f.plan->output->total, 1500);
    assert_int_equal(f.plan->output->n_relayed, 0);
    assert_string_equal(receipt_of(&f, "limits.output"), "1000 -> 1000 bytes, each of fds 1, 5");
    assert_string_equal(receipt_of(&f, "limits.output_total"),
                        "1500 -> 1500 bytes, of all fds together: 1, 5");
    fixture_done(&f);
}

static void test_what_leads_elsewhere_is_relayed(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, 1000, 0);
    add_fd(&f, 0, KIND(inherit), NO_MODE);
    add_fd(&f, 1, KIND(inherit), NO_MODE);
    add_fd(&f, 2, KIND(given), CRIB__STDIO__MODE__write);
    add_fd(&f, 3, KIND(given), CRIB__STDIO__MODE__write);
    add_fd(&f, 4, KIND(given), CRIB__STDIO__MODE__read);
    must_build(&f);
    assert_int_equal(f.plan->output->n_relayed, 3);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(f.plan->output->relayed[i], i + 1);
    fixture_done(&f);
}

static void test_what_can_be_read_too_is_refused(void **state)
{
    struct fixture f;
    char text[512];

    (void)state;
    start(&f, 1000, 0);
    add_fd(&f, 7, KIND(given), NO_MODE);
    assert_int_equal(plan_build(f.task, f.host, &f.arena, &f.plan, &f.err), -EOPNOTSUPP);
    assert_string_equal(f.err.step, "limits");
    test_contains(crib_error_text(&f.err, text, sizeof(text)), "fd 7");
    push_text(&f, &f.policy->limits->preferred, &f.policy->limits->n_preferred, "output");
    must_build(&f);
    test_contains(receipt_of(&f, "limits.output"), "not available for fds 7");
    fixture_done(&f);
}

static void test_limits_that_are_none(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, UINT64_MAX, UINT64_MAX);
    must_build(&f);
    assert_null(f.plan->output);
    fixture_done(&f);
    start(&f, 5, 0);
    f.policy->limits->output = 0;
    assert_int_equal(plan_build(f.task, f.host, &f.arena, &f.plan, &f.err), -EINVAL);
    fixture_done(&f);
}

static void test_nobody_counts_for_a_detached_task(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, 1000, 0);
    f.task->has_detached = f.task->detached = true;
    assert_int_equal(plan_build(f.task, f.host, &f.arena, &f.plan, &f.err), -EINVAL);
    assert_string_equal(f.err.step, "detached");
    push_text(&f, &f.policy->limits->preferred, &f.policy->limits->n_preferred, "output");
    must_build(&f);
    assert_null(f.plan->output);
    test_contains(receipt_of(&f, "limits.output"), "not available: a detached task");
    fixture_done(&f);
}

/* How much it was, as a policy has it, for the sentence about it. */
static void test_bounds(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, 1 << 20, 0);
    f.policy->limits->has_cpu_time = true;
    f.policy->limits->cpu_time = 1500;
    push_text(&f, &f.policy->limits->preferred, &f.policy->limits->n_preferred, "cpu_time");
    must_build(&f);
    assert_int_equal(f.plan->n_bounds, 2);
    assert_string_equal(f.plan->bounds[0]->name, "cpu_time");
    assert_string_equal(f.plan->bounds[0]->value, "1500ms");
    assert_string_equal(f.plan->bounds[1]->name, "output");
    assert_string_equal(f.plan->bounds[1]->value, "1M");
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pipes_are_counted_as_they_are),
        cmocka_unit_test(test_what_leads_elsewhere_is_relayed),
        cmocka_unit_test(test_what_can_be_read_too_is_refused),
        cmocka_unit_test(test_limits_that_are_none),
        cmocka_unit_test(test_nobody_counts_for_a_detached_task),
        cmocka_unit_test(test_bounds),
    };

    return test_run(tests);
}
