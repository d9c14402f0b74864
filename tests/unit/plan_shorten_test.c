/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that was made short answers as the one that it was made of: those of all shipped
 * policies, and programs made at random, which are no filters at all but use whatever the kernel
 * knows of a program.
 */
#include "plan_fixture.h"

#include <errno.h>
#include <linux/audit.h>
#include <stdio.h>

#include "plan/filter.h"
#include "policy/load.h"

#define LONGEST 200 /* instructions of a shipped policy */
#define DEEPEST 24  /* instructions to a decision about a call without conditions */
#define INPUTS  60000
#define RANDOM  4000 /* programs */
#define TRIES   250  /* calls of each */

static uint64_t seed = 1;

static uint64_t below(uint64_t n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (seed >> 20) % n;
}

static void must_agree(const char *name, const struct filter_code *a, const struct filter_code *b,
                       const struct seccomp_data *call)
{
    uint32_t x = 1, y = 2;

    if (filter_run(a, call, &x) == 0 && filter_run(b, call, &y) == 0 && x == y)
        return;
    fail_msg("%s: number %#x of %#x (%#llx, %#llx, %#llx): %#x became %#x", name,
             (unsigned)call->nr, call->arch, (unsigned long long)call->args[0],
             (unsigned long long)call->args[1], (unsigned long long)call->args[2], x, y);
}

/* A constant of the program, or next to it. */
static uint32_t near_constant(const struct filter_code *program)
{
    return program->code[below(program->len)].k + (uint32_t)below(3) - 1;
}

static struct seccomp_data random_call(const struct filter_code *program)
{
    struct seccomp_data call = {.arch = AUDIT_ARCH_X86_64, .nr = (int)below(CALLS_LAST + 2)};

    if (below(8) == 0)
        call.nr = (int)near_constant(program);
    if (below(50) == 0)
        call.arch = near_constant(program);
    for (int i = 0; i < 6; i++) {
        call.args[i] = below(3) ? near_constant(program) : below(4);
        if (below(6) == 0)
            call.args[i] |= (uint64_t)near_constant(program) << 32;
        if (below(6) == 0)
            call.args[i] ^= (uint64_t)1 << below(64);
    }
    return call;
}

/* Every number, with arguments of all kinds. */
static void compare(const char *name, const struct filter_code *was, const struct filter_code *is)
{
    static const uint32_t archs[] = {AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64, 0,
                                     UINT32_MAX};
    static const uint32_t bits[] = {0, 0x40000000, 0x80000000, 0xc0000000};

    for (size_t arch = 0; arch < 5; arch++)
        for (size_t bit = 0; bit < 4; bit++)
            for (uint32_t n = 0; n < 1200; n++) {
                struct seccomp_data call = {.nr = (int)((n - 100) ^ bits[bit]),
                                            .arch = archs[arch]};

                must_agree(name, was, is, &call);
                memset(call.args, 0xff, sizeof(call.args));
                must_agree(name, was, is, &call);
            }
    for (int i = 0; i < INPUTS; i++) {
        struct seccomp_data call = random_call(i % 2 ? was : is);

        must_agree(name, was, is, &call);
    }
}

/*
 * What the kernel does as a program is loaded (kernel/seccomp.c, seccomp_is_const_allow()): calls
 * that it finds to be allowed by number alone never run the program.
 * Return: how many instructions it takes; 0: it is not decided so.
 */
static unsigned steps_by_number(const struct filter_code *program, uint32_t number,
                                uint32_t *ret_answer)
{
    unsigned steps = 1;
    uint32_t a = 0;

    for (size_t pc = 0; pc < program->len; pc++, steps++) {
        const struct sock_filter *now = &program->code[pc];
        bool yes;

        switch (now->code) {
        case BPF_LD | BPF_W | BPF_ABS:
            if (now->k != offsetof(struct seccomp_data, nr) &&
                now->k != offsetof(struct seccomp_data, arch))
                return 0;
            a = now->k ? AUDIT_ARCH_X86_64 : number;
            continue;
        case BPF_RET | BPF_K:
            *ret_answer = now->k;
            return steps;
        case BPF_JMP | BPF_JA:
            pc += now->k;
            continue;
        case BPF_JMP | BPF_JEQ | BPF_K:
            yes = a == now->k;
            break;
        case BPF_JMP | BPF_JGE | BPF_K:
            yes = a >= now->k;
            break;
        default:
            return 0;
        }
        pc += yes ? now->jt : now->jf;
    }
    return 0;
}

/* Every number that no condition is about is decided by number alone, and soon. */
static void must_be_quick(const char *name, const struct filter_rules *rules, bool listener,
                          const struct filter_code *program)
{
    for (uint32_t number = 0; number <= CALLS_LAST + 10; number++) {
        struct seccomp_data call = {.nr = (int)number, .arch = AUDIT_ARCH_X86_64};
        bool conditional = false;
        uint32_t answer = 0;
        unsigned steps;

        for (int list = 0; list < FILTER_LISTS; list++)
            for (size_t i = 0; i < rules->list[list].count; i++)
                conditional = conditional || (rules->list[list].rules[i].call->number == call.nr &&
                                              rules->list[list].rules[i].count);
        steps = steps_by_number(program, number, &answer);
        if (conditional)
            continue;
        if (!steps || steps > DEEPEST || answer != filter_decide(rules, listener, &call))
            fail_msg("%s: number %u: %u steps to %#x", name, number, steps, answer);
    }
}

static void test_shipped_policies(void **state)
{
    static const char *const names[] = {"default", "strict", "network", "node",
                                        "shell",   "worker", "judge"};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct filter_programs programs;
        struct filter_rules rules;
        struct fixture f;
        struct planning p;

        fixture_start(&f);
        assert_int_equal(policy_load(names[i], NULL, &f.arena, &f.policy, NULL, &f.err), 0);
        f.plan = ARENA_NEW(&f.arena, crib__plan, Crib__Plan);
        p = (struct planning){f.task, f.policy, f.host, &f.arena, f.plan, &f.err};
        assert_int_equal(plan_syscalls(&p), 0);
        assert_int_equal(filter_read(f.plan->syscalls, &f.arena, &rules, &f.err), 0);
        assert_int_equal(filter_make(&rules, &f.arena, &programs, &f.err), 0);
        assert_in_range(programs.listening.len, 20, LONGEST);
        assert_in_range(programs.fallback.len, 20, LONGEST);
        assert_true(2 * programs.fallback.len < programs.chained[0].len);
        compare(names[i], &programs.chained[1], &programs.listening);
        compare(names[i], &programs.chained[0], &programs.fallback);
        must_be_quick(names[i], &rules, true, &programs.listening);
        must_be_quick(names[i], &rules, false, &programs.fallback);
        fixture_done(&f);
    }
}

/* Constants are few, so that comparisons meet again. */
static uint32_t random_constant(void)
{
    static const uint32_t rare[] = {UINT32_MAX, 0x40000000, 0x80000000, 0, 0xffff, CALLS_LAST};

    return (uint32_t)(below(12) ? below(40) : rare[below(6)]);
}

/* A program, the last instruction first. */
struct backwards {
    struct sock_filter code[FILTER_MAX];
    size_t len;
    size_t entries[FILTER_MAX], count; /* where jumps may lead from anywhere */
};

static void put(struct backwards *out, struct sock_filter instruction)
{
    out->code[out->len++] = instruction;
}

static void put_entry(struct backwards *out, struct sock_filter instruction)
{
    out->entries[out->count++] = out->len;
    put(out, instruction);
}

/* Return: how far it is to one of the last entries. */
static size_t random_entry(const struct backwards *out, size_t most)
{
    size_t back = 1 + below(out->count < 60 ? out->count : 60);
    size_t distance = out->len - out->entries[out->count - back] - 1;

    return distance <= most ? distance : out->len - out->entries[out->count - 1] - 1;
}

/* A word is loaded, perhaps masked, and compared some times. */
static void put_block(struct backwards *out)
{
    static const uint16_t jumps[] = {BPF_JEQ, BPF_JEQ, BPF_JEQ, BPF_JGE, BPF_JGT, BPF_JSET};
    bool of_number = below(3) == 0;

    for (uint64_t n = 0, count = 1 + below(6); n < count; n++) {
        size_t jt = random_entry(out, 255), jf = random_entry(out, 255);

        if (n && below(5)) /* the next of them */
            *(below(2) ? &jt : &jf) = 0;
        put(out, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_K | jumps[below(of_number ? 5 : 6)],
                                              random_constant(), (uint8_t)jt, (uint8_t)jf));
    }
    if (!of_number && below(4) == 0)
        put(out, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, random_constant()));
    put_entry(out, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                                of_number ? 4 * (uint32_t)(below(8) == 0)
                                                          : 16 + 4 * (uint32_t)below(12)));
}

/* As chain.c begins one; then anything. */
static struct filter_code random_program(struct arena *arena)
{
    static const struct sock_filter head[] = {
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch))};
    struct backwards *out = arena_alloc(arena, sizeof(*out));
    size_t len = 8 + (below(20) ? below(200) : below(FILTER_MAX - 30));
    struct filter_code ret;

    out->len = out->count = 0;
    while (out->len < len) {
        if (out->len < 4 || below(6) == 0)
            put_entry(out, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
                                                        SECCOMP_RET_ERRNO | (uint32_t)below(50)));
        else if (below(6) == 0)
            put_entry(out, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA,
                                                        (uint32_t)random_entry(out, FILTER_MAX)));
        else
            put_block(out);
    }
    for (int i = 0; i < 3; i++)
        put(out, head[i]);
    ret = (struct filter_code){arena_alloc(arena, out->len * sizeof(*ret.code)), out->len};
    for (size_t i = 0; i < ret.len; i++)
        ret.code[i] = out->code[ret.len - i - 1];
    return ret;
}

static struct seccomp_data random_input(void)
{
    struct seccomp_data call = {.arch = AUDIT_ARCH_X86_64, .nr = (int)random_constant()};

    if (below(40) == 0)
        call.arch = AUDIT_ARCH_I386;
    for (int i = 0; i < 6; i++)
        call.args[i] = random_constant() | (uint64_t)random_constant() << 32;
    return call;
}

static void test_random_programs(void **state)
{
    size_t shortened = 0, longest = 0;

    (void)state;
    for (uint64_t n = 1; n <= RANDOM; n++) {
        struct filter_code was, is;
        struct arena arena;
        char name[64];

        seed = n;
        snprintf(name, sizeof(name), "program %u", (unsigned)n);
        arena_init(&arena, 0);
        is = was = random_program(&arena);
        if (filter_shorten(&is, &arena)) {
            shortened++;
            longest = is.len > longest ? is.len : longest;
            assert_true(filter_stays_inside(&is) && is.len <= was.len);
            for (int i = 0; i < TRIES; i++) {
                struct seccomp_data call = random_input();

                must_agree(name, &was, &is, &call);
            }
        }
        arena_done(&arena);
    }
    print_message("%zu of %d made shorter; the longest has %zu\n", shortened, RANDOM, longest);
    assert_true(shortened > RANDOM / 10);
    assert_true(longest > 600); /* conditional jumps do not reach that far */
}

static void test_what_is_out_of_the_ordinary_stays_as_it_was(void **state)
{
    struct sock_filter masked[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 2, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    struct filter_code program = {masked, sizeof(masked) / sizeof(masked[0])};
    struct arena arena;

    (void)state;
    arena_init(&arena, 0);
    assert_false(filter_shorten(&program, &arena)); /* bits of the number */
    masked[4].code = BPF_JMP | BPF_JEQ | BPF_X;
    assert_false(filter_shorten(&program, &arena)); /* no comparison with a constant */
    masked[4].code = BPF_JMP | BPF_JEQ | BPF_K;
    masked[3].code = BPF_MISC | BPF_TXA;
    assert_false(filter_shorten(&program, &arena)); /* no instruction of a filter's */
    masked[3].code = BPF_LD | BPF_W | BPF_ABS;
    masked[4].jt = 3;
    assert_false(filter_shorten(&program, &arena)); /* leads out of itself */
    masked[4].jt = 1;
    masked[1].k = AUDIT_ARCH_I386;
    assert_false(filter_shorten(&program, &arena)); /* another architecture's */
    masked[1].k = AUDIT_ARCH_X86_64;
    assert_ptr_equal(program.code, masked);
    assert_true(filter_shorten(&program, &arena)); /* both answers are one */
    assert_int_equal(program.len, 4);
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shipped_policies),
        cmocka_unit_test(test_random_programs),
        cmocka_unit_test(test_what_is_out_of_the_ordinary_stays_as_it_was),
    };

    return test_run(tests);
}
