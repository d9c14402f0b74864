/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "policy/calls.h"
#include "text/text.h"

#define FAMILY(name, plain, number)
#define SYMBOL(family, name, value) {#family, #name, value},
#define NEWER(family, name, value)  SYMBOL(family, name, value)

static const struct symbol symbols[] = {
#include "policy/symbols.def"
};

#undef FAMILY
#undef SYMBOL
#undef NEWER
#define FAMILY(name, plain, number) {#name, plain, number},
#define SYMBOL(family, name, value)
#define NEWER(family, name, value)

struct family {
    const char *name;
    uint64_t plain; /* bits that are one of several; the others are flags */
    enum { DECIMAL, HEX, OCTAL } number;
};

static const struct family families[] = {
#include "policy/symbols.def"
};

#define SYMBOLS  (sizeof(symbols) / sizeof(symbols[0]))
#define FAMILIES (sizeof(families) / sizeof(families[0]))

static const struct family *family_find(const char *name)
{
    static const struct family numbers = {NULL, UINT64_MAX, DECIMAL};

    for (size_t i = 0; name && i < FAMILIES; i++)
        if (strcmp(families[i].name, name) == 0)
            return &families[i];
    return &numbers;
}

static bool is_of(const struct symbol *symbol, const char *family)
{
    return !family || strcmp(symbol->family, family) == 0;
}

const struct symbol *symbol_next(const struct symbol *symbol)
{
    if (!symbol)
        return symbols;
    return symbol + 1 < symbols + SYMBOLS ? symbol + 1 : NULL;
}

int symbol_value(const char *family, const char *name, uint64_t *ret_value)
{
    for (size_t i = 0; i < SYMBOLS; i++)
        if (symbols[i].name[0] == name[0] && strcmp(symbols[i].name, name) == 0 &&
            is_of(&symbols[i], family)) {
            *ret_value = symbols[i].value;
            return 0;
        }
    return -ENOENT;
}

/* The first symbol of exactly this value. */
static const char *exact(const char *family, uint64_t value)
{
    for (size_t i = 0; family && i < SYMBOLS; i++)
        if (symbols[i].value == value && is_of(&symbols[i], family))
            return symbols[i].name;
    return NULL;
}

/* Appends `|more`, or `more` to nothing. */
static const char *or_with(const char *text, const char *more, struct arena *arena)
{
    if (!text || !more)
        return NULL;
    return text[0] ? arena_printf(arena, "%s|%s", text, more) : more;
}

/* Is @mask all of an argument of some width? */
static bool is_width(uint64_t mask)
{
    return mask == UINT16_MAX || mask == UINT32_MAX || mask == UINT64_MAX;
}

/* Numbers that are compared under a mask of their own are bits: never decimal. */
static const char *number_text(const struct family *family, uint64_t mask, uint64_t value,
                               struct arena *arena)
{
    if (value < 8)
        return arena_printf(arena, "%" PRIu64, value);
    if (family->number == OCTAL)
        return arena_printf(arena, "%#" PRIo64, value);
    if (family->number == DECIMAL && is_width(mask))
        return arena_printf(arena, "%" PRIu64, value);
    return arena_printf(arena, "%#" PRIx64, value);
}

/* Is @mask all of what can be plain in an argument of the family? */
static bool sees_plain(uint64_t mask, uint64_t plain)
{
    return plain == UINT64_MAX ? is_width(mask) : plain && (mask & plain) == plain;
}

const char *symbol_text(const char *name, uint64_t mask, uint64_t value, struct arena *arena)
{
    const struct family *family = family_find(name);
    const char *text = "", *word = NULL;
    uint64_t left = value;

    if (sees_plain(mask, family->plain))
        word = exact(name, value & family->plain);
    if (word) {
        text = word;
        left &= ~family->plain;
    }
    for (size_t i = 0; name && i < SYMBOLS && left; i++) {
        uint64_t bits = symbols[i].value;

        if (!bits || bits & family->plain || (left & bits) != bits || !is_of(&symbols[i], name))
            continue;
        text = or_with(text, symbols[i].name, arena);
        left &= ~bits;
    }
    if (left || !text || !text[0])
        text = or_with(text, number_text(family, mask, left, arena), arena);
    return text;
}

const char *symbol_did_you_mean(const char *family, const char *name, char text[CALLS_DID_YOU])
{
    const char *words[SYMBOLS + 1];
    size_t count = 0;

    for (size_t i = 0; i < SYMBOLS; i++)
        if (is_of(&symbols[i], family))
            words[count++] = symbols[i].name;
    words[count] = NULL;
    return text_did_you_mean(text, CALLS_DID_YOU, name, words);
}
