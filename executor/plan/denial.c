/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/plan.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "plan/address.h"
#include "plan/edit.h"
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

static const Crib__SyscallsPlan__Answer *answer_of(const Crib__SyscallsPlan *plan,
                                                   const Crib__Report__Refused *refused)
{
    if (!plan || !refused->has_by || refused->by < 0 || (size_t)refused->by >= plan->n_answers)
        return NULL;
    return plan->answers[refused->by];
}

/* What the call names, as text; of a traced path where it leads. */
static int set_object(const Crib__Report__Refused *refused, struct arena *arena,
                      Crib__Denial *denial)
{
    const Crib__Report__Object *object = refused->object;
    char *text = NULL;

    if (refused->file && refused->file->has_path)
        text = arena_copy(arena, refused->file->path.data, refused->file->path.len);
    else if (object && object->has_data && object->kind == CRIB__REPORT__OBJECT__KIND__address)
        text = address_text(object->data.data, object->data.len, arena);
    else if (object && object->has_data)
        text = arena_copy(arena, object->data.data, object->data.len);
    else
        return 0;
    if (!text)
        return -ENOMEM;
    denial->has_object = true;
    denial->object = (ProtobufCBinaryData){strlen(text), (uint8_t *)text};
    return 0;
}

static int set_reason(const Crib__SyscallsPlan *plan, const Crib__Report__Refused *refused,
                      const struct call *call, struct arena *arena, Crib__Denial *denial)
{
    const Crib__SyscallsPlan__Answer *answer = answer_of(plan, refused);
    uint64_t args[CALLS_ARGS] = {0};
    const char *edit = "";

    for (size_t i = 0; i < refused->n_args && i < CALLS_ARGS; i++)
        args[i] = refused->args[i];
    if (answer && refused->answer != 0)
        edit = edit_deny(answer, arena);
    else if (!answer && plan && call)
        edit = edit_allow(plan, call, args, arena);
    denial->rule = arena_text(arena, answer && answer->rule ? answer->rule : "");
    denial->edit = (char *)edit;
    return denial->rule && edit ? 0 : -ENOMEM;
}

/* What is copied as it came. */
static int set_facts(const Crib__Report__Refused *refused, struct arena *arena,
                     Crib__Denial *denial)
{
    denial->has_pid = denial->has_count = denial->has_number = true;
    denial->pid = refused->pid;
    denial->count = refused->has_count ? refused->count : 1;
    denial->number = (uint32_t)refused->number;
    denial->n_args = refused->n_args < CALLS_ARGS ? refused->n_args : CALLS_ARGS;
    denial->args = arena_alloc(arena, CALLS_ARGS * sizeof(*denial->args));
    if (!denial->args)
        return -ENOMEM;
    for (size_t i = 0; i < denial->n_args; i++)
        denial->args[i] = refused->args[i];
    if (!refused->has_program)
        return 0;
    denial->program = arena_bytes(arena, refused->program.data, refused->program.len);
    denial->has_program = true;
    return denial->program.data ? 0 : -ENOMEM;
}

int plan_denial(const Crib__Plan *plan, const Crib__Report__Refused *refused, struct arena *arena,
                Crib__Denial **ret)
{
    Crib__Denial *denial = ARENA_NEW(arena, crib__denial, Crib__Denial);
    const struct call *call = call_by_number(refused->number);
    int r;

    if (!denial)
        return -ENOMEM;
    r = set_facts(refused, arena, denial);
    if (r == 0)
        r = set_object(refused, arena, denial);
    if (r == 0)
        r = set_reason(plan ? plan->syscalls : NULL, refused, call, arena, denial);
    if (r < 0)
        return r;
    denial->call =
        call ? arena_text(arena, call->name) : arena_printf(arena, "%d", refused->number);
    denial->text = call ? call_text(call, refused, arena) : unknown_text(refused, arena);
    denial->answer = answer_text(refused->answer, arena);
    if (!denial->call || !denial->text || !denial->answer)
        return -ENOMEM;
    *ret = denial;
    return 0;
}
