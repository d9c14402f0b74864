/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/rule.h"

#include <stdlib.h>
#include <string.h>

#include "policy/reader.h"

#define ARROW "->"

static int by_condition(const void *a, const void *b)
{
    return condition_compare(a, b);
}

/* Sorts the conditions, without repeats, and keeps a copy. */
static int keep_conditions(struct reader *r, struct condition *list, size_t count,
                           struct rule *rule)
{
    struct condition *copy;
    size_t kept = 0;

    qsort(list, count, sizeof(*list), by_condition);
    for (size_t i = 0; i < count; i++)
        if (!kept || condition_compare(&list[kept - 1], &list[i]) != 0)
            list[kept++] = list[i];
    copy = (struct condition *)arena_alloc(r->arena, kept * sizeof(*list));
    if (!copy)
        return fail_sys(r->err, -ENOMEM, NULL, -1, NULL, "rules");
    memcpy(copy, list, kept * sizeof(*list));
    rule->conditions = copy;
    rule->count = kept;
    return 0;
}

/* What no filter could hold, or no call fit. */
static int check_pieces(struct reader *r, const struct rule *rule)
{
    struct pieces pieces;

    if (pieces_of(rule->conditions, rule->count, &pieces) < 0)
        return REFUSE_SIZE(r,
                           "the conditions come to more than %d comparisons for equality; say it "
                           "in several entries, or with rounder numbers",
                           PIECES_MAX);
    if (!pieces.count)
        return REFUSE(r, "the conditions contradict each other: no call would fit");
    return 0;
}

static int read_conditions(struct reader *r, struct rule *rule)
{
    struct condition list[CONDITIONS_MAX];
    size_t count = 0;
    int rc;

    do {
        if (count == CONDITIONS_MAX)
            return REFUSE_SIZE(r, "more than %d conditions in one entry", CONDITIONS_MAX);
        rc = reader_condition(r, &list[count]);
        if (rc < 0)
            return rc;
        count++;
    } while (reader_take(r, "&&") || reader_take(r, ","));
    if (!reader_take(r, ")"))
        return reader_refuse(r, "',', '&&' or ')'");
    rc = keep_conditions(r, list, count, rule);
    return rc < 0 ? rc : check_pieces(r, rule);
}

static int read_call(struct reader *r)
{
    char name[CALLS_LONGEST], hint[CALLS_DID_YOU];
    int rc = reader_word(r, "a system call", name);

    if (rc < 0)
        return rc;
    r->call = call_by_name(name);
    if (!r->call)
        return REFUSE(r, "unknown system call '%s'%s", name, call_did_you_mean(name, hint));
    return 0;
}

static int read_errno(struct reader *r, int *ret)
{
    char word[CALLS_LONGEST], hint[CALLS_DID_YOU];
    uint64_t code;
    int rc = reader_word(r, "the name of an errno", word);

    if (rc < 0)
        return rc;
    if (symbol_value("ERRNO", word, &code) < 0)
        return REFUSE(r, "unknown errno '%s'%s", word, symbol_did_you_mean("ERRNO", word, hint));
    *ret = (int)code;
    return 0;
}

int rule_errno(const char *entry, size_t *ret_len, int *ret_code, struct crib_error *err)
{
    const char *arrow = strstr(entry, ARROW);
    struct reader r = {.at = arrow, .err = err};
    size_t len = arrow ? (size_t)(arrow - entry) : strlen(entry);
    int rc;

    *ret_code = 0;
    *ret_len = len;
    if (!arrow)
        return 0;
    while (len && entry[len - 1] == ' ')
        len--;
    *ret_len = len;
    r.at += strlen(ARROW);
    rc = read_errno(&r, ret_code);
    reader_skip_spaces(&r);
    return rc < 0 || !*r.at ? rc : reader_refuse(&r, "the end");
}

int rule_parse(const char *entry, struct arena *arena, struct rule *ret_rule,
               struct crib_error *err)
{
    struct rule rule = {0};
    struct reader r = {.at = entry, .arena = arena, .err = err};
    int rc;

    if (strnlen(entry, RULE_LONGEST + 1) > RULE_LONGEST)
        return REFUSE(&r, "an entry of more than %d bytes", RULE_LONGEST);
    rc = read_call(&r);
    if (rc == 0 && reader_take(&r, "("))
        rc = read_conditions(&r, &rule);
    if (rc == 0 && reader_take(&r, ARROW))
        rc = read_errno(&r, &rule.code);
    if (rc < 0)
        return rc;
    reader_skip_spaces(&r);
    if (*r.at)
        return reader_refuse(&r, rule.code    ? "the end"
                                 : rule.count ? "'->' or the end"
                                              : "'(', '->' or the end");
    rule.call = r.call;
    *ret_rule = rule;
    return 0;
}

bool rule_fits(const struct rule *rule, const uint64_t args[6])
{
    for (size_t i = 0; i < rule->count; i++)
        if (!condition_holds(&rule->conditions[i], args[rule->conditions[i].arg]))
            return false;
    return true;
}

int rule_compare(const struct rule *a, const struct rule *b)
{
    if (a->call != b->call)
        return a->call->number < b->call->number ? -1 : 1;
    for (size_t i = 0; i < a->count && i < b->count; i++) {
        int order = condition_compare(&a->conditions[i], &b->conditions[i]);

        if (order)
            return order;
    }
    return (a->count > b->count) - (a->count < b->count);
}
