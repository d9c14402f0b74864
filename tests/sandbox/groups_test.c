/* SPDX-License-Identifier: Apache-2.0 */
/* Supplementary groups are cleared where the kernel lets us; else plan and receipt say so. */
#include "sandbox/starve.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static const struct starve nothing[] = {STARVE_END};

static void take_groups(void)
{
    const gid_t groups[] = {4, 24, 27};

    if (setgroups(3, groups) < 0)
        abort();
}

static void become_ordinary(void)
{
    take_groups();
    if (setresgid(1000, 1000, 1000) < 0 || setresuid(1000, 1000, 1000) < 0)
        abort();
    /* As after an exec. */
    prctl(PR_SET_DUMPABLE, 1);
}

static void test_roots_groups_are_cleared(void **state)
{
    struct sandbox box;
    struct starved got;

    (void)state;
    sandbox_only_privileged(true);
    sandbox_init(&box);
    box.before = take_groups;
    starve_probe(&box, "ids , caps", nothing, NULL, NULL, &got);
    sandbox_says(got.out, "groups", "0");
    test_contains(got.json, "\"ids.groups\"");
    test_contains(got.json, "cleared");
    sandbox_done(&box);
}

static void run_ordinary(struct sandbox *box, const char *verbs, struct starved *ret)
{
    char *probe;

    sandbox_only_privileged(true); /* to choose its groups */
    probe = sandbox_public_probe();
    box->before = become_ordinary;
    setenv("CRIB_PROBE", probe, 1);
    starve_probe(box, verbs, nothing, NULL, NULL, ret);
    unsetenv("CRIB_PROBE");
    free(probe);
}

static void test_an_ordinary_callers_are_kept_and_told(void **state)
{
    struct sandbox box;
    struct starved got;

    (void)state;
    sandbox_init(&box);
    run_ordinary(&box, "ids", &got);
    assert_int_equal(got.error_code, 0);
    /* Numbers that are not mapped are seen as the overflow id. */
    test_contains(sandbox_line(got.out, "groups"), "65534");
    test_contains(got.json, "kept 3");
    sandbox_done(&box);
}

static void test_required_is_refused_with_a_remedy(void **state)
{
    struct sandbox box;
    struct starved got;

    (void)state;
    sandbox_init(&box);
    box.rules = "extends: [default]\nids: {groups: required}\n";
    run_ordinary(&box, "ids", &got);
    assert_true(got.error_code < 0);
    assert_false(got.spawned);
    test_contains(got.text, "groups");
    assert_string_equal(got.out, "");
    sandbox_done(&box);
}

/* Without groups there is nothing to clear, and required can be kept. */
static void test_none_are_none(void **state)
{
    struct sandbox box;

    (void)state;
    if (getgroups(0, NULL) > 0 && !sandbox_privileged())
        sandbox_only_privileged(true);
    sandbox_init(&box);
    box.rules = "extends: [default]\nids: {groups: required}\n";
    sandbox_expect(&box, "ids", 0);
    sandbox_says(box.out, "groups", "0");
    sandbox_done(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_roots_groups_are_cleared),
        cmocka_unit_test(test_an_ordinary_callers_are_kept_and_told),
        cmocka_unit_test(test_required_is_refused_with_a_remedy),
        cmocka_unit_test(test_none_are_none),
    };

    return sandbox_test_run(tests);
}
