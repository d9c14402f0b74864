/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/rule.h"

/* A condition on its way; of the argument the width in bits. */
struct reading {
    struct reader *r;
    struct condition *c;
    unsigned bits;
    bool masked;
};

static uint64_t width_mask(unsigned bits)
{
    return bits >= 64 ? UINT64_MAX : (1ULL << bits) - 1;
}

static int read_symbol(struct reading *in, const char *word, uint64_t *ret)
{
    const struct call_arg *arg = &in->r->call->args[in->c->arg];
    char hint[CALLS_DID_YOU];
    uint64_t value;

    if (symbol_value(arg->symbols, word, &value) == 0) {
        *ret = value;
        return 0;
    }
    if (symbol_value(NULL, word, &value) == 0)
        return REFUSE(in->r, "'%s' is no value of '%s'", word, arg->name);
    symbol_did_you_mean(arg->symbols, word, hint);
    return REFUSE(in->r, "unknown constant '%s'%s", word, hint);
}

/* One or more numbers or symbols with | between them, that fit into the width. */
static int read_value(struct reading *in, uint64_t *ret)
{
    struct reader *r = in->r;
    char word[CALLS_LONGEST];
    uint64_t all = 0, one = 0;
    int rc;

    do {
        rc = reader_word(r, "a number or the name of a constant", word);
        if (rc == 0)
            rc = word[0] >= '0' && word[0] <= '9' ? reader_number(r, word, &one)
                                                  : read_symbol(in, word, &one);
        if (rc < 0)
            return rc;
        if (one & ~width_mask(in->bits))
            return REFUSE(r, "'%s' is wider than the argument, of which the kernel sees %u bits",
                          word, in->bits);
        all |= one;
    } while (reader_take(r, "|"));
    *ret = all;
    return 0;
}

/* The width behind `argN`, or what is known of it. */
static int read_width(struct reading *in, const char *word, const struct call_arg *known)
{
    struct reader *r = in->r;
    char text[CALLS_LONGEST];
    uint64_t bits;
    int rc;

    if (!reader_take(r, "/")) {
        if (!known)
            return REFUSE(r, "'%s' of %s needs its width: %s/32 or %s/64", word, r->call->name,
                          word, word);
        in->bits = known->bits;
        return 0;
    }
    rc = reader_word(r, "a width", text);
    if (rc == 0)
        rc = reader_number(r, text, &bits);
    if (rc < 0)
        return rc;
    if (bits != 16 && bits != 32 && bits != 64)
        return REFUSE(r, "a width is 16, 32 or 64, not %s", text);
    if (known && bits != known->bits)
        return REFUSE(r, "'%s' of %s has %u bits in the kernel, not %s", word, r->call->name,
                      known->bits, text);
    in->bits = (unsigned)bits;
    return 0;
}

/* `argN` of a call: its place, and its width when it is known or stated. */
static int read_index(struct reading *in, const char *word)
{
    const struct call *call = in->r->call;
    unsigned index = (unsigned)(word[3] - '0');

    if (index >= (call->count ? call->count : CALLS_ARGS))
        return REFUSE(in->r, "%s has no '%s', its arguments are arg0 to arg%u", call->name, word,
                      (call->count ? call->count : CALLS_ARGS) - 1);
    in->c->arg = index;
    return read_width(in, word, call->count ? &call->args[index] : NULL);
}

static bool is_index(const char *word)
{
    return strncmp(word, "arg", 3) == 0 && word[3] >= '0' && word[3] <= '9' && !word[4];
}

static int refuse_name(struct reader *r, const char *word)
{
    const struct call *call = r->call;
    char known[256] = "";
    size_t len = 0;

    if (!call->count)
        return REFUSE(r, "the arguments of %s have no names, write argN/32 or argN/64", call->name);
    for (unsigned i = 0; i < call->count && len < sizeof(known); i++)
        len += (size_t)snprintf(known + len, sizeof(known) - len, "%s%s", i ? ", " : "",
                                call->args[i].name);
    return REFUSE(r, "%s has no argument '%s', it has %s", call->name, word, known);
}

static int read_argument(struct reading *in)
{
    const struct call *call = in->r->call;
    char word[CALLS_LONGEST];
    int rc = reader_word(in->r, "an argument", word);

    if (rc < 0)
        return rc;
    if (is_index(word)) {
        rc = read_index(in, word);
        if (rc < 0)
            return rc;
    } else {
        while (in->c->arg < call->count && strcmp(call->args[in->c->arg].name, word) != 0)
            in->c->arg++;
        if (in->c->arg == call->count)
            return refuse_name(in->r, word);
        in->bits = call->args[in->c->arg].bits;
    }
    if (call->args[in->c->arg].pointer)
        return REFUSE(in->r, "'%s' of %s is an address: a filter cannot see what it points to",
                      word, call->name);
    in->c->mask = width_mask(in->bits);
    return 0;
}

static int read_mask(struct reading *in)
{
    int rc = read_value(in, &in->c->mask);

    in->masked = true;
    if (rc == 0 && !in->c->mask)
        rc = REFUSE(in->r, "an empty mask: the condition would always hold");
    return rc;
}

/* Under @c's mask. */
static int read_masked(struct reading *in, uint64_t *ret)
{
    int rc = read_value(in, ret);

    if (rc == 0 && *ret & ~in->c->mask)
        rc = REFUSE(in->r, in->c->op == CONDITION_EQ
                               ? "the value has bits that the mask leaves out: it would never be "
                                 "equal"
                               : "the value has bits that the mask leaves out");
    return rc;
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* Sorts the values, without repeats. One alone is plain equality. */
static int keep_values(struct reading *in, uint64_t *values, size_t count)
{
    struct condition *c = in->c;
    size_t kept = 0;

    qsort(values, count, sizeof(*values), by_value);
    for (size_t i = 0; i < count; i++)
        if (!kept || values[kept - 1] != values[i])
            values[kept++] = values[i];
    c->value = values[0];
    if (kept == 1) {
        c->op = CONDITION_EQ;
        return 0;
    }
    c->count = kept;
    c->values = (const uint64_t *)arena_copy(in->r->arena, values, kept * sizeof(*values));
    return c->values ? 0 : fail_sys(in->r->err, -ENOMEM, NULL, -1, NULL, "rules");
}

/* `{A, B}` */
static int read_set(struct reading *in)
{
    uint64_t values[RULE_VALUES];
    size_t count = 0;
    int rc;

    if (!reader_take(in->r, "{"))
        return reader_refuse(in->r, "'{'");
    do {
        if (count == RULE_VALUES)
            return REFUSE_SIZE(in->r, "more than %d values in one { }", RULE_VALUES);
        rc = read_masked(in, &values[count]);
        if (rc < 0)
            return rc;
        count++;
    } while (reader_take(in->r, ","));
    if (!reader_take(in->r, "}"))
        return reader_refuse(in->r, "',' or '}'");
    return keep_values(in, values, count);
}

/* What can be said of no argument or of every one is a mistake. */
static int check_sense(struct reading *in)
{
    switch (condition_outcome(in->c, 0, 0)) {
    case NEVER:
        return REFUSE(in->r, "the condition on '%s' would never hold",
                      in->r->call->count ? in->r->call->args[in->c->arg].name : "the argument");
    case ALWAYS:
        return REFUSE(in->r, "the condition on '%s' would always hold",
                      in->r->call->count ? in->r->call->args[in->c->arg].name : "the argument");
    case SOMETIMES:
        break;
    }
    return 0;
}

static int read_comparison(struct reading *in)
{
    static const struct {
        const char *sign;
        enum condition_op op;
    } signs[] = {
        {"==", CONDITION_EQ}, {"!=", CONDITION_NE}, {"<=", CONDITION_LE},
        {">=", CONDITION_GE}, {"<", CONDITION_LT},  {">", CONDITION_GT},
    };

    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++)
        if (reader_take(in->r, signs[i].sign)) {
            in->c->op = signs[i].op;
            return read_masked(in, &in->c->value);
        }
    if (reader_take_word(in->r, "in")) {
        in->c->op = CONDITION_IN;
        return read_set(in);
    }
    if (!reader_take_word(in->r, "within") && !reader_take(in->r, "⊆"))
        return reader_refuse(in->r, "'==', '!=', '<', '<=', '>', '>=', 'in' or 'within'");
    in->c->op = CONDITION_WITHIN;
    if (in->masked)
        return REFUSE(in->r, "'within' goes with no mask: it looks at all bits");
    return read_value(in, &in->c->value);
}

int reader_condition(struct reader *r, struct condition *ret)
{
    struct reading in = {.r = r, .c = ret};
    int rc;

    *ret = (struct condition){.op = CONDITION_EQ};
    rc = read_argument(&in);
    if (rc == 0 && reader_take(r, "&"))
        rc = read_mask(&in);
    if (rc == 0)
        rc = read_comparison(&in);
    return rc < 0 ? rc : check_sense(&in);
}
