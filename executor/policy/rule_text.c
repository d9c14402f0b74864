/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "policy/rule.h"

static const char *const signs[] = {
    [CONDITION_EQ] = "==", [CONDITION_NE] = "!=",         [CONDITION_LT] = "<",
    [CONDITION_LE] = "<=", [CONDITION_GT] = ">",          [CONDITION_GE] = ">=",
    [CONDITION_IN] = "in", [CONDITION_WITHIN] = "within",
};

static uint64_t width_mask(unsigned bits)
{
    return bits >= 64 ? UINT64_MAX : (1ULL << bits) - 1;
}

/* `flags`, or `arg0/32` where it has no name. Of the latter the width is as narrow as the mask. */
static const char *argument_text(const struct call *call, const struct condition *c,
                                 struct arena *arena, unsigned *ret_bits)
{
    if (c->arg < call->count) {
        *ret_bits = call->args[c->arg].bits;
        return call->args[c->arg].name;
    }
    *ret_bits = c->mask > UINT32_MAX ? 64 : c->mask == UINT16_MAX ? 16 : 32;
    return arena_printf(arena, "arg%u/%u", c->arg, *ret_bits);
}

/* `{A, B}` */
static const char *set_text(const char *family, const struct condition *c, struct arena *arena)
{
    const char *text = "{";

    for (size_t i = 0; text && i < c->count; i++) {
        const char *value = symbol_text(family, c->mask, c->values[i], arena);

        text = value ? arena_printf(arena, "%s%s%s", text, i ? ", " : "", value) : NULL;
    }
    return text ? arena_printf(arena, "%s}", text) : NULL;
}

static const char *condition_text(const struct call *call, const struct condition *c,
                                  struct arena *arena)
{
    const char *family = call->args[c->arg].symbols, *name, *value, *mask = "";
    unsigned bits;

    name = argument_text(call, c, arena, &bits);
    value = c->count ? set_text(family, c, arena) : symbol_text(family, c->mask, c->value, arena);
    if (c->mask != width_mask(bits)) {
        mask = symbol_text(family, 0, c->mask, arena);
        mask = mask ? arena_printf(arena, " & %s", mask) : NULL;
    }
    if (!name || !value || !mask)
        return NULL;
    return arena_printf(arena, "%s%s %s %s", name, mask, signs[c->op], value);
}

static const char *errno_text(int code, struct arena *arena)
{
    const char *name = symbol_text("ERRNO", UINT32_MAX, (uint64_t)code, arena);

    return name ? arena_printf(arena, " -> %s", name) : NULL;
}

const char *rule_text(const struct rule *rule, struct arena *arena)
{
    const char *text = rule->call->name, *code = rule->code ? errno_text(rule->code, arena) : "";

    for (size_t i = 0; text && i < rule->count; i++) {
        const char *one = condition_text(rule->call, &rule->conditions[i], arena);

        text = one ? arena_printf(arena, "%s%s%s", text, i ? ", " : "(", one) : NULL;
    }
    if (!text || !code)
        return NULL;
    return rule->count || code[0]
               ? arena_printf(arena, "%s%s%s", text, rule->count ? ")" : "", code)
               : text;
}
