/* SPDX-License-Identifier: Apache-2.0 */
#include "plan_fixture.h"

#include <errno.h>
#include <linux/audit.h>

#include "plan/filter.h"

#define RUN(...)                                                                                   \
    run((struct sock_filter[]){__VA_ARGS__},                                                       \
        sizeof((struct sock_filter[]){__VA_ARGS__}) / sizeof(struct sock_filter))

static const struct seccomp_data call = {
    .nr = 41,
    .arch = AUDIT_ARCH_X86_64,
    .args = {0x1111111122222222, 7, 0, 0, 0, 0xaaaaaaaabbbbbbbb},
};

/* Return: the answer; 0xdead when the program is refused. */
static uint32_t run(struct sock_filter *code, size_t len)
{
    struct filter_code program = {code, len};
    uint32_t answer;

    return filter_run(&program, &call, &answer) < 0 ? 0xdead : answer;
}

#define LOAD(offset)                                                                               \
    {                                                                                              \
        BPF_LD | BPF_W | BPF_ABS, 0, 0, offset                                                     \
    }
#define JUMP(op, k, jt, jf)                                                                        \
    {                                                                                              \
        BPF_JMP | op | BPF_K, jt, jf, k                                                            \
    }
#define AND(k)                                                                                     \
    {                                                                                              \
        BPF_ALU | BPF_AND | BPF_K, 0, 0, k                                                         \
    }
#define OVER(n)                                                                                    \
    {                                                                                              \
        BPF_JMP | BPF_JA, 0, 0, n                                                                  \
    }
#define RETURN(k)                                                                                  \
    {                                                                                              \
        BPF_RET | BPF_K, 0, 0, k                                                                   \
    }

static void test_evaluator_does_what_the_kernel_does(void **state)
{
    (void)state;
    assert_int_equal(RUN(RETURN(5)), 5);
    assert_int_equal(RUN(LOAD(0), JUMP(BPF_JEQ, 41, 0, 1), RETURN(1), RETURN(2)), 1);
    assert_int_equal(RUN(LOAD(16), JUMP(BPF_JEQ, 0x22222222, 0, 1), RETURN(1), RETURN(2)), 1);
    assert_int_equal(RUN(LOAD(20), JUMP(BPF_JEQ, 0x11111111, 0, 1), RETURN(1), RETURN(2)), 1);
    assert_int_equal(RUN(LOAD(60), JUMP(BPF_JEQ, 0xaaaaaaaa, 0, 1), RETURN(1), RETURN(2)), 1);
    assert_int_equal(RUN(LOAD(24), JUMP(BPF_JGT, 7, 0, 1), RETURN(1), RETURN(2)), 2);
    assert_int_equal(RUN(LOAD(24), JUMP(BPF_JGE, 7, 0, 1), RETURN(1), RETURN(2)), 1);
    assert_int_equal(RUN(LOAD(24), JUMP(BPF_JSET, 8, 0, 1), RETURN(1), RETURN(2)), 2);
    assert_int_equal(RUN(LOAD(24), AND(3), JUMP(BPF_JEQ, 3, 0, 1), RETURN(1), RETURN(2)), 1);
    assert_int_equal(RUN(OVER(1), RETURN(1), RETURN(2)), 2);
}

static void test_evaluator_refuses_what_no_filter_of_ours_does(void **state)
{
    (void)state;
    assert_int_equal(RUN(LOAD(0)), 0xdead);
    assert_int_equal(RUN(LOAD(2), RETURN(1)), 0xdead);
    assert_int_equal(RUN(LOAD(64), RETURN(1)), 0xdead);
    assert_int_equal(RUN(LOAD(0xfffffffc), RETURN(1)), 0xdead);
    assert_int_equal(RUN(OVER(1), RETURN(1)), 0xdead);
    assert_int_equal(RUN(OVER(0xffffffff), RETURN(1)), 0xdead);
    assert_int_equal(RUN(JUMP(BPF_JEQ, 0, 200, 200), RETURN(1)), 0xdead);
    assert_int_equal(RUN({BPF_RET | BPF_A, 0, 0, 0}), 0xdead);
    assert_int_equal(RUN({BPF_LD | BPF_IMM, 0, 0, 1}, RETURN(1)), 0xdead);
    assert_int_equal(run(NULL, 0), 0xdead);
}

/* Rules of every kind, and both of their programs. */
struct subject {
    struct fixture f;
    struct filter_rules rules;
    struct filter_code program[2]; /* by listener */
};

static struct filter_code code_of(const ProtobufCBinaryData *bytes)
{
    return (struct filter_code){(struct sock_filter *)bytes->data,
                                bytes->len / sizeof(struct sock_filter)};
}

static void subject_start(struct subject *s)
{
    static const char *const allow[] = {"read",
                                        "write",
                                        "ioctl",
                                        "socket(domain == AF_UNIX)",
                                        "socket(domain == AF_INET)",
                                        "clone(flags & CLONE_NEWUSER|CLONE_NEWNS == 0)",
                                        "lseek(offset == 0x100000005)",
                                        "prctl(option == PR_SET_NAME)",
                                        "fadvise64(offset < 0x100000005, advice != 2)",
                                        "sched_getscheduler(pid >= 3)"};
    Crib__Syscalls *asked;

    fixture_start(&s->f);
    asked = s->f.policy->syscalls;
    for (size_t i = 0; i < sizeof(allow) / sizeof(allow[0]); i++)
        push_text(&s->f, &asked->allow, &asked->n_allow, allow[i]);
    push_text(&s->f, &asked->deny, &asked->n_deny, "ioctl(cmd == TIOCSTI)");
    push_text(&s->f, &asked->deny, &asked->n_deny, "socket(type & 0xf == SOCK_RAW)");
    push_text(&s->f, &asked->deny, &asked->n_deny,
              "lseek(whence in {SEEK_CUR, SEEK_END}) -> ESPIPE");
    push_text(&s->f, &asked->kill, &asked->n_kill, "ptrace");
    push_text(&s->f, &asked->log, &asked->n_log, "write(fd == 9)");
    must_build(&s->f);
    assert_int_equal(plan_compile(s->f.plan, &s->f.arena, &s->f.err), 0);
    assert_int_equal(filter_read(s->f.plan->syscalls, &s->f.arena, &s->rules, &s->f.err), 0);
    s->program[0] = code_of(&s->f.plan->syscalls->fallback);
    s->program[1] = code_of(&s->f.plan->syscalls->program);
}

static void test_rules_read_directly(void **state)
{
    static const struct {
        int number;
        uint64_t a0, a1;
        uint32_t listening, fallback;
    } rows[] = {
        {0, 0, 0, SECCOMP_RET_ALLOW, SECCOMP_RET_ALLOW},
        {16, 0, 0x5412, SECCOMP_RET_USER_NOTIF, SECCOMP_RET_ERRNO | EPERM},
        {16, 0, 1ull << 32 | 0x5412, SECCOMP_RET_USER_NOTIF, SECCOMP_RET_ERRNO | EPERM},
        {16, 0, 0x5413, SECCOMP_RET_ALLOW, SECCOMP_RET_ALLOW},
        {41, 1, 1, SECCOMP_RET_ALLOW, SECCOMP_RET_ALLOW},
        {41, 1, 0x80003, SECCOMP_RET_USER_NOTIF, SECCOMP_RET_ERRNO | EPERM},
        {41, 16, 1, SECCOMP_RET_USER_NOTIF, SECCOMP_RET_ERRNO | EPERM},
        {101, 0, 0, SECCOMP_RET_USER_NOTIF, SECCOMP_RET_KILL_PROCESS},
        {1, 9, 0, SECCOMP_RET_USER_NOTIF, SECCOMP_RET_ALLOW},
        {1, 8, 0, SECCOMP_RET_ALLOW, SECCOMP_RET_ALLOW},
        {8, 0, 0x100000005, SECCOMP_RET_ALLOW, SECCOMP_RET_ALLOW},
        {8, 0, 5, SECCOMP_RET_USER_NOTIF, SECCOMP_RET_ERRNO | EPERM},
        {435, 0, 0, SECCOMP_RET_ERRNO | ENOSYS, SECCOMP_RET_ERRNO | ENOSYS},
        {400, 0, 0, SECCOMP_RET_ERRNO | ENOSYS, SECCOMP_RET_ERRNO | ENOSYS},
        {471, 0, 0, SECCOMP_RET_ERRNO | ENOSYS, SECCOMP_RET_ERRNO | ENOSYS},
        {-1, 0, 0, SECCOMP_RET_ERRNO | ENOSYS, SECCOMP_RET_ERRNO | ENOSYS},
        {0x40000000, 0, 0, SECCOMP_RET_ERRNO | ENOSYS, SECCOMP_RET_ERRNO | ENOSYS},
        {57, 0, 0, SECCOMP_RET_USER_NOTIF, SECCOMP_RET_ERRNO | EPERM},
        {145, 2, 0, SECCOMP_RET_USER_NOTIF, SECCOMP_RET_ERRNO | EPERM},
        {145, 3, 0, SECCOMP_RET_ALLOW, SECCOMP_RET_ALLOW},
        {145, 1ull << 40 | 2, 0, SECCOMP_RET_USER_NOTIF, SECCOMP_RET_ERRNO | EPERM},
        {221, 0, 0x100000004, SECCOMP_RET_ALLOW, SECCOMP_RET_ALLOW},
        {221, 0, 0x100000005, SECCOMP_RET_USER_NOTIF, SECCOMP_RET_ERRNO | EPERM},
    };
    struct subject s;

    (void)state;
    subject_start(&s);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct seccomp_data data = {
            .nr = rows[i].number, .arch = AUDIT_ARCH_X86_64, .args = {rows[i].a0, rows[i].a1}};

        assert_int_equal(filter_decide(&s.rules, true, &data), rows[i].listening);
        assert_int_equal(filter_decide(&s.rules, false, &data), rows[i].fallback);
        data.arch = AUDIT_ARCH_I386;
        assert_int_equal(filter_decide(&s.rules, true, &data), SECCOMP_RET_KILL_PROCESS);
    }
    fixture_done(&s.f);
}

static uint64_t next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 16 ^ *seed << 40;
}

/* Whether two programs agree on many calls near the rules. */
static bool agree(const struct filter_code *a, const struct filter_code *b)
{
    static const int numbers[] = {0,   1,   8,   16,  41,  56,  57,  59,
                                  101, 157, 231, 400, 435, 471, 221, 145};
    static const uint64_t values[] = {0,      1,       2,       3,          5,           9,      15,
                                      0x5412, 0x20000, 0x10000, 0x10000000, 0x100000005, 0x80003};
    uint64_t seed = 1;

    for (int i = 0; i < 20000; i++) {
        struct seccomp_data data = {.arch = AUDIT_ARCH_X86_64};
        uint32_t x = 0, y = 0;

        data.nr = i < 600 ? i : numbers[next_random(&seed) % 16];
        for (int arg = 0; arg < 4; arg++) {
            data.args[arg] = values[next_random(&seed) % 13];
            if (next_random(&seed) % 4 == 0)
                data.args[arg] ^= (uint64_t)1 << next_random(&seed) % 64;
        }
        if (filter_run(a, &data, &x) != filter_run(b, &data, &y) || x != y)
            return false;
    }
    return true;
}

/* One wrong instruction, as a broken compiler might make it. Return: false: no such mutant. */
static bool mutate(struct sock_filter *now, int way)
{
    bool jumps = BPF_CLASS(now->code) == BPF_JMP && now->code != (BPF_JMP | BPF_JA);
    uint8_t jt = now->jt;

    switch (way) {
    case 0:
        now->k ^= 1;
        return true;
    case 1:
        now->k += 0x10000;
        return true;
    case 2:
        now->jt = now->jf;
        now->jf = jt;
        return jumps && jt != now->jt;
    case 3:
        now->jt++;
        return jumps;
    case 4:
        now->code = BPF_JMP | BPF_JGE | BPF_K;
        return jumps;
    case 5:
        now->code = BPF_JMP | BPF_JSET | BPF_K;
        return jumps;
    default:
        now->code = BPF_RET | BPF_K;
        now->k = SECCOMP_RET_ALLOW;
        return true;
    }
}

static void test_a_broken_compiler_is_noticed(void **state)
{
    struct subject s;
    size_t mutants = 0, harmless = 0;

    (void)state;
    subject_start(&s);
    for (int listener = 0; listener < 2; listener++) {
        const struct filter_code *right = &s.program[listener];

        assert_int_equal(filter_prove(right, &s.rules, listener, NULL, &s.f.err), 0);
        for (size_t i = 0; i < right->len; i++)
            for (int way = 0; way < 7; way++) {
                struct filter_code wrong = {
                    (struct sock_filter *)arena_copy(&s.f.arena, right->code,
                                                     right->len * sizeof(*right->code)),
                    right->len};

                if (!mutate(&wrong.code[i], way))
                    continue;
                mutants++;
                if (filter_prove(&wrong, &s.rules, listener, NULL, &s.f.err) == -EPROTO)
                    continue;
                harmless++;
                if (!agree(right, &wrong))
                    fail_msg("instruction %zu, changed in way %d, passed the proof", i, way);
            }
    }
    /* dead code: the checks of the architecture that libseccomp repeats in each section */
    assert_true(mutants > 300 && harmless < mutants / 4);
    fixture_done(&s.f);
}

static void test_the_rule_and_the_values_are_told(void **state)
{
    struct filter_rules none = {0};
    struct filter_code program = {(struct sock_filter[]){RETURN(SECCOMP_RET_ALLOW)}, 1};
    struct filter_checked checked;
    struct subject s;

    (void)state;
    subject_start(&s);
    assert_int_equal(filter_prove(&program, &none, true, &checked, &s.f.err), -EPROTO);
    assert_string_equal(s.f.err.step, "syscalls");
    assert_string_equal(s.f.err.subject, "0x40000000 of 0xc000003e");
    assert_string_equal(s.f.err.detail,
                        "the compiled filter lets it through for (), but no rule names it, which "
                        "says ENOSYS; it is not used: this is a bug of libseccomp or crib");
    assert_int_equal(checked.calls, 1);
    /* the constant of `deny ioctl(cmd == TIOCSTI)` is another one */
    for (size_t i = 0; i < s.program[0].len; i++)
        if (s.program[0].code[i].k == 0x5412)
            s.program[0].code[i].k = 0x5413;
    assert_int_equal(filter_prove(&s.program[0], &s.rules, false, NULL, &s.f.err), -EPROTO);
    assert_string_equal(s.f.err.subject, "ioctl");
    assert_string_equal(s.f.err.detail,
                        "the compiled filter lets it through for (fd=0, cmd=0x5412, arg=0), but "
                        "'deny ioctl(cmd == TIOCSTI)' says EPERM; it is not used: this is a bug of "
                        "libseccomp or crib");
    fixture_done(&s.f);
}

static void test_what_was_checked_is_counted(void **state)
{
    struct filter_checked checked;
    struct subject s;
    size_t count = 0;

    (void)state;
    subject_start(&s);
    assert_int_equal(filter_prove(&s.program[1], &s.rules, true, &checked, &s.f.err), 0);
    /* those of the table, some behind it, and those at an edge of the program that is there */
    for (const struct call *known = call_next(NULL); known; known = call_next(known))
        count++;
    assert_int_equal(checked.numbers, count);
    assert_in_range(checked.numbers + checked.unknown, CALLS_LAST + 1 + 64 + 4 + 1,
                    CALLS_LAST + 1 + 64 + 4 + 16);
    assert_int_equal(checked.x32, CALLS_LAST + 1 + 64);
    assert_true(checked.foreign > CALLS_LAST);
    assert_true(checked.values > 1000);
    assert_true(checked.calls > checked.values + 2 * (checked.numbers + checked.unknown));
    fixture_done(&s.f);
}

/* A comparison that no rule asks for, as the ordered ones that libseccomp gets wrong. */
static void test_a_program_that_looks_where_no_rule_does_is_noticed(void **state)
{
    struct subject s;
    struct filter_code wrong;
    const struct filter_code *right;

    (void)state;
    subject_start(&s);
    right = &s.program[1];
    wrong.len = right->len + 6;
    wrong.code = arena_alloc(&s.f.arena, wrong.len * sizeof(*wrong.code));
    memcpy(wrong.code, right->code, 3 * sizeof(*right->code)); /* the architecture */
    memcpy(wrong.code + 9, right->code + 3, (right->len - 3) * sizeof(*right->code));
    memcpy(wrong.code + 3,
           (struct sock_filter[]){LOAD(0), JUMP(BPF_JEQ, 0, 0, 4), LOAD(52),
                                  JUMP(BPF_JGT, 0x12345678, 0, 2), JUMP(BPF_JGT, 0x12345679, 1, 0),
                                  RETURN(SECCOMP_RET_KILL)},
           6 * sizeof(struct sock_filter));
    assert_int_equal(filter_prove(&wrong, &s.rules, true, NULL, &s.f.err), -EPROTO);
    assert_string_equal(s.f.err.subject, "read");
    wrong.code[4].k = 0x40000000; /* the same for a number that is no call */
    assert_int_equal(filter_prove(&wrong, &s.rules, true, NULL, &s.f.err), -EPROTO);
    test_contains(s.f.err.detail, "looks at arguments of number 0x40000000 of 0xc000003e, which");
    fixture_done(&s.f);
}

/* A program before the right one: what it answers is the first thing that happens. */
static int prove_behind(struct subject *s, const struct sock_filter *first, size_t len)
{
    const struct filter_code *right = &s->program[1];
    struct filter_code wrong = {arena_alloc(&s->f.arena, (len + right->len) * sizeof(*right->code)),
                                len + right->len};

    memcpy(wrong.code, first, len * sizeof(*first));
    memcpy(wrong.code + len, right->code, right->len * sizeof(*right->code));
    return filter_prove(&wrong, &s->rules, true, NULL, &s->f.err);
}

/* One number of 2^32, or one architecture, far from all others. */
static void test_a_range_that_is_wrong_by_one_is_noticed(void **state)
{
    static const uint32_t numbers[] = {CALLS_LAST + 1, 0x1234567,  0x3fffffff, 0x40000000 + 4321,
                                       0x7ffffffe,     0x80000001, 0xfffffffe, UINT32_MAX};
    static const uint32_t archs[] = {1, 0x40000028, 0xc000003d, 0xc000003f, 0xfffffffe};
    struct subject s;

    (void)state;
    subject_start(&s);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        uint32_t k = numbers[i];
        const struct sock_filter same[] = {LOAD(4), JUMP(BPF_JEQ, AUDIT_ARCH_X86_64, 0, 3), LOAD(0),
                                           JUMP(BPF_JEQ, k, 0, 1), RETURN(SECCOMP_RET_ALLOW)};
        const struct sock_filter range[] = {LOAD(4),
                                            JUMP(BPF_JEQ, AUDIT_ARCH_X86_64, 0, 4),
                                            LOAD(0),
                                            JUMP(BPF_JGE, k, 0, 2),
                                            JUMP(BPF_JGT, k, 1, 0),
                                            RETURN(SECCOMP_RET_ALLOW)};

        assert_int_equal(prove_behind(&s, same, 5), -EPROTO);
        assert_int_equal(prove_behind(&s, range, 6), -EPROTO);
        test_contains(s.f.err.detail, "lets it through");
    }
    for (size_t i = 0; i < sizeof(archs) / sizeof(archs[0]); i++) {
        const struct sock_filter same[] = {LOAD(4), JUMP(BPF_JEQ, archs[i], 0, 1),
                                           RETURN(SECCOMP_RET_ALLOW)};
        const struct sock_filter one[] = {LOAD(4), JUMP(BPF_JEQ, archs[i], 0, 3), LOAD(0),
                                          JUMP(BPF_JEQ, 0x76543210, 0, 1),
                                          RETURN(SECCOMP_RET_ALLOW)};

        assert_int_equal(prove_behind(&s, same, 3), -EPROTO);
        assert_int_equal(prove_behind(&s, one, 5), -EPROTO);
        test_contains(s.f.err.detail, "lets it through");
    }
    fixture_done(&s.f);
}

/* What the numbers on both sides of a constant could not stand for. */
static void test_a_program_may_not_look_at_bits_of_a_number(void **state)
{
    const struct sock_filter bits[] = {LOAD(0), JUMP(BPF_JSET, 0x100000, 0, 1),
                                       RETURN(SECCOMP_RET_ERRNO | ENOSYS)};
    const struct sock_filter masked[] = {LOAD(0), AND(0x100fffff), JUMP(BPF_JEQ, 0x10000001, 0, 1),
                                         RETURN(SECCOMP_RET_ERRNO | ENOSYS)};
    const struct sock_filter pointer[] = {LOAD(8), JUMP(BPF_JEQ, 0x1234, 0, 1),
                                          RETURN(SECCOMP_RET_ALLOW)};
    struct subject s;

    (void)state;
    subject_start(&s);
    assert_int_equal(prove_behind(&s, bits, 3), -EPROTO);
    test_contains(s.f.err.detail, "does what no filter of crib's does");
    assert_int_equal(prove_behind(&s, masked, 4), -EPROTO);
    test_contains(s.f.err.detail, "does what no filter of crib's does");
    assert_int_equal(prove_behind(&s, pointer, 3), -EPROTO);
    test_contains(s.f.err.detail, "does what no filter of crib's does");
    fixture_done(&s.f);
}

static void test_too_many_conditions_on_one_call(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f);
    for (int i = 0; i < 129; i++)
        push_text(&f, &f.policy->syscalls->allow, &f.policy->syscalls->n_allow,
                  arena_printf(&f.arena, "close(fd == %d)", i));
    must_build(&f);
    assert_int_equal(plan_compile(f.plan, &f.arena, &f.err), -E2BIG);
    assert_string_equal(f.err.subject, "close");
    assert_string_equal(f.err.detail, "more than 128 conditions on one call");
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_evaluator_does_what_the_kernel_does),
        cmocka_unit_test(test_evaluator_refuses_what_no_filter_of_ours_does),
        cmocka_unit_test(test_rules_read_directly),
        cmocka_unit_test(test_a_broken_compiler_is_noticed),
        cmocka_unit_test(test_the_rule_and_the_values_are_told),
        cmocka_unit_test(test_what_was_checked_is_counted),
        cmocka_unit_test(test_a_program_that_looks_where_no_rule_does_is_noticed),
        cmocka_unit_test(test_a_range_that_is_wrong_by_one_is_noticed),
        cmocka_unit_test(test_a_program_may_not_look_at_bits_of_a_number),
        cmocka_unit_test(test_too_many_conditions_on_one_call),
    };

    return test_run(tests);
}
