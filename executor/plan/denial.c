/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/plan.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>

#include "policy/calls.h"

/* An argument that has no names of its own: small and negative ones decimal, others hexadecimal. */
static char *number_text(const struct call_arg *arg, uint64_t value, struct arena *arena)
{
    int32_t small = (int32_t)value;

    if (arg->pointer)
        return value ? arena_printf(arena, "%#" PRIx64, value) : arena_text(arena, "NULL");
    if (arg->bits == 32 && small < 0 && small > -4096)
        return arena_printf(arena, "%d", small);
    return arena_printf(arena, value < 65536 ? "%" PRIu64 : "%#" PRIx64, value);
}

static const char *arg_text(const struct call_arg *arg, uint64_t value, struct arena *arena)
{
    uint64_t mask = arg->bits < 64 ? ((uint64_t)1 << arg->bits) - 1 : UINT64_MAX;

    return arg->symbols ? symbol_text(arg->symbols, mask, value & mask, arena)
                        : number_text(arg, value & mask, arena);
}

static char *call_text(const struct call *call, const Crib__Report__Refused *refused,
                       struct arena *arena)
{
    char *text = arena_printf(arena, "%s(", call->name);

    for (unsigned i = 0; text && i < call->count && i < refused->n_args; i++) {
        const char *value = arg_text(&call->args[i], refused->args[i], arena);

        text = value ? arena_printf(arena, "%s%s%s=%.200s", text, i ? ", " : "", call->args[i].name,
                                    value)
                     : NULL;
    }
    return text ? arena_printf(arena, "%s)", text) : NULL;
}

/* Known by its number alone. */
static char *unknown_text(const Crib__Report__Refused *refused, struct arena *arena)
{
    char *text = arena_printf(arena, "%d(", refused->number);

    for (size_t i = 0; text && i < 6 && i < refused->n_args; i++)
        text = arena_printf(arena, "%s%s%#" PRIx64, text, i ? ", " : "", refused->args[i]);
    return text ? arena_printf(arena, "%s)", text) : NULL;
}

static char *answer_text(int answer, struct arena *arena)
{
    const char *name;

    if (answer == 0)
        return arena_text(arena, "let through");
    if (answer == -1)
        return arena_text(arena, "killed");
    name = symbol_text("ERRNO", UINT32_MAX, (uint64_t)answer, arena);
    if (!name || name[0] != 'E')
        return arena_printf(arena, "errno %d", answer);
    return arena_text(arena, name);
}

int plan_denial(const Crib__Report__Refused *refused, struct arena *arena, Crib__Denial **ret)
{
    Crib__Denial *denial = ARENA_NEW(arena, crib__denial, Crib__Denial);
    const struct call *call = call_by_number(refused->number);

    if (!denial)
        return -ENOMEM;
    denial->has_pid = denial->has_count = true;
    denial->pid = refused->pid;
    denial->count = refused->has_count ? refused->count : 1;
    denial->call =
        call ? arena_text(arena, call->name) : arena_printf(arena, "%d", refused->number);
    denial->text = call ? call_text(call, refused, arena) : unknown_text(refused, arena);
    denial->answer = answer_text(refused->answer, arena);
    if (!denial->call || !denial->text || !denial->answer)
        return -ENOMEM;
    *ret = denial;
    return 0;
}
