/* SPDX-License-Identifier: Apache-2.0 */
#include "plan_fixture.h"

#include <errno.h>
#include <linux/audit.h>

#include "compiler/compiler.h"
#include "plan/filter.h"

#define LOAD(offset)                                                                               \
    {                                                                                              \
        BPF_LD | BPF_W | BPF_ABS, 0, 0, offset                                                     \
    }
#define EQUAL(k, t, f_)                                                                            \
    {                                                                                              \
        BPF_JMP | BPF_JEQ | BPF_K, t, f_, k                                                        \
    }
#define RETURN(k)                                                                                  \
    {                                                                                              \
        BPF_RET | BPF_K, 0, 0, k                                                                   \
    }

#define FIRST  SECCOMP_RET_KILL_PROCESS
#define SECOND SECCOMP_RET_ALLOW
#define LAST   (SECCOMP_RET_ERRNO | EPERM)

/* Hits for one number each. */
static struct sock_filter hits_read[] = {LOAD(0), EQUAL(0, 1, 0), RETURN(COMPILER_MISS),
                                         RETURN(COMPILER_HIT)};
static struct sock_filter hits_write[] = {LOAD(0), EQUAL(1, 0, 1), RETURN(COMPILER_HIT),
                                          RETURN(COMPILER_MISS)};

static uint32_t ask(const struct filter_code *program, int number)
{
    struct seccomp_data call = {.nr = number, .arch = AUDIT_ARCH_X86_64};
    uint32_t answer;

    assert_int_equal(filter_run(program, &call, &answer), 0);
    return answer;
}

static void test_sections_answer_or_hand_on(void **state)
{
    const struct filter_section sections[] = {{{hits_read, 4}, FIRST}, {{hits_write, 4}, SECOND}};
    struct filter_rules rules = {0};
    struct filter_code program;
    struct crib_error err;
    struct arena arena;

    (void)state;
    arena_init(&arena, 0);
    assert_int_equal(filter_chain(&rules, sections, 2, LAST, &arena, &program, &err), 0);
    assert_int_equal(ask(&program, 0), FIRST);
    assert_int_equal(ask(&program, 1), SECOND);
    assert_int_equal(ask(&program, 2), LAST);
    assert_int_equal(ask(&program, CALLS_LAST), LAST);
    assert_int_equal(ask(&program, CALLS_LAST + 1), SECCOMP_RET_ERRNO | ENOSYS);
    assert_int_equal(ask(&program, -1), SECCOMP_RET_ERRNO | ENOSYS);
    assert_int_equal(ask(&program, 0x40000000), SECCOMP_RET_ERRNO | ENOSYS);
    assert_int_equal(ask(&program, 435), SECCOMP_RET_ERRNO | ENOSYS);
    assert_int_equal(filter_chain(&rules, sections, 0, LAST, &arena, &program, &err), 0);
    assert_int_equal(ask(&program, 0), LAST);
    arena_done(&arena);
}

static void test_a_section_passes_over_the_next(void **state)
{
    const struct filter_section sections[] = {
        {{hits_read, 4}, FIRST, true}, {{hits_read, 4}, SECOND}, {{hits_write, 4}, SECOND, true}};
    struct filter_rules rules = {0};
    struct filter_code program;
    struct crib_error err;
    struct arena arena;

    (void)state;
    arena_init(&arena, 0);
    assert_int_equal(filter_chain(&rules, sections, 3, LAST, &arena, &program, &err), 0);
    assert_int_equal(ask(&program, 0), LAST);
    assert_int_equal(ask(&program, 1), LAST);
    assert_int_equal(filter_chain(&rules, sections + 1, 2, LAST, &arena, &program, &err), 0);
    assert_int_equal(ask(&program, 0), SECOND);
    arena_done(&arena);
}

static void test_numbers_without_a_name_are_unknown(void **state)
{
    struct filter_rules rules = {0};
    struct filter_code program;
    struct crib_error err;
    struct arena arena;

    (void)state;
    arena_init(&arena, 0);
    assert_int_equal(filter_chain(&rules, NULL, 0, LAST, &arena, &program, &err), 0);
    for (int number = 0; number <= CALLS_LAST; number++)
        assert_int_equal(ask(&program, number), call_by_number(number) && number != 435
                                                    ? LAST
                                                    : (SECCOMP_RET_ERRNO | ENOSYS));
    arena_done(&arena);
}

static void test_clone3_is_known_where_a_rule_names_it(void **state)
{
    struct rule rule = {.call = call_by_name("clone3")};
    struct filter_rules rules = {.list[FILTER_DENY] = {&rule, 1}};
    struct filter_code program;
    struct crib_error err;
    struct arena arena;

    (void)state;
    arena_init(&arena, 0);
    assert_int_equal(filter_chain(&rules, NULL, 0, LAST, &arena, &program, &err), 0);
    assert_int_equal(ask(&program, 435), LAST);
    arena_done(&arena);
}

static void test_another_architecture_is_killed(void **state)
{
    static const uint32_t others[] = {AUDIT_ARCH_I386, 0, AUDIT_ARCH_AARCH64};
    struct filter_rules rules = {0};
    struct filter_code program;
    struct crib_error err;
    struct arena arena;

    (void)state;
    arena_init(&arena, 0);
    assert_int_equal(filter_chain(&rules, NULL, 0, LAST, &arena, &program, &err), 0);
    for (size_t i = 0; i < 3; i++) {
        struct seccomp_data call = {.arch = others[i]};
        uint32_t answer;

        assert_int_equal(filter_run(&program, &call, &answer), 0);
        assert_int_equal(answer, SECCOMP_RET_KILL_PROCESS);
    }
    arena_done(&arena);
}

static void test_an_unknown_answer_is_refused(void **state)
{
    struct sock_filter code[] = {RETURN(SECCOMP_RET_ALLOW)};
    const struct filter_section section = {{code, 1}, FIRST};
    struct filter_rules rules = {0};
    struct filter_code program;
    struct crib_error err;
    struct arena arena;

    (void)state;
    arena_init(&arena, 0);
    assert_int_equal(filter_chain(&rules, &section, 1, LAST, &arena, &program, &err), -EPROTO);
    arena_done(&arena);
}

static void test_a_program_too_long_for_the_kernel(void **state)
{
    struct filter_rules rules = {0};
    struct filter_code program;
    struct filter_section section = {.hit = FIRST};
    struct crib_error err;
    struct arena arena;

    (void)state;
    arena_init(&arena, 0);
    section.program.len = 5000;
    section.program.code = arena_alloc(&arena, 5000 * sizeof(struct sock_filter));
    for (int i = 0; i < 5000; i++)
        section.program.code[i] = (struct sock_filter)RETURN(COMPILER_MISS);
    assert_int_equal(filter_chain(&rules, &section, 1, LAST, &arena, &program, &err), -E2BIG);
    test_contains(err.detail, "instructions, and the kernel takes 4096");
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sections_answer_or_hand_on),
        cmocka_unit_test(test_a_section_passes_over_the_next),
        cmocka_unit_test(test_numbers_without_a_name_are_unknown),
        cmocka_unit_test(test_clone3_is_known_where_a_rule_names_it),
        cmocka_unit_test(test_another_architecture_is_killed),
        cmocka_unit_test(test_an_unknown_answer_is_refused),
        cmocka_unit_test(test_a_program_too_long_for_the_kernel),
    };

    return test_run(tests);
}
