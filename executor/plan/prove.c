/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: the rules compare for equality under masks, so a program that deviates does
 * so at a value that differs from a rule's in a bit, or that is put together from constants of the
 * rules and the program. These are tried on every argument that a rule of the call looks at, with
 * the other arguments at zero, at all ones, and at what another rule wants; and the program may
 * look at no other argument. Every call number, those of x32 and of other architectures are tried
 * besides.
 */
#include "plan/filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/auto.h"

#define BEYOND 64         /* call numbers over CALLS_LAST that are tried */
#define X32    0x40000000 /* bit of x32's call numbers */
#define HALVES 64         /* values of half an argument that are tried together */

/* One proof, at one call. */
struct proof {
    const struct filter_code *program;
    const struct filter_rules *rules;
    bool listener;
    struct crib_error *err;
    struct filter_rules here; /* the rules of the call alone, so that each reading is quick */
    struct rule *room;        /* for those */
    const struct rule *conditions[FILTER_CALL_RULES];
    size_t count;                      /* of them */
    struct filter_constant *constants; /* of the call */
    size_t n_constants;
};

static int mismatch(const struct proof *proof, const struct seccomp_data *call)
{
    const struct call *known = call->nr < 0 ? NULL : call_by_number(call->nr);
    char number[16];

    snprintf(number, sizeof(number), "%d", call->nr);
    return fail_text(proof->err, -EPROTO, "syscalls", -1, known ? known->name : number,
                     "the compiled filter is wrong for (%#llx, %#llx, %#llx, %#llx, %#llx, %#llx), "
                     "and is not used; this is a bug of libseccomp or crib",
                     (unsigned long long)call->args[0], (unsigned long long)call->args[1],
                     (unsigned long long)call->args[2], (unsigned long long)call->args[3],
                     (unsigned long long)call->args[4], (unsigned long long)call->args[5]);
}

static int check(const struct proof *proof, const struct seccomp_data *call)
{
    uint32_t answer;

    if (filter_run(proof->program, call, &answer) < 0 ||
        answer != filter_decide(&proof->here, proof->listener, call))
        return mismatch(proof, call);
    return 0;
}

static struct seccomp_data call_of(uint32_t arch, uint32_t number, uint64_t args)
{
    struct seccomp_data call = {.nr = (int)number, .arch = arch};

    for (int i = 0; i < 6; i++)
        call.args[i] = args;
    return call;
}

static int check_number(const struct proof *proof, uint32_t arch, uint32_t number)
{
    struct seccomp_data zeros = call_of(arch, number, 0), ones = call_of(arch, number, UINT64_MAX);
    int r = check(proof, &zeros);

    return r < 0 ? r : check(proof, &ones);
}

/* Those that are no calls of ours, for which no rule may matter. */
static int check_foreign(const struct proof *proof)
{
    static const uint32_t numbers[] = {0x7fffffff, 0x80000000, UINT32_MAX, X32 | 0x80000000};
    static const uint32_t others[] = {AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64, 0, UINT32_MAX,
                                      AUDIT_ARCH_X86_64 ^ 1};
    int r = 0;

    for (uint32_t n = 0; r == 0 && n <= CALLS_LAST + BEYOND; n++)
        r = check_number(proof, AUDIT_ARCH_X86_64, n | X32);
    for (uint32_t n = CALLS_LAST + 1; r == 0 && n <= CALLS_LAST + BEYOND; n++)
        r = check_number(proof, AUDIT_ARCH_X86_64, n);
    for (size_t i = 0; r == 0 && i < sizeof(numbers) / sizeof(numbers[0]); i++)
        r = check_number(proof, AUDIT_ARCH_X86_64, numbers[i]);
    for (size_t i = 0; r == 0 && i < sizeof(others) / sizeof(others[0]); i++)
        for (uint32_t n = 0; r == 0 && n <= CALLS_LAST; n += 13)
            r = check_number(proof, others[i], n);
    return r;
}

/* The values of one argument: every bit of a rule's flipped by itself, halves and all of it. */
static int check_rule_values(const struct proof *proof, struct seccomp_data *call, unsigned arg,
                             const struct rule *rule)
{
    const uint64_t values[] = {
        rule->value,
        rule->value | ~rule->mask,
        ~rule->value,
        rule->mask,
        rule->value ^ 0xffffffff,
        rule->value ^ 0xffffffff00000000,
        0,
        rule->value & 0xffffffff,
        rule->value & 0xffffffff00000000,
        UINT64_MAX,
        rule->value << 32,
        rule->value >> 32,
        rule->value + 1,
        rule->value - 1,
    };
    int r = 0;

    for (size_t i = 0; r == 0 && i < sizeof(values) / sizeof(values[0]); i++) {
        call->args[arg] = values[i];
        r = check(proof, call);
    }
    for (int bit = 0; r == 0 && bit < 64; bit++) {
        call->args[arg] = rule->value ^ (uint64_t)1 << bit;
        r = check(proof, call);
    }
    return r;
}

/* The distinct values that one half of an argument may be compared with. */
struct halves {
    uint32_t value[HALVES];
    size_t count;
};

static void add_half(struct halves *halves, uint32_t value)
{
    for (size_t i = 0; i < halves->count; i++)
        if (halves->value[i] == value)
            return;
    if (halves->count < HALVES)
        halves->value[halves->count++] = value;
}

/* Each half of one rule with each half of another, and with what the program itself compares. */
static int check_halves(const struct proof *proof, struct seccomp_data *call, unsigned arg)
{
    struct halves low = {{0, UINT32_MAX}, 2}, high = low;
    int r = 0;

    for (size_t i = 0; i < proof->n_constants; i++)
        if (proof->constants[i].arg == arg)
            add_half(proof->constants[i].high ? &high : &low, proof->constants[i].k);
    for (size_t i = 0; i < proof->count; i++)
        if (proof->conditions[i]->arg == arg) {
            add_half(&low, (uint32_t)proof->conditions[i]->value);
            add_half(&high, (uint32_t)(proof->conditions[i]->value >> 32));
        }
    for (size_t l = 0; r == 0 && l < low.count; l++)
        for (size_t h = 0; r == 0 && h < high.count; h++) {
            call->args[arg] = (uint64_t)high.value[h] << 32 | low.value[l];
            r = check(proof, call);
        }
    return r;
}

/* A program may look at no argument that no condition of the call names. */
static int check_looks(const struct proof *proof, uint32_t number)
{
    struct seccomp_data call = call_of(AUDIT_ARCH_X86_64, number, 0);

    for (size_t i = 0; i < proof->n_constants; i++) {
        bool named = false;

        for (size_t n = 0; n < proof->count; n++)
            named = named || proof->conditions[n]->arg == proof->constants[i].arg;
        if (!named)
            return mismatch(proof, &call);
    }
    return 0;
}

static int check_arg(const struct proof *proof, const struct seccomp_data *others, unsigned arg)
{
    struct seccomp_data call = *others;
    int r = check_halves(proof, &call, arg);

    for (size_t i = 0; r == 0 && i < proof->count; i++)
        if (proof->conditions[i]->arg == arg)
            r = check_rule_values(proof, &call, arg, proof->conditions[i]);
    return r;
}

/* What the other arguments are meanwhile matters only where conditions name several. */
static int check_beside(const struct proof *proof, uint32_t number, unsigned arg)
{
    struct seccomp_data ones = call_of(AUDIT_ARCH_X86_64, number, UINT64_MAX);
    bool alone = true;
    int r = 0;

    for (size_t i = 0; r == 0 && i < proof->count; i++) {
        struct seccomp_data fits = call_of(AUDIT_ARCH_X86_64, number, 0);

        if (proof->conditions[i]->arg == arg)
            continue;
        alone = false;
        fits.args[proof->conditions[i]->arg] = proof->conditions[i]->value;
        r = check_arg(proof, &fits, arg);
    }
    return r == 0 && !alone ? check_arg(proof, &ones, arg) : r;
}

/* One argument after another through all its values, while the others stand still. */
static int check_args(const struct proof *proof, uint32_t number)
{
    struct seccomp_data zeros = call_of(AUDIT_ARCH_X86_64, number, 0);
    int r = 0;

    for (size_t i = 0; r == 0 && i < proof->count; i++) {
        unsigned arg = proof->conditions[i]->arg;
        bool done = false;

        for (size_t before = 0; before < i; before++)
            done = done || proof->conditions[before]->arg == arg;
        if (done)
            continue;
        r = check_arg(proof, &zeros, arg);
        if (r == 0)
            r = check_beside(proof, number, arg);
    }
    return r;
}

/* Takes the rules of one call from all of them. */
static int gather(struct proof *proof, int number)
{
    struct rule *room = proof->room;

    proof->count = 0;
    for (int name = 0; name < FILTER_LISTS; name++) {
        const struct filter_list *all = &proof->rules->list[name];
        struct filter_list *here = &proof->here.list[name];

        *here = (struct filter_list){room, 0};
        for (size_t i = 0; i < all->count; i++) {
            if (all->rules[i].call->number != number)
                continue;
            here->rules[here->count++] = all->rules[i];
            if (!all->rules[i].conditional)
                continue;
            if (proof->count == FILTER_CALL_RULES)
                return fail_text(proof->err, -E2BIG, "syscalls", -1, all->rules[i].call->name,
                                 "more than %d conditions on one call", FILTER_CALL_RULES);
            proof->conditions[proof->count++] = &all->rules[i];
        }
        room += here->count;
    }
    return 0;
}

static int check_call(struct proof *proof, uint32_t number)
{
    int r = gather(proof, (int)number);

    if (r == 0)
        r = check_number(proof, AUDIT_ARCH_X86_64, number);
    if (r < 0)
        return r;
    proof->n_constants =
        filter_constants(proof->program, AUDIT_ARCH_X86_64, number, proof->constants);
    r = check_looks(proof, number);
    return r == 0 && proof->count ? check_args(proof, number) : r;
}

int filter_prove(const struct filter_code *program, const struct filter_rules *rules, bool listener,
                 struct crib_error *err)
{
    AUTO_FREE struct rule *room = NULL;
    AUTO_FREE struct filter_constant *constants = NULL;
    struct proof proof = {.program = program, .rules = rules, .listener = listener, .err = err};
    size_t count = 1;
    int r;

    if (!filter_stays_inside(program))
        return fail_text(err, -EPROTO, "syscalls", -1, NULL,
                         "the compiled filter leads out of itself, and is not used");
    for (int name = 0; name < FILTER_LISTS; name++)
        count += rules->list[name].count;
    proof.room = room = calloc(count, sizeof(*room));
    proof.constants = constants = calloc(program->len + 1, sizeof(*constants));
    if (!room || !constants)
        return fail_sys(err, -ENOMEM, "syscalls", -1, NULL, NULL);
    r = check_foreign(&proof);
    for (uint32_t number = 0; r == 0 && number <= CALLS_LAST; number++)
        r = check_call(&proof, number);
    return r;
}
