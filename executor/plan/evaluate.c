/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An evaluator of classic BPF, as far as filters of ours go; anything else is an error.
 */
#include "plan/filter.h"

#include <errno.h>
#include <string.h>

static int load(const struct seccomp_data *call, uint32_t offset, uint32_t *ret)
{
    if (offset % 4 || offset > sizeof(*call) - 4)
        return -EPROTO;
    memcpy(ret, (const char *)call + offset, 4);
    return 0;
}

/* Return: how far a conditional jump goes; -1 for another instruction. */
static inline int jump(const struct sock_filter *now, uint32_t a)
{
    switch (now->code) {
    case BPF_JMP | BPF_JEQ | BPF_K:
        return a == now->k ? now->jt : now->jf;
    case BPF_JMP | BPF_JGT | BPF_K:
        return a > now->k ? now->jt : now->jf;
    case BPF_JMP | BPF_JGE | BPF_K:
        return a >= now->k ? now->jt : now->jf;
    case BPF_JMP | BPF_JSET | BPF_K:
        return a & now->k ? now->jt : now->jf;
    default:
        return -1;
    }
}

/* Jumps go forward only, so the end always comes. */
int filter_run_from(const struct filter_code *program, size_t entry,
                    const struct seccomp_data *call, uint32_t *ret_answer)
{
    uint32_t a = 0;

    for (size_t pc = entry; pc < program->len; pc++) {
        const struct sock_filter *now = &program->code[pc];
        int over;

        switch (now->code) {
        case BPF_LD | BPF_W | BPF_ABS:
            if (load(call, now->k, &a) < 0)
                return -EPROTO;
            break;
        case BPF_ALU | BPF_AND | BPF_K:
            a &= now->k;
            break;
        case BPF_JMP | BPF_JA:
            if (now->k >= program->len - pc)
                return -EPROTO;
            pc += now->k;
            break;
        case BPF_RET | BPF_K:
            *ret_answer = now->k;
            return 0;
        default:
            over = jump(now, a);
            if (over < 0)
                return -EPROTO;
            pc += (size_t)over;
        }
    }
    return -EPROTO;
}

int filter_run(const struct filter_code *program, const struct seccomp_data *call,
               uint32_t *ret_answer)
{
    return filter_run_from(program, 0, call, ret_answer);
}

size_t filter_entry(const struct filter_code *program, uint32_t arch, uint32_t number)
{
    const struct seccomp_data call = {.nr = (int)number, .arch = arch};
    uint32_t a = 0;

    for (size_t pc = 0; pc < program->len; pc++) {
        const struct sock_filter *now = &program->code[pc];
        bool loads = now->code == (BPF_LD | BPF_W | BPF_ABS);

        if (now->code == (BPF_RET | BPF_K) ||
            (loads && now->k >= offsetof(struct seccomp_data, args)))
            return pc;
        if (now->code == (BPF_JMP | BPF_JA))
            pc += now->k;
        else if (BPF_CLASS(now->code) == BPF_JMP && jump(now, a) >= 0)
            pc += (size_t)jump(now, a);
        else if (!loads || load(&call, now->k, &a) < 0)
            break;
    }
    return 0;
}

/* What is known of the accumulator before an instruction, for one call and any arguments. */
struct state {
    enum { UNREACHED, KNOWN, ARGUMENT, EITHER } kind;
    uint32_t value;  /* KNOWN */
    uint32_t offset; /* ARGUMENT: which half was loaded, into struct seccomp_data */
};

static void join(struct state *into, const struct state *from)
{
    if (into->kind == UNREACHED)
        *into = *from;
    else if (into->kind != from->kind || into->value != from->value || into->offset != from->offset)
        *into = (struct state){.kind = EITHER};
}

/* Jumps to where the accumulator is known to lead, or else to both. */
static void walk_jump(struct state *states, size_t pc, const struct sock_filter *now)
{
    struct state at = states[pc];
    int over = jump(now, at.value);

    if (at.kind == KNOWN && over >= 0) {
        join(&states[pc + 1 + (size_t)over], &at);
        return;
    }
    join(&states[pc + 1 + now->jt], &at);
    join(&states[pc + 1 + now->jf], &at);
}

/* Carries the state before @pc on to where it leads. */
static void walk(struct state *states, size_t pc, const struct sock_filter *now,
                 const struct seccomp_data *call)
{
    struct state at = states[pc];

    if (now->code == (BPF_JMP | BPF_JA)) {
        join(&states[pc + 1 + now->k], &at);
    } else if (BPF_CLASS(now->code) == BPF_JMP) {
        walk_jump(states, pc, now);
    } else if (now->code == (BPF_LD | BPF_W | BPF_ABS)) {
        at = (struct state){.kind = ARGUMENT, .offset = now->k};
        if (now->k < offsetof(struct seccomp_data, args)) {
            at = (struct state){.kind = KNOWN};
            load(call, now->k, &at.value);
        }
        join(&states[pc + 1], &at);
    } else if (BPF_CLASS(now->code) == BPF_ALU) {
        at.value &= now->k;
        join(&states[pc + 1], &at);
    }
}

static bool is_ordered(const struct sock_filter *now)
{
    return now->code == (BPF_JMP | BPF_JGE | BPF_K) || now->code == (BPF_JMP | BPF_JGT | BPF_K);
}

bool filter_stays_inside(const struct filter_code *program)
{
    if (!program->len || program->len > FILTER_MAX ||
        program->code[program->len - 1].code != (BPF_RET | BPF_K))
        return false;
    for (size_t pc = 0; pc < program->len; pc++) {
        const struct sock_filter *now = &program->code[pc];
        size_t left = program->len - pc - 1;

        if (now->code == (BPF_JMP | BPF_JA)
                ? now->k >= left
                : BPF_CLASS(now->code) == BPF_JMP && (now->jt >= left || now->jf >= left))
            return false;
    }
    return true;
}

size_t filter_constants(const struct filter_code *program, uint32_t arch, uint32_t number,
                        struct filter_constant *ret)
{
    const struct seccomp_data call = {.nr = (int)number, .arch = arch};
    struct state states[FILTER_MAX];
    size_t count = 0;

    if (program->code[filter_entry(program, arch, number)].code == (BPF_RET | BPF_K))
        return 0; /* as most calls, decided by its number */
    memset(states, 0, program->len * sizeof(states[0]));
    states[0].kind = KNOWN;
    for (size_t pc = 0; pc < program->len; pc++) {
        const struct sock_filter *now = &program->code[pc];
        uint32_t half = states[pc].offset - (uint32_t)offsetof(struct seccomp_data, args);

        if (states[pc].kind == UNREACHED)
            continue;
        if (states[pc].kind == ARGUMENT && now->code != (BPF_JMP | BPF_JA) &&
            (BPF_CLASS(now->code) == BPF_JMP || BPF_CLASS(now->code) == BPF_ALU))
            ret[count++] = (struct filter_constant){.arg = half / 8 % 6,
                                                    .high = half % 8 != 0,
                                                    .ordered = is_ordered(now),
                                                    .k = now->k};
        walk(states, pc, now, &call);
    }
    return count;
}

/* What the accumulator may hold, as bits. */
enum { HOLDS_NUMBER = 1, HOLDS_ARCH = 2, HOLDS_CALL = 3, HOLDS_OTHER = 4 };

static bool is_instruction_pointer(uint32_t offset)
{
    return offset >= offsetof(struct seccomp_data, instruction_pointer) &&
           offset < offsetof(struct seccomp_data, args);
}

static uint8_t held_by(uint32_t offset)
{
    if (offset == offsetof(struct seccomp_data, nr))
        return HOLDS_NUMBER;
    return offset == offsetof(struct seccomp_data, arch) ? HOLDS_ARCH : HOLDS_OTHER;
}

int filter_edges(const struct filter_code *program, struct filter_edge *ret)
{
    uint8_t holds[FILTER_MAX] = {HOLDS_OTHER}; /* 0: not reached */
    int count = 0;

    for (size_t pc = 0; pc < program->len; pc++) {
        const struct sock_filter *now = &program->code[pc];
        uint8_t here = holds[pc];

        if (!here || now->code == (BPF_RET | BPF_K))
            continue;
        if (now->code == (BPF_JMP | BPF_JA)) {
            holds[pc + 1 + now->k] |= here;
        } else if (BPF_CLASS(now->code) == BPF_JMP) {
            if (here & HOLDS_CALL && !is_ordered(now) && now->code != (BPF_JMP | BPF_JEQ | BPF_K))
                return -EPROTO;
            if (here & HOLDS_NUMBER)
                ret[count++] = (struct filter_edge){now->k, false};
            if (here & HOLDS_ARCH)
                ret[count++] = (struct filter_edge){now->k, true};
            holds[pc + 1 + now->jt] |= here;
            holds[pc + 1 + now->jf] |= here;
        } else {
            if (now->code == (BPF_LD | BPF_W | BPF_ABS) && !is_instruction_pointer(now->k))
                here = held_by(now->k);
            else if (here & HOLDS_CALL || now->code != (BPF_ALU | BPF_AND | BPF_K))
                return -EPROTO;
            holds[pc + 1] |= here;
        }
    }
    return count;
}
