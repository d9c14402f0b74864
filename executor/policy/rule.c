/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/rule.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Reads an entry from left to right; @at is the next byte. */
struct reader {
    const char *at;
    struct rule *rule;
    struct crib_error *err;
};

/* Every refusal of an entry: a sentence, no place. */
#define REFUSE(r, ...) fail_text((r)->err, -EINVAL, NULL, -1, NULL, __VA_ARGS__)

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static void skip_spaces(struct reader *r)
{
    while (*r->at == ' ')
        r->at++;
}

/* Takes @token when it comes next. */
static bool take(struct reader *r, const char *token)
{
    size_t len = strlen(token);

    skip_spaces(r);
    if (strncmp(r->at, token, len) != 0)
        return false;
    r->at += len;
    return true;
}

static int refuse_byte(struct reader *r, const char *wanted)
{
    if (!*r->at)
        return REFUSE(r, "the entry ends where %s should come", wanted);
    if (*r->at < ' ' || *r->at > '~')
        return REFUSE(r, "byte 0x%02x where %s should come", (unsigned char)*r->at, wanted);
    return REFUSE(r, "'%c' where %s should come", *r->at, wanted);
}

static int read_word(struct reader *r, const char *wanted, char word[CALLS_LONGEST])
{
    size_t len = 0;

    skip_spaces(r);
    while (is_word(r->at[len]))
        len++;
    if (len == 0)
        return refuse_byte(r, wanted);
    if (len >= CALLS_LONGEST)
        return REFUSE(r, "'%.16s…' is no name", r->at);
    memcpy(word, r->at, len);
    word[len] = '\0';
    r->at += len;
    return 0;
}

static uint64_t width_mask(unsigned bits)
{
    return bits >= 64 ? UINT64_MAX : (1ULL << bits) - 1;
}

/* Decimal, 0x hexadecimal or 0 octal, all of @word. */
static int read_number(struct reader *r, const char *word, uint64_t *ret)
{
    static const char digits[] = "0123456789abcdef";
    unsigned base = word[0] != '0' || !word[1] ? 10 : word[1] == 'x' ? 16 : 8;
    const char *at = base == 16 ? word + 2 : word;
    uint64_t value = 0;

    if (!*at)
        return REFUSE(r, "'%s' is no number", word);
    for (; *at; at++) {
        char c = (char)(*at >= 'A' && *at <= 'F' ? *at - 'A' + 'a' : *at);
        const char *digit = strchr(digits, c);

        if (!digit || digit - digits >= base)
            return REFUSE(r, "'%s' is no number", word);
        if (__builtin_mul_overflow(value, base, &value) ||
            __builtin_add_overflow(value, (uint64_t)(digit - digits), &value))
            return REFUSE(r, "'%s' is larger than 64 bits", word);
    }
    *ret = value;
    return 0;
}

static int read_symbol(struct reader *r, const char *word, uint64_t *ret)
{
    const struct call_arg *arg = &r->rule->call->args[r->rule->arg];
    char hint[CALLS_DID_YOU];
    uint64_t value;

    if (symbol_value(arg->symbols, word, &value) == 0) {
        *ret = value;
        return 0;
    }
    if (symbol_value(NULL, word, &value) == 0)
        return REFUSE(r, "'%s' is no value of '%s'", word, arg->name);
    symbol_did_you_mean(arg->symbols, word, hint);
    return REFUSE(r, "unknown constant '%s'%s", word, hint);
}

/* One or more numbers or symbols with | between them, that fit into @bits. */
static int read_value(struct reader *r, unsigned bits, uint64_t *ret)
{
    char word[CALLS_LONGEST];
    uint64_t all = 0, one;
    int rc;

    do {
        rc = read_word(r, "a number or the name of a constant", word);
        if (rc < 0)
            return rc;
        rc = word[0] >= '0' && word[0] <= '9' ? read_number(r, word, &one)
                                              : read_symbol(r, word, &one);
        if (rc < 0)
            return rc;
        if (one & ~width_mask(bits))
            return REFUSE(r, "'%s' is wider than the argument, of which the kernel sees %u bits",
                          word, bits);
        all |= one;
    } while (take(r, "|"));
    *ret = all;
    return 0;
}

/* The width behind `argN`, or what is known of it. */
static int read_width(struct reader *r, const char *word, const struct call_arg *known,
                      unsigned *ret_bits)
{
    char text[CALLS_LONGEST];
    uint64_t bits;
    int rc;

    if (!take(r, "/")) {
        if (!known)
            return REFUSE(r, "'%s' of %s needs its width: %s/32 or %s/64", word,
                          r->rule->call->name, word, word);
        *ret_bits = known->bits;
        return 0;
    }
    rc = read_word(r, "a width", text);
    if (rc < 0)
        return rc;
    rc = read_number(r, text, &bits);
    if (rc < 0)
        return rc;
    if (bits != 16 && bits != 32 && bits != 64)
        return REFUSE(r, "a width is 16, 32 or 64, not %s", text);
    if (known && bits != known->bits)
        return REFUSE(r, "'%s' of %s has %u bits in the kernel, not %s", word, r->rule->call->name,
                      known->bits, text);
    *ret_bits = (unsigned)bits;
    return 0;
}

/* `argN` of a call: its place, and its width when it is known or stated. */
static int read_index(struct reader *r, const char *word, unsigned *ret_bits)
{
    const struct call *call = r->rule->call;
    unsigned index = (unsigned)(word[3] - '0');

    if (index >= (call->count ? call->count : CALLS_ARGS))
        return REFUSE(r, "%s has no '%s', its arguments are arg0 to arg%u", call->name, word,
                      (call->count ? call->count : CALLS_ARGS) - 1);
    r->rule->arg = index;
    return read_width(r, word, call->count ? &call->args[index] : NULL, ret_bits);
}

static bool is_index(const char *word)
{
    return strncmp(word, "arg", 3) == 0 && word[3] >= '0' && word[3] <= '9' && !word[4];
}

static int refuse_name(struct reader *r, const char *word)
{
    const struct call *call = r->rule->call;
    char known[256] = "";
    size_t len = 0;

    if (!call->count)
        return REFUSE(r, "the arguments of %s have no names, write argN/32 or argN/64", call->name);
    for (unsigned i = 0; i < call->count && len < sizeof(known); i++)
        len += (size_t)snprintf(known + len, sizeof(known) - len, "%s%s", i ? ", " : "",
                                call->args[i].name);
    return REFUSE(r, "%s has no argument '%s', it has %s", call->name, word, known);
}

static int read_argument(struct reader *r, unsigned *ret_bits)
{
    const struct call *call = r->rule->call;
    char word[CALLS_LONGEST];
    int rc = read_word(r, "an argument", word);

    if (rc < 0)
        return rc;
    if (is_index(word)) {
        rc = read_index(r, word, ret_bits);
        if (rc < 0)
            return rc;
    } else {
        while (r->rule->arg < call->count && strcmp(call->args[r->rule->arg].name, word) != 0)
            r->rule->arg++;
        if (r->rule->arg == call->count)
            return refuse_name(r, word);
        *ret_bits = call->args[r->rule->arg].bits;
    }
    if (call->args[r->rule->arg].pointer)
        return REFUSE(r, "'%s' of %s is an address: a filter cannot see what it points to", word,
                      call->name);
    return 0;
}

static int read_condition(struct reader *r)
{
    struct rule *rule = r->rule;
    unsigned bits = 0;
    int rc = read_argument(r, &bits);

    if (rc < 0)
        return rc;
    rule->conditional = true;
    rule->mask = width_mask(bits);
    if (take(r, "&")) {
        rc = read_value(r, bits, &rule->mask);
        if (rc < 0)
            return rc;
        if (!rule->mask)
            return REFUSE(r, "an empty mask: the condition would always hold");
    }
    if (!take(r, "=="))
        return refuse_byte(r, "'==', the one comparison there is,");
    rc = read_value(r, bits, &rule->value);
    if (rc < 0)
        return rc;
    if (rule->value & ~rule->mask)
        return REFUSE(r, "the value has bits that the mask leaves out: it would never be equal");
    return take(r, ")") ? 0 : refuse_byte(r, "')'");
}

static int read_call(struct reader *r)
{
    char name[CALLS_LONGEST], hint[CALLS_DID_YOU];
    int rc = read_word(r, "a system call", name);

    if (rc < 0)
        return rc;
    r->rule->call = call_by_name(name);
    if (!r->rule->call)
        return REFUSE(r, "unknown system call '%s'%s", name, call_did_you_mean(name, hint));
    return 0;
}

int rule_parse(const char *entry, struct rule *ret_rule, struct crib_error *err)
{
    struct rule rule = {0};
    struct reader r = {.at = entry, .rule = &rule, .err = err};
    int rc;

    if (strnlen(entry, RULE_LONGEST + 1) > RULE_LONGEST)
        return REFUSE(&r, "an entry of more than %d bytes", RULE_LONGEST);
    rc = read_call(&r);
    if (rc == 0 && take(&r, "("))
        rc = read_condition(&r);
    if (rc < 0)
        return rc;
    skip_spaces(&r);
    if (*r.at)
        return refuse_byte(&r, rule.conditional ? "the end" : "'(' or the end");
    *ret_rule = rule;
    return 0;
}

/* `flags`, or `arg0/32` where it has no name. Of the latter @width is as narrow as the mask. */
static const char *argument_text(const struct rule *rule, struct arena *arena, unsigned *ret_bits)
{
    if (rule->arg < rule->call->count) {
        *ret_bits = rule->call->args[rule->arg].bits;
        return rule->call->args[rule->arg].name;
    }
    *ret_bits = rule->mask > UINT32_MAX ? 64 : rule->mask == UINT16_MAX ? 16 : 32;
    return arena_printf(arena, "arg%u/%u", rule->arg, *ret_bits);
}

const char *rule_text(const struct rule *rule, struct arena *arena)
{
    const struct call_arg *arg = &rule->call->args[rule->arg];
    const char *name, *value, *mask = "";
    unsigned bits;

    if (!rule->conditional)
        return rule->call->name;
    name = argument_text(rule, arena, &bits);
    value = symbol_text(arg->symbols, rule->mask, rule->value, arena);
    if (rule->mask != width_mask(bits)) {
        mask = symbol_text(arg->symbols, 0, rule->mask, arena);
        mask = mask ? arena_printf(arena, " & %s", mask) : NULL;
    }
    if (!name || !value || !mask)
        return NULL;
    return arena_printf(arena, "%s(%s%s == %s)", rule->call->name, name, mask, value);
}
