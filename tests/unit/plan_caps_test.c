/* SPDX-License-Identifier: Apache-2.0 */
#include "plan_fixture.h"

#include <errno.h>

static void keep(struct fixture *f, const char *name)
{
    if (!f->policy->caps)
        f->policy->caps = ARENA_NEW(&f->arena, crib__caps, Crib__Caps);
    push_text(f, &f->policy->caps->keep, &f->policy->caps->n_keep, name);
}

static void test_none_are_kept_unless_named(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f);
    must_build(&f);
    assert_int_equal(f.plan->caps->mask, 0);
    assert_int_equal(f.plan->caps->n_keep, 0);
    assert_int_equal(f.plan->caps->last, 40);
    assert_string_equal(receipt_of(&f, "caps"), "none -> none");
    fixture_done(&f);
}

static void test_named_ones_become_a_mask(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f);
    keep(&f, "CAP_CHECKPOINT_RESTORE");
    keep(&f, "CAP_CHOWN");
    keep(&f, "CAP_CHOWN");
    must_build(&f);
    assert_true(f.plan->caps->mask == ((uint64_t)1 << 40 | 1));
    assert_int_equal(f.plan->caps->n_keep, 2);
    assert_string_equal(receipt_of(&f, "caps"),
                        "CAP_CHECKPOINT_RESTORE CAP_CHOWN -> CAP_CHECKPOINT_RESTORE CAP_CHOWN");
    fixture_done(&f);
}

static void test_names_that_are_none(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f);
    keep(&f, "CAP_CHOWN");
    keep(&f, "CAP_EVERYTHING");
    must_refuse(&f, -EINVAL, "caps.keep[1] CAP_EVERYTHING: unknown capability");
    fixture_done(&f);
}

static void test_names_that_this_kernel_does_not_know(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f);
    f.host->last_cap = 37;
    keep(&f, "CAP_CHECKPOINT_RESTORE");
    must_refuse(&f, -EOPNOTSUPP,
                "caps.keep[0] CAP_CHECKPOINT_RESTORE: this kernel does not know it: its last "
                "capability is number 37");
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_none_are_kept_unless_named),
        cmocka_unit_test(test_named_ones_become_a_mask),
        cmocka_unit_test(test_names_that_are_none),
        cmocka_unit_test(test_names_that_this_kernel_does_not_know),
    };

    return test_run(tests);
}
