/* SPDX-License-Identifier: Apache-2.0 */
/* Rules that are too many, or too much: refused with the reason, soon enough. */
#include "plan_fixture.h"

#include <errno.h>

static void deny(struct fixture *f, const char *entry)
{
    push_text(f, &f->policy->syscalls->deny, &f->policy->syscalls->n_deny, entry);
}

static const char *compile(struct fixture *f, int *ret_code)
{
    char text[700] = "";

    *ret_code = plan_build(f->task, f->host, &f->arena, &f->plan, &f->err);
    if (*ret_code == 0)
        *ret_code = plan_compile(f->plan, &f->arena, &f->err);
    if (*ret_code < 0)
        crib_error_text(&f->err, text, sizeof(text));
    return arena_text(&f->arena, text);
}

static void test_a_hundred_thousand_entries(void **state)
{
    struct fixture f;
    const char *text;
    int code;

    (void)state;
    fixture_start(&f);
    for (int i = 0; i < 100000; i++)
        deny(&f, arena_printf(&f.arena, "close(fd == %d)", i));
    text = compile(&f, &code);
    assert_int_equal(code, -E2BIG);
    test_contains(text, "syscalls.deny");
    fixture_done(&f);
}

/* Each call has few enough, and all of them are too many for one program. */
static void test_more_instructions_than_the_kernel_takes(void **state)
{
    static const char *const forms[] = {
        "fallocate(fd == %d, mode == %d, offset == %#lx, len == %#lx)",
        "fadvise64(fd == %d, advice == %d, offset == %#lx, len == %#lx)",
        "sync_file_range(fd == %d, flags == %d, offset == %#lx, nbytes == %#lx)",
        "preadv2(fd == %d, flags == %d, pos_l == %#lx, pos_h == %#lx)"};
    struct fixture f;
    const char *text;
    int code;

    (void)state;
    fixture_start(&f);
    for (size_t form = 0; form < 4; form++)
        for (int i = 0; i < 125; i++)
            push_text(&f, &f.policy->syscalls->allow, &f.policy->syscalls->n_allow,
                      arena_printf(&f.arena, forms[form], 7 * i + 1, 3 * i, i * 0x100000003ul + 1,
                                   i * 0x300000007ul + 1));
    text = compile(&f, &code);
    assert_int_equal(code, -E2BIG);
    test_contains(text, "syscalls: the rules come to ");
    test_contains(text, " instructions, and the kernel takes 4096");
    assert_false(f.plan->syscalls->has_program);
    fixture_done(&f);
}

/* As much on one call as is taken at all: it is compiled and proven. */
static void test_the_most_that_one_call_can_have(void **state)
{
    struct fixture f;
    const char *text;
    int code;

    (void)state;
    fixture_start(&f);
    push_text(&f, &f.policy->syscalls->allow, &f.policy->syscalls->n_allow, "fallocate");
    for (int i = 0; i < 128; i++)
        deny(&f,
             arena_printf(&f.arena, "fallocate(fd == %d, mode == %d, offset == %#lx, len == %d)",
                          7 * i + 1, 3 * i, i * 0x100000003ul + 1, 9 * i));
    text = compile(&f, &code);
    if (code < 0)
        fail_msg("%s", text);
    assert_true(f.plan->syscalls->has_program);
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_hundred_thousand_entries),
        cmocka_unit_test(test_more_instructions_than_the_kernel_takes),
        cmocka_unit_test(test_the_most_that_one_call_can_have),
    };

    return test_run(tests);
}
