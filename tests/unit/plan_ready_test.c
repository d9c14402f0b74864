/* SPDX-License-Identifier: Apache-2.0 */
/* The filters that are ready in the library are those of the shipped policies, and proven. */
#include "plan_fixture.h"

#include <stdlib.h>

#include "base/fd.h"
#include "compiler/compiler.h"
#include "plan/filter.h"
#include "plan/recall.h"
#include "plan/ready.h"
#include "policy/load.h"

static void load(struct fixture *f, const char *name)
{
    Crib__Policy *policy;

    fixture_start(f);
    assert_int_equal(policy_load(name, NULL, &f->arena, &policy, &f->task->origins, &f->err), 0);
    f->policy = f->task->policy = policy;
}

/* The part of a plan that plan_syscalls() makes. */
static void plan_part(struct fixture *f)
{
    struct planning p = {
        .task = f->task, .policy = f->policy, .host = f->host, .arena = &f->arena, .err = &f->err};

    f->plan = p.plan = ARENA_NEW(&f->arena, crib__plan, Crib__Plan);
    assert_int_equal(plan_syscalls(&p), 0);
}

static uint8_t *pack(struct fixture *f, size_t *ret_len)
{
    uint8_t *data;

    *ret_len = crib__plan__get_packed_size(f->plan);
    data = arena_alloc(&f->arena, *ret_len + 1);
    crib__plan__pack(f->plan, data);
    return data;
}

/* As a policy of another name has it, which is not found ready. */
static void test_sections_are_what_the_planner_makes(void **state)
{
    size_t count = 0;

    (void)state;
    for (const char *const *name = policy_shipped(); *name; name++) {
        struct fixture f;
        uint8_t *ready, *made;
        size_t len, len_made;

        load(&f, *name);
        plan_part(&f);
        if (!f.plan->syscalls) {
            fixture_done(&f);
            continue;
        }
        count++;
        assert_true(recall_programs(f.plan->syscalls));
        f.plan->syscalls->has_program = f.plan->syscalls->has_fallback = false;
        f.plan->syscalls->has_instructions = false;
        ready = pack(&f, &len);
        f.task->origins->name = "other";
        plan_part(&f);
        assert_false(recall_programs(f.plan->syscalls));
        assert_string_equal(f.plan->syscalls->policy, "other");
        f.plan->syscalls->policy = (char *)*name;
        made = pack(&f, &len_made);
        assert_int_equal(len, len_made);
        assert_memory_equal(ready, made, len);
        fixture_done(&f);
    }
    assert_int_equal(count, ready_sections_count);
    assert_true(count > 4);
}

static void test_programs_are_proven(void **state)
{
    (void)state;
    for (const char *const *name = policy_shipped(); *name; name++) {
        struct filter_programs programs;
        struct filter_rules rules;
        struct buf key = {0};
        struct fixture f;

        load(&f, *name);
        plan_part(&f);
        if (f.plan->syscalls) {
            assert_int_equal(filter_key(f.plan->syscalls, &key), 0);
            assert_true(ready_find(&key, &programs));
            assert_int_equal(filter_read(f.plan->syscalls, &f.arena, &rules, &f.err), 0);
            assert_int_equal(filter_prove(&programs.listening, &rules, true, NULL, &f.err), 0);
            assert_int_equal(filter_prove(&programs.fallback, &rules, false, NULL, &f.err), 0);
        }
        buf_done(&key);
        fixture_done(&f);
    }
}

/* Where a policy only adds to other parts, or the host has no listener, the filter is ready all the
 * same: nothing is compiled. */
static void test_the_same_rules_are_found_ready(void **state)
{
    const struct image before = compiler_image;
    struct fixture f;

    (void)state;
    compiler_image.kept = -1; /* whoever asks it now is refused */
    compiler_image.end = compiler_image.data;
    compiler_image.installed = "/nowhere";
    load(&f, "default");
    f.task->origins->name = "/home/user/work.yaml";
    plan_part(&f);
    assert_int_equal(plan_compile(f.plan, &f.arena, &f.err), 0);
    assert_true(f.plan->syscalls->program.len > 800);
    f.host->listener = false;
    plan_part(&f);
    assert_int_equal(plan_compile(f.plan, &f.arena, &f.err), 0);
    assert_int_equal(f.plan->syscalls->program.len, f.plan->syscalls->fallback.len);
    assert_memory_equal(f.plan->syscalls->program.data, f.plan->syscalls->fallback.data,
                        f.plan->syscalls->program.len);
    push_text(&f, &f.policy->syscalls->log, &f.policy->syscalls->n_log, "chmod");
    f.task->origins = NULL;
    plan_part(&f);
    assert_true(plan_compile(f.plan, &f.arena, &f.err) < 0);
    if (compiler_image.kept >= 0)
        fd_close(&compiler_image.kept);
    compiler_image = before;
    assert_int_equal(plan_compile(f.plan, &f.arena, &f.err), 0);
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sections_are_what_the_planner_makes),
        cmocka_unit_test(test_programs_are_proven),
        cmocka_unit_test(test_the_same_rules_are_found_ready),
    };

    return test_run(tests);
}
