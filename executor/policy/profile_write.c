/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "policy/origins.h"
#include "policy/profile.h"
#include "policy/rule.h"

#define CUTS_MAX 1024 /* pieces of one call */

struct cuts {
    struct piece *list; /* room for CUTS_MAX */
    size_t count;
};

struct writing {
    const Crib__Policy *policy;
    struct arena *arena;
    struct crib_error *err;
    Crib__SeccompProfile *profile;
    int otherwise; /* errno */
    struct rule *rules[LISTS_OF_CALLS];
    size_t count[LISTS_OF_CALLS];
    struct cuts taken; /* what the rules of the call so far have */
    struct cuts here, next;
};

static int no_memory(struct writing *w)
{
    return fail_sys(w->err, -ENOMEM, "policy", -1, NULL, NULL);
}

static int keep(struct writing *w, struct cuts *cuts, const struct piece *piece,
                const struct call *call)
{
    if (cuts->count == CUTS_MAX)
        return fail_text(w->err, -E2BIG, "syscalls", -1, call->name,
                         "it takes more than %d rules of a profile", CUTS_MAX);
    cuts->list[cuts->count++] = *piece;
    return 0;
}

/* Adds what of @piece is not in @away: for each bit of @away that is open, the half that differs.
 */
static int add_rest(struct writing *w, struct piece piece, const struct piece *away,
                    const struct call *call)
{
    int r = 0;

    if (!piece_meets(&piece, away))
        return keep(w, &w->next, &piece, call);
    for (int arg = 0; arg < 6; arg++)
        for (int bit = 63; r == 0 && bit >= 0; bit--) {
            uint64_t here = (uint64_t)1 << bit;

            if (!(away->mask[arg] & ~piece.mask[arg] & here))
                continue;
            piece.mask[arg] |= here;
            piece.value[arg] = (piece.value[arg] & ~here) | (~away->value[arg] & here);
            r = keep(w, &w->next, &piece, call);
            piece.value[arg] ^= here;
        }
    return r;
}

/* Takes @away from all pieces at hand. */
static int cut(struct writing *w, const struct piece *away, const struct call *call)
{
    struct cuts before = w->here;
    int r = 0;

    w->next.count = 0;
    for (size_t i = 0; r == 0 && i < w->here.count; i++)
        r = add_rest(w, w->here.list[i], away, call);
    w->here = w->next;
    w->next = before;
    return r;
}

static int add_args(struct writing *w, Crib__SeccompRule *rule, const struct piece *piece)
{
    for (unsigned arg = 0; arg < 6; arg++) {
        Crib__SeccompArg *one;
        bool all = piece->mask[arg] == UINT64_MAX;

        if (!piece->mask[arg])
            continue;
        one = ARENA_NEW(w->arena, crib__seccomp_arg, Crib__SeccompArg);
        if (!one || arena_push(w->arena, &rule->args, &rule->n_args, one) < 0)
            return no_memory(w);
        one->has_index = one->has_value = one->has_valuetwo = true;
        one->index = arg;
        one->value = all ? piece->value[arg] : piece->mask[arg];
        one->valuetwo = all ? 0 : piece->value[arg];
        one->op = (char *)(all ? "SCMP_CMP_EQ" : "SCMP_CMP_MASKED_EQ");
    }
    return 0;
}

static int add_rule(struct writing *w, const struct call *call, enum syscalls_list list, int code,
                    const struct piece *piece)
{
    static const char *const actions[] = {"SCMP_ACT_ERRNO", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_LOG",
                                          "SCMP_ACT_ALLOW"};
    Crib__SeccompRule *rule;

    if (list == LIST_DENY && code == w->otherwise)
        return 0;
    rule = ARENA_NEW(w->arena, crib__seccomp_rule, Crib__SeccompRule);
    if (!rule || arena_push(w->arena, &w->profile->syscalls, &w->profile->n_syscalls, rule) < 0 ||
        arena_push(w->arena, &rule->names, &rule->n_names, (char *)call->name) < 0)
        return no_memory(w);
    rule->action = (char *)actions[list];
    rule->has_errnoret = list == LIST_DENY;
    rule->errnoret = (uint32_t)code;
    return add_args(w, rule, piece);
}

/* Writes what stronger rules have left of one, and takes it. */
static int write_rule(struct writing *w, const struct rule *rule, enum syscalls_list list)
{
    struct pieces pieces;
    size_t before = w->taken.count;
    int r = pieces_of(rule->conditions, rule->count, &pieces);

    w->here.count = 0;
    for (size_t i = 0; r == 0 && i < pieces.count; i++)
        r = keep(w, &w->here, &pieces.piece[i], rule->call);
    for (size_t i = 0; r == 0 && i < pieces.exceptions; i++)
        r = cut(w, &pieces.exception[i], rule->call);
    for (size_t i = 0; r == 0 && i < before; i++)
        r = cut(w, &w->taken.list[i], rule->call);
    for (size_t i = 0; r == 0 && i < w->here.count; i++) {
        r = add_rule(w, rule->call, list, rule->code ? rule->code : EPERM, &w->here.list[i]);
        if (r == 0)
            r = keep(w, &w->taken, &w->here.list[i], rule->call);
    }
    return r;
}

/* Strongest first; of `deny` the last entry is. */
static int write_call(struct writing *w, const struct call *call)
{
    int r = 0;

    w->taken.count = 0;
    for (int list = 0; list < LISTS_OF_CALLS; list++)
        for (size_t i = 0; r == 0 && i < w->count[list]; i++) {
            size_t index = list == LIST_DENY ? w->count[list] - 1 - i : i;

            if (w->rules[list][index].call == call)
                r = write_rule(w, &w->rules[list][index], (enum syscalls_list)list);
        }
    return r;
}

static int begin(struct writing *w)
{
    struct cuts *rooms[] = {&w->taken, &w->here, &w->next};
    const Crib__Syscalls *s = w->policy->syscalls;
    uint64_t code = EPERM;

    w->profile = ARENA_NEW(w->arena, crib__seccomp_profile, Crib__SeccompProfile);
    for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
        rooms[i]->list = arena_alloc(w->arena, CUTS_MAX * sizeof(struct piece));
        if (!rooms[i]->list)
            return no_memory(w);
    }
    if (!w->profile || arena_push(w->arena, &w->profile->architectures,
                                  &w->profile->n_architectures, (char *)"SCMP_ARCH_X86_64") < 0)
        return no_memory(w);
    if (s && s->otherwise)
        symbol_value("ERRNO", s->otherwise, &code);
    w->otherwise = (int)code;
    w->profile->defaultaction = (char *)"SCMP_ACT_ERRNO";
    w->profile->has_defaulterrnoret = true;
    w->profile->defaulterrnoret = (uint32_t)code;
    return 0;
}

int profile_write(const Crib__Policy *policy, struct arena *arena, Crib__SeccompProfile **ret,
                  struct crib_error *err)
{
    struct writing w = {.policy = policy, .arena = arena, .err = err};
    int r = begin(&w);

    if (r == 0 && policy->syscalls && policy->syscalls->has_filter &&
        policy->syscalls->filter == CRIB__SYSCALLS__FILTER__off)
        return fail_text(err, -EINVAL, "syscalls.filter", -1, NULL,
                         "it is off: there is nothing to say in a profile");
    for (int list = 0; r == 0 && list < LISTS_OF_CALLS; list++) {
        size_t count;
        char *const *entries = syscalls_entries(policy->syscalls, (enum syscalls_list)list, &count);

        r = rules_expand(entries, count, arena, &w.rules[list], &w.count[list], err);
    }
    for (const struct call *call = call_next(NULL); r == 0 && call; call = call_next(call))
        r = write_call(&w, call);
    *ret = w.profile;
    return r;
}
