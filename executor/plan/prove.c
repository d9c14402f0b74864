/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: the rules are read as they were written, ordered comparisons among them, and
 * the program compares for equality under masks. Every call number is tried, those of x32 and of
 * other architectures too, and of calls with conditions the arguments (prove_args.c). A program
 * compares numbers and architectures with constants and looks at them in no other way, so those on
 * both sides of each constant stand for all 2^64 of them. The program may look at no argument that
 * no rule does.
 */
#include "plan/prove.h"

#include <errno.h>
#include <linux/audit.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/auto.h"
#include "base/buf.h"

#define BEYOND 64         /* call numbers over CALLS_LAST that are tried */
#define X32    0x40000000 /* bit of x32's call numbers */

static const char *answer_text(uint32_t answer, struct arena *arena)
{
    const char *name;

    switch (answer) {
    case SECCOMP_RET_ALLOW:
        return "lets it through";
    case SECCOMP_RET_USER_NOTIF:
        return "hands it to init";
    case SECCOMP_RET_KILL_PROCESS:
        return "kills";
    }
    if ((answer & SECCOMP_RET_ACTION_FULL) != SECCOMP_RET_ERRNO)
        return arena_printf(arena, "answers %#x", answer);
    name = symbol_text("ERRNO", UINT32_MAX, answer & SECCOMP_RET_DATA, arena);
    return name ? arena_printf(arena, "says %s", name) : NULL;
}

/* `deny ioctl(cmd == TIOCSTI)`, and what it asks for. */
static const char *wanted_text(const struct proof *proof, const struct seccomp_data *call,
                               struct arena *arena)
{
    static const char *const lists[] = {"deny", "kill", "log", "allow"};
    uint32_t wanted = filter_decide(&proof->here, proof->listener, call);
    enum filter_list_name list;
    const struct rule *rule = filter_rule(&proof->here, call, &list);
    const char *what = answer_text(wanted, arena), *text = rule ? rule_text(rule, arena) : NULL;

    if (!what)
        return NULL;
    return text ? arena_printf(arena, "'%s %s' %s", lists[list], text, what)
                : arena_printf(arena, "no rule names it, which %s", what);
}

/* `fd=3, cmd=0x5412`: the arguments that are described, or are not 0. */
static int add_args(struct buf *text, const struct call *known, const struct seccomp_data *call)
{
    const char *separator = "";
    int r = 0;

    for (unsigned i = 0; r == 0 && i < CALLS_ARGS; i++) {
        char name[8];

        snprintf(name, sizeof(name), "arg%u", i);
        if ((!known || i >= known->count) && !call->args[i])
            continue;
        r = buf_printf(text, "%s%s=%#llx", separator,
                       known && i < known->count ? known->args[i].name : name,
                       (unsigned long long)call->args[i]);
        separator = ", ";
    }
    return r < 0 ? r : buf_append(text, "", 1);
}

int prove_differs(const struct proof *proof, const struct seccomp_data *call, uint32_t answer)
{
    const struct call *known =
        call->nr < 0 || call->arch != AUDIT_ARCH_X86_64 ? NULL : call_by_number(call->nr);
    AUTO(buf_done) struct buf args = {0};
    AUTO(arena_done) struct arena arena;
    const char *wanted, *got;
    char number[32];

    arena_init(&arena, 0);
    wanted = wanted_text(proof, call, &arena);
    got = answer_text(answer, &arena);
    if (add_args(&args, known, call) < 0 || !wanted || !got)
        return fail_sys(proof->err, -ENOMEM, "syscalls", -1, NULL, NULL);
    snprintf(number, sizeof(number), "%#x of %#x", (unsigned)call->nr, call->arch);
    return fail_text(proof->err, -EPROTO, "syscalls", -1, known ? known->name : number,
                     "the compiled filter %s for (%s), but %s; it is not used: this is a bug of "
                     "libseccomp or crib",
                     got, (const char *)args.data, wanted);
}

static int fail_odd(struct crib_error *err)
{
    return fail_text(err, -EPROTO, "syscalls", -1, NULL,
                     "the compiled filter does what no filter of crib's does, and is not used");
}

int prove_run(struct proof *proof, const struct seccomp_data *call)
{
    uint32_t answer;

    if (++proof->checked.calls > FILTER_RUNS)
        return fail_text(proof->err, -E2BIG, "syscalls", -1, NULL,
                         "the conditions are too many to be checked: that would take more than "
                         "%d tries",
                         FILTER_RUNS);
    if (filter_run_from(proof->program, proof->entry, call, &answer) < 0)
        return fail_odd(proof->err);
    if (answer != filter_decide(&proof->here, proof->listener, call))
        return prove_differs(proof, call, answer);
    return 0;
}

struct seccomp_data prove_call_of(uint32_t arch, uint32_t number, uint64_t args)
{
    struct seccomp_data call = {.nr = (int)number, .arch = arch};

    for (int i = 0; i < 6; i++)
        call.args[i] = args;
    return call;
}

bool prove_looks_at(const struct rule *rule, unsigned arg)
{
    for (size_t i = 0; i < rule->count; i++)
        if (rule->conditions[i].arg == arg)
            return true;
    return false;
}

static int check_number(struct proof *proof, uint32_t arch, uint32_t number, uint64_t *count)
{
    struct seccomp_data zeros = prove_call_of(arch, number, 0),
                        ones = prove_call_of(arch, number, UINT64_MAX);
    int r = prove_run(proof, &zeros);

    ++*count;
    return r < 0 ? r : prove_run(proof, &ones);
}

/* One that is no call of ours: it is decided by its number. */
static int check_stranger(struct proof *proof, uint32_t arch, uint32_t number, uint64_t *count)
{
    const struct filter_code *program = proof->program;
    int r = check_number(proof, arch, number, count);

    if (r < 0 || program->code[filter_entry(program, arch, number)].code == (BPF_RET | BPF_K))
        return r;
    return fail_text(proof->err, -EPROTO, "syscalls", -1, NULL,
                     "the compiled filter looks at arguments of number %#x of %#x, which is no "
                     "call; it is not used: this is a bug of libseccomp or crib",
                     number, arch);
}

/* On both sides of each constant that the program compares numbers with. */
static int check_edges(struct proof *proof, uint32_t arch, uint64_t *count)
{
    int r = 0;

    for (size_t i = 0; i < proof->n_edges; i++)
        for (uint32_t step = 0; r == 0 && step < 3; step++) {
            uint32_t number = proof->edges[i].k + step - 1;

            if (proof->edges[i].arch || (arch == AUDIT_ARCH_X86_64 && number <= CALLS_LAST))
                continue; /* those have their own turn */
            r = check_stranger(proof, arch, number, count);
        }
    return r;
}

/* @step: between two of the numbers that are tried beside those at an edge */
static int check_arch(struct proof *proof, uint32_t arch, uint32_t step)
{
    uint64_t *count = &proof->checked.foreign;
    int r = 0;

    for (uint32_t n = 0; r == 0 && n <= CALLS_LAST; n += step)
        r = check_stranger(proof, arch, n, count);
    return r < 0 ? r : check_edges(proof, arch, count);
}

static bool is_tried_before(const struct proof *proof, size_t edge)
{
    for (size_t i = 0; i < edge; i++)
        if (proof->edges[i].arch && proof->edges[i].k == proof->edges[edge].k)
            return true;
    return false;
}

static int check_archs(struct proof *proof)
{
    static const uint32_t others[] = {AUDIT_ARCH_AARCH64, 0, UINT32_MAX};
    int r = check_arch(proof, AUDIT_ARCH_I386, 1);

    for (size_t i = 0; r == 0 && i < sizeof(others) / sizeof(others[0]); i++)
        r = check_arch(proof, others[i], 13);
    for (size_t i = 0; i < proof->n_edges; i++)
        for (uint32_t step = 0; r == 0 && step < 3; step++) {
            uint32_t arch = proof->edges[i].k + step - 1;

            if (proof->edges[i].arch && arch != AUDIT_ARCH_X86_64 && !is_tried_before(proof, i))
                r = check_arch(proof, arch, 13);
        }
    return r;
}

/* Those that are no calls of ours, for which no rule may matter. */
static int check_foreign(struct proof *proof)
{
    static const uint32_t numbers[] = {0x7fffffff, 0x80000000, UINT32_MAX, X32 | 0x80000000};
    struct filter_checked *checked = &proof->checked;
    int r = 0;

    for (uint32_t n = 0; r == 0 && n <= CALLS_LAST + BEYOND; n++)
        r = check_stranger(proof, AUDIT_ARCH_X86_64, n | X32, &checked->x32);
    for (uint32_t n = CALLS_LAST + 1; r == 0 && n <= CALLS_LAST + BEYOND; n++)
        r = check_stranger(proof, AUDIT_ARCH_X86_64, n, &checked->unknown);
    for (size_t i = 0; r == 0 && i < sizeof(numbers) / sizeof(numbers[0]); i++)
        r = check_stranger(proof, AUDIT_ARCH_X86_64, numbers[i], &checked->unknown);
    if (r == 0)
        r = check_edges(proof, AUDIT_ARCH_X86_64, &checked->unknown);
    return r < 0 ? r : check_archs(proof);
}

/* A program may look at no argument that no condition of the call names. */
static int check_looks(const struct proof *proof, uint32_t number)
{
    const struct call *known = call_by_number((int)number);

    for (size_t i = 0; i < proof->n_constants; i++) {
        bool named = false;

        for (size_t n = 0; n < proof->count; n++)
            named = named || prove_looks_at(proof->conditional[n], proof->constants[i].arg);
        if (!named)
            return fail_text(proof->err, -EPROTO, "syscalls", -1, known ? known->name : NULL,
                             "the compiled filter compares argument %u with %#x, which no rule "
                             "does; it is not used: this is a bug of libseccomp or crib",
                             proof->constants[i].arg, proof->constants[i].k);
    }
    return 0;
}

static int add_conditional(struct proof *proof, const struct rule *rule)
{
    int r;

    if (proof->count == FILTER_CALL_RULES)
        return fail_text(proof->err, -E2BIG, "syscalls", -1, rule->call->name,
                         "more than %d conditions on one call", FILTER_CALL_RULES);
    r = pieces_of(rule->conditions, rule->count, &proof->pieces[proof->count]);
    if (r < 0)
        return fail_sys(proof->err, r, "syscalls", -1, rule->call->name, NULL);
    proof->conditional[proof->count++] = rule;
    return 0;
}

/* Copies a list so that the rules of one call are neighbours, in their order. */
static void sort_rules(const struct filter_list *list, struct rule *room, uint32_t *start)
{
    uint32_t at[CALLS_LAST + 1];

    for (size_t i = 0; i < list->count; i++)
        start[list->rules[i].call->number + 1]++;
    for (int number = 0; number <= CALLS_LAST; number++) {
        start[number + 1] += start[number];
        at[number] = start[number];
    }
    for (size_t i = 0; i < list->count; i++)
        room[at[list->rules[i].call->number]++] = list->rules[i];
}

static void sort_all(struct proof *proof, struct rule *room)
{
    for (int name = 0; name < FILTER_LISTS; name++) {
        proof->sorted[name] = room;
        sort_rules(&proof->rules->list[name], room, proof->start[name]);
        room += proof->rules->list[name].count;
    }
}

/* Takes the rules of one call from all of them. */
static int gather(struct proof *proof, int number)
{
    int r = 0;

    proof->count = 0;
    for (int name = 0; name < FILTER_LISTS; name++) {
        const uint32_t *start = &proof->start[name][number];
        struct filter_list *here = &proof->here.list[name];

        *here = (struct filter_list){proof->sorted[name] + start[0], start[1] - start[0]};
        for (size_t i = 0; r == 0 && i < here->count; i++)
            if (here->rules[i].count)
                r = add_conditional(proof, &here->rules[i]);
    }
    return r;
}

static int check_call(struct proof *proof, uint32_t number)
{
    struct filter_checked *checked = &proof->checked;
    int r = gather(proof, (int)number);

    proof->entry = filter_entry(proof->program, AUDIT_ARCH_X86_64, number);
    if (r == 0)
        r = check_number(proof, AUDIT_ARCH_X86_64, number,
                         call_by_number((int)number) ? &checked->numbers : &checked->unknown);
    if (r < 0)
        return r;
    proof->n_constants =
        filter_constants(proof->program, AUDIT_ARCH_X86_64, number, proof->constants);
    r = check_looks(proof, number);
    return r == 0 && proof->count ? prove_args(proof, number) : r;
}

int filter_prove(const struct filter_code *program, const struct filter_rules *rules, bool listener,
                 struct filter_checked *ret, struct crib_error *err)
{
    AUTO_FREE struct rule *room = NULL;
    AUTO_FREE struct pieces *pieces = NULL;
    AUTO_FREE struct filter_constant *constants = NULL;
    AUTO_FREE struct filter_edge *edges = NULL;
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
    room = calloc(count, sizeof(*room));
    proof.pieces = pieces = malloc(FILTER_CALL_RULES * sizeof(*pieces));
    proof.constants = constants = calloc(program->len + 1, sizeof(*constants));
    proof.edges = edges = calloc(program->len + 1, 2 * sizeof(*edges));
    if (!room || !pieces || !constants || !edges)
        return fail_sys(err, -ENOMEM, "syscalls", -1, NULL, NULL);
    sort_all(&proof, room);
    r = filter_edges(program, edges);
    proof.n_edges = r < 0 ? 0 : (size_t)r;
    r = r < 0 ? fail_odd(err) : check_foreign(&proof);
    for (uint32_t number = 0; r == 0 && number <= CALLS_LAST; number++)
        r = check_call(&proof, number);
    if (ret)
        *ret = proof.checked;
    return r;
}
