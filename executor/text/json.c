/* SPDX-License-Identifier: Apache-2.0 */
#include "text/json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define PAIR    12 /* characters of `\uD83D\uDE00` */
#define WRITTEN 10 /* characters of `\U0001F600` */

struct rewriting {
    const char *in, *end;
    char *out;
    unsigned line, column; /* of the next character at out */
    unsigned lost;         /* on this line so far */
    struct arena *arena;
    struct json_text *ret;
};

bool json_likely(const char *name, const char *data, size_t len)
{
    size_t n = strlen(name);

    while (len && *data && strchr(" \t\r\n", *data)) {
        data++;
        len--;
    }
    return (len && *data == '{') || (n > 5 && strcmp(name + n - 5, ".json") == 0);
}

static void copy_one(struct rewriting *w, char as)
{
    bool line_end = as == '\n' || (as == '\r' && !(w->in + 1 < w->end && w->in[1] == '\n'));

    *w->out++ = as;
    w->in++;
    if (line_end) {
        w->line++;
        w->column = w->lost = 0;
    } else if (((unsigned char)as & 0xc0) != 0x80) {
        w->column++;
    }
}

/* Return: the number of a `\uXXXX` escape at @p; -1 when there is none. */
static int escape_at(const char *p, const char *end)
{
    int value = 0;

    if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
        return -1;
    for (int i = 2; i < 6; i++) {
        const char *digits = "0123456789abcdef";
        const char *digit = p[i] ? strchr(digits, p[i] >= 'A' ? p[i] | 32 : p[i]) : NULL;

        if (!digit)
            return -1;
        value = value << 4 | (int)(digit - digits);
    }
    return value;
}

/* Rewrites two surrogate escapes, if they are next. Return: 1; 0 they are not; -ENOMEM. */
static int copy_pair(struct rewriting *w)
{
    int high = escape_at(w->in, w->end), low;
    struct json_shift shift;
    char text[WRITTEN + 1];

    if (high < 0xd800 || high > 0xdbff)
        return 0;
    low = escape_at(w->in + PAIR / 2, w->end);
    if (low < 0xdc00 || low > 0xdfff)
        return 0;
    snprintf(text, sizeof(text), "\\U%08X",
             0x10000u + ((unsigned)(high - 0xd800) << 10) + (unsigned)(low - 0xdc00));
    memcpy(w->out, text, WRITTEN);
    w->in += PAIR;
    w->out += WRITTEN;
    w->column += WRITTEN;
    w->lost += PAIR - WRITTEN;
    shift = (struct json_shift){.line = w->line, .column = w->column, .lost = w->lost};
    return arena_push_value(w->arena, &w->ret->shifts, &w->ret->count, &shift, sizeof(shift)) < 0
               ? -ENOMEM
               : 1;
}

/* Copies a string with its quotes. Return: 0; -ENOMEM. */
static int copy_string(struct rewriting *w)
{
    copy_one(w, '"');
    while (w->in < w->end && *w->in != '"') {
        int r = *w->in == '\\' ? copy_pair(w) : 0;

        if (r < 0)
            return r;
        if (r > 0)
            continue;
        if (*w->in == '\\' && w->in + 1 < w->end)
            copy_one(w, *w->in);
        copy_one(w, *w->in);
    }
    if (w->in < w->end)
        copy_one(w, '"');
    return 0;
}

int json_rewrite(const char *data, size_t len, struct arena *arena, struct json_text *ret)
{
    struct rewriting w = {.in = data, .end = data + len, .arena = arena, .ret = ret};
    char before = '{'; /* the last character that is no blank */

    memset(ret, 0, sizeof(*ret));
    ret->data = w.out = arena_alloc(arena, len + 1);
    if (!ret->data)
        return -ENOMEM;
    while (w.in < w.end) {
        char c = *w.in;

        if (c == '"' && strchr("{[,:", before)) {
            if (copy_string(&w) < 0)
                return -ENOMEM;
        } else if (c == '"' || c == '\'' || c == '#') {
            break; /* YAML, then: a quote inside a word, a comment */
        } else {
            copy_one(&w, c == '\t' ? ' ' : c);
        }
        if (!strchr(" \t\r\n", c))
            before = c;
    }
    while (w.in < w.end)
        copy_one(&w, *w.in);
    ret->len = (size_t)(w.out - ret->data);
    return 0;
}

unsigned json_column(const struct json_text *json, unsigned line, unsigned column)
{
    size_t low = 0, high = json->count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        const struct json_shift *shift = &json->shifts[middle];

        if (shift->line < line || (shift->line == line && shift->column <= column))
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0 || json->shifts[low - 1].line != line)
        return column;
    return column + json->shifts[low - 1].lost;
}
