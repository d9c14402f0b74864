/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: the rules are read as they were written, ordered comparisons among them, and
 * the program compares for equality under masks. One that deviates does so at a value that differs
 * from a rule's in a bit, in all bits below one, or by one, or that is put together from constants
 * of the rules and the program. These are tried on every argument that a rule of the call looks at,
 * with the other arguments at zero, at all ones, and at what each rule wants; then calls of each
 * piece of each rule (pieces.h), and some whose arguments all are such values. The program may look
 * at no argument that no rule does. Every call number, those of x32 and of other architectures are
 * tried besides.
 */
#include "plan/filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/auto.h"

#define BEYOND 64         /* call numbers over CALLS_LAST that are tried */
#define X32    0x40000000 /* bit of x32's call numbers */
#define HALVES 512        /* values of half an argument that are tried */
#define PAIRED 48         /* of those, tried each with each; the others with the first FEW */
#define FEW    4
#define JOINT  400 /* calls of which all arguments are values of rules */

/* One proof, at one call. */
struct proof {
    const struct filter_code *program;
    const struct filter_rules *rules;
    bool listener;
    struct crib_error *err;
    struct filter_rules here; /* the rules of the call alone, so that each reading is quick */
    struct rule *room;        /* for those */
    const struct rule *conditional[FILTER_CALL_RULES];
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

static int check_value(const struct proof *proof, struct seccomp_data *call, unsigned arg,
                       uint64_t value)
{
    call->args[arg] = value;
    return check(proof, call);
}

/* A bit of a value flipped; of an ordered comparison with all below it clear or set, too. */
static int check_flipped(const struct proof *proof, struct seccomp_data *call,
                         const struct condition *c, uint64_t value, int bit)
{
    bool ordered = c->op >= CONDITION_LT && c->op <= CONDITION_GE;
    uint64_t here = (uint64_t)1 << bit, flipped = value ^ here;
    int r = check_value(proof, call, c->arg, flipped);

    if (r == 0 && ordered)
        r = check_value(proof, call, c->arg, flipped | (here - 1));
    if (r == 0 && ordered)
        r = check_value(proof, call, c->arg, flipped & ~(here - 1));
    return r;
}

/* Around one value of a condition: every bit, halves and all of it. */
static int check_around(const struct proof *proof, struct seccomp_data *call,
                        const struct condition *c, uint64_t value)
{
    const uint64_t values[] = {
        value,      value | ~c->mask,   ~value,
        c->mask,    value ^ 0xffffffff, value ^ 0xffffffff00000000,
        0,          value & 0xffffffff, value & 0xffffffff00000000,
        UINT64_MAX, value << 32,        value >> 32,
        value + 1,  value - 1,
    };
    int r = 0;

    for (size_t i = 0; r == 0 && i < sizeof(values) / sizeof(values[0]); i++)
        r = check_value(proof, call, c->arg, values[i]);
    for (int bit = 0; r == 0 && bit < 64; bit++)
        r = check_flipped(proof, call, c, value, bit);
    return r;
}

static int check_condition(const struct proof *proof, struct seccomp_data *call,
                           const struct condition *c)
{
    int r = check_around(proof, call, c, c->value);

    for (size_t i = 1; r == 0 && i < c->count; i++)
        r = check_around(proof, call, c, c->values[i]);
    return r;
}

/* Whether a rule looks at an argument. */
static bool looks_at(const struct rule *rule, unsigned arg)
{
    for (size_t i = 0; i < rule->count; i++)
        if (rule->conditions[i].arg == arg)
            return true;
    return false;
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

static void add_halves(struct halves *low, struct halves *high, const struct condition *c)
{
    add_half(low, (uint32_t)c->value);
    add_half(high, (uint32_t)(c->value >> 32));
    for (size_t i = 1; i < c->count; i++) {
        add_half(low, (uint32_t)c->values[i]);
        add_half(high, (uint32_t)(c->values[i] >> 32));
    }
}

/* Each half of one rule with each half of another, and with what the program itself compares. */
static int check_halves(const struct proof *proof, struct seccomp_data *call, unsigned arg)
{
    struct halves low = {{0, UINT32_MAX}, 2}, high = low;
    int r = 0;

    for (size_t i = 0; i < proof->count; i++)
        for (size_t j = 0; j < proof->conditional[i]->count; j++)
            if (proof->conditional[i]->conditions[j].arg == arg)
                add_halves(&low, &high, &proof->conditional[i]->conditions[j]);
    for (size_t i = 0; i < proof->n_constants; i++)
        if (proof->constants[i].arg == arg)
            add_half(proof->constants[i].high ? &high : &low, proof->constants[i].k);
    for (size_t l = 0; r == 0 && l < low.count; l++)
        for (size_t h = 0; r == 0 && h < high.count; h++)
            if ((l < PAIRED && h < PAIRED) || l < FEW || h < FEW)
                r = check_value(proof, call, arg, (uint64_t)high.value[h] << 32 | low.value[l]);
    return r;
}

/* A program may look at no argument that no condition of the call names. */
static int check_looks(const struct proof *proof, uint32_t number)
{
    struct seccomp_data call = call_of(AUDIT_ARCH_X86_64, number, 0);

    for (size_t i = 0; i < proof->n_constants; i++) {
        bool named = false;

        for (size_t n = 0; n < proof->count; n++)
            named = named || looks_at(proof->conditional[n], proof->constants[i].arg);
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
        for (size_t j = 0; r == 0 && j < proof->conditional[i]->count; j++)
            if (proof->conditional[i]->conditions[j].arg == arg)
                r = check_condition(proof, &call, &proof->conditional[i]->conditions[j]);
    return r;
}

/* A call that is in a piece; what the piece leaves open is @rest. */
static struct seccomp_data call_in(uint32_t number, const struct piece *piece, uint64_t rest)
{
    struct seccomp_data call = call_of(AUDIT_ARCH_X86_64, number, 0);

    for (int i = 0; i < 6; i++)
        call.args[i] = piece->value[i] | (rest & ~piece->mask[i]);
    return call;
}

/* What the other arguments are meanwhile matters only where conditions name several. */
static int check_beside(const struct proof *proof, uint32_t number, unsigned arg)
{
    struct seccomp_data ones = call_of(AUDIT_ARCH_X86_64, number, UINT64_MAX);
    struct pieces pieces;
    bool alone = true;
    int r = 0;

    for (size_t i = 0; r == 0 && i < proof->count; i++) {
        const struct rule *rule = proof->conditional[i];
        struct seccomp_data fits;

        if (rule->count == 1 && rule->conditions[0].arg == arg)
            continue;
        alone = false;
        r = pieces_of(rule->conditions, rule->count, &pieces);
        if (r < 0)
            break;
        fits = call_in(number, &pieces.piece[0], 0);
        r = check_arg(proof, &fits, arg);
    }
    return r == 0 && !alone ? check_arg(proof, &ones, arg) : r;
}

/* Calls in every piece of a rule, and in what it excepts. */
static int check_pieces(const struct proof *proof, uint32_t number, const struct rule *rule)
{
    struct pieces pieces;
    int r = pieces_of(rule->conditions, rule->count, &pieces);

    for (size_t i = 0; r == 0 && i < pieces.count; i++) {
        struct seccomp_data zeros = call_in(number, &pieces.piece[i], 0),
                            ones = call_in(number, &pieces.piece[i], UINT64_MAX);

        r = check(proof, &zeros);
        if (r == 0)
            r = check(proof, &ones);
        for (size_t e = 0; r == 0 && e < pieces.exceptions; e++) {
            struct seccomp_data call = ones;

            for (int arg = 0; arg < 6; arg++)
                call.args[arg] = (call.args[arg] & ~pieces.exception[e].mask[arg]) |
                                 pieces.exception[e].value[arg];
            r = check(proof, &call);
        }
    }
    return r;
}

static uint64_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

/* Calls whose arguments are values of the rules, or next to them; the same ones every time. */
static int check_joint(const struct proof *proof, uint32_t number)
{
    uint64_t state = number;
    int r = 0;

    for (int n = 0; r == 0 && n < JOINT; n++) {
        struct seccomp_data call = call_of(AUDIT_ARCH_X86_64, number, 0);

        for (int pick = 0; pick < 8; pick++) {
            const struct rule *rule = proof->conditional[next_random(&state) % proof->count];
            const struct condition *c = &rule->conditions[next_random(&state) % rule->count];
            uint64_t value = c->count ? c->values[next_random(&state) % c->count] : c->value;

            call.args[c->arg] = value + next_random(&state) % 3 - 1;
            if (next_random(&state) % 4 == 0)
                call.args[c->arg] ^= (uint64_t)1 << next_random(&state) % 64;
        }
        r = check(proof, &call);
    }
    return r;
}

static bool is_looked_at(const struct proof *proof, unsigned arg)
{
    for (size_t i = 0; i < proof->count; i++)
        if (looks_at(proof->conditional[i], arg))
            return true;
    return false;
}

/* One argument after another through all its values, while the others stand still. */
static int check_args(const struct proof *proof, uint32_t number)
{
    struct seccomp_data zeros = call_of(AUDIT_ARCH_X86_64, number, 0);
    int r = 0;

    for (unsigned arg = 0; r == 0 && arg < 6; arg++) {
        if (!is_looked_at(proof, arg))
            continue;
        r = check_arg(proof, &zeros, arg);
        if (r == 0)
            r = check_beside(proof, number, arg);
    }
    for (size_t i = 0; r == 0 && i < proof->count; i++)
        r = check_pieces(proof, number, proof->conditional[i]);
    return r < 0 ? r : check_joint(proof, number);
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
            if (!all->rules[i].count)
                continue;
            if (proof->count == FILTER_CALL_RULES)
                return fail_text(proof->err, -E2BIG, "syscalls", -1, all->rules[i].call->name,
                                 "more than %d conditions on one call", FILTER_CALL_RULES);
            proof->conditional[proof->count++] = &all->rules[i];
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
    struct proof proof = {.program = program,
                          .rules = rules,
                          .listener = listener,
                          .err = err,
                          .here.otherwise = rules->otherwise};
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
