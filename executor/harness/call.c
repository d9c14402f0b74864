/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/call.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "text/utf8.h"

#define REFUSE(err, ...) fail_text(err, -EINVAL, NULL, -1, NULL, __VA_ARGS__)

struct reading {
    const char *at;
    struct concrete_call *call;
    struct crib_error *err;
};

static void skip_space(struct reading *r)
{
    while (*r->at == ' ' || *r->at == '\t')
        r->at++;
}

/* Copies the word at hand. Return: its length; 0 none, or one too long to be anything. */
static size_t take_word(struct reading *r, char word[CALLS_LONGEST])
{
    size_t len = 0;

    skip_space(r);
    while (isalnum((unsigned char)r->at[len]) || r->at[len] == '_' || r->at[len] == '-')
        len++;
    if (len >= CALLS_LONGEST)
        len = 0;
    memcpy(word, r->at, len);
    word[len] = '\0';
    r->at += len;
    skip_space(r);
    return len;
}

static int unexpected(struct reading *r, const char *wanted)
{
    char shown[UTF8_SHOWN];

    return REFUSE(r->err, "'%s': %s is wanted here", utf8_shown(shown, r->at, strlen(r->at)),
                  wanted);
}

static bool is_number(const char *word, uint64_t *ret)
{
    char *end;

    errno = 0;
    *ret = word[0] == '-' ? (uint64_t)strtoll(word, &end, 0) : strtoull(word, &end, 0);
    return !errno && end != word && !*end;
}

static int read_part(struct reading *r, const struct call_arg *arg, uint64_t *value)
{
    char word[CALLS_LONGEST], mean[CALLS_DID_YOU];
    uint64_t part;

    if (!take_word(r, word))
        return unexpected(r, "a number or a constant");
    if (!is_number(word, &part) && strcmp(word, "NULL") == 0)
        part = 0;
    else if (!is_number(word, &part) &&
             (arg->pointer ||
              (symbol_value(arg->symbols, word, &part) < 0 && symbol_value(NULL, word, &part) < 0)))
        return REFUSE(r->err, "unknown constant '%s'%s", word,
                      arg->pointer ? "; an address is a number"
                                   : symbol_did_you_mean(arg->symbols, word, mean));
    *value |= part;
    return 0;
}

static int read_value(struct reading *r, unsigned index)
{
    const struct call_arg *arg = &r->call->call->args[index];
    /* of calls whose arguments are not described */
    static const struct call_arg unknown = {.bits = 64};
    int got = 0;

    if (index >= r->call->call->count)
        arg = &unknown;
    for (;;) {
        got = read_part(r, arg, &r->call->args[index]);
        if (got < 0 || *r->at != '|')
            return got;
        r->at++;
    }
}

static int find_arg(struct reading *r, const char *name, unsigned *ret)
{
    const struct call *call = r->call->call;

    for (unsigned i = 0; i < call->count; i++)
        if (strcmp(call->args[i].name, name) == 0) {
            *ret = i;
            return 0;
        }
    return REFUSE(r->err, "%s has no argument '%s'", call->name, name);
}

/* `name=` or `name==` in front of a value; without one the arguments come in their order. */
static int read_name(struct reading *r, unsigned *index)
{
    const char *start = r->at;
    char word[CALLS_LONGEST];

    if (!take_word(r, word) || *r->at != '=') {
        r->at = start;
        return 0;
    }
    r->at += r->at[1] == '=' ? 2 : 1;
    return find_arg(r, word, index);
}

static int read_args(struct reading *r)
{
    const struct call *call = r->call->call;
    unsigned most = call->count ? call->count : CALLS_ARGS, given = 0;
    int got = 0;

    skip_space(r);
    for (unsigned index = 0; got == 0 && *r->at != ')'; index++) {
        got = read_name(r, &index);
        if (got == 0 && index >= most)
            got = REFUSE(r->err, "%s has %u arguments", call->name, most);
        if (got == 0 && given >> index & 1)
            got = REFUSE(r->err, "argument %u of %s is given twice", index, call->name);
        given |= 1u << index;
        if (got == 0)
            got = read_value(r, index);
        if (got == 0 && *r->at == ',')
            r->at++;
        else if (got == 0 && *r->at != ')')
            got = unexpected(r, "',' or ')'");
    }
    if (got == 0) {
        r->at++;
        skip_space(r);
    }
    return got;
}

int call_read(const char *text, struct concrete_call *ret, struct crib_error *err)
{
    struct reading r = {text, ret, err};
    char name[CALLS_LONGEST], mean[CALLS_DID_YOU];
    int got = 0;

    memset(ret, 0, sizeof(*ret));
    if (strlen(text) > CALL_LONGEST)
        return REFUSE(err, "longer than %d bytes", CALL_LONGEST);
    if (!take_word(&r, name))
        return unexpected(&r, "the name of a system call");
    ret->call = call_by_name(name);
    if (!ret->call)
        return REFUSE(err, "unknown system call '%s'%s", name, call_did_you_mean(name, mean));
    ret->any = *r.at != '(';
    if (!ret->any) {
        r.at++;
        got = read_args(&r);
    }
    if (got == 0 && *r.at)
        got = unexpected(&r, "nothing more");
    return got;
}
