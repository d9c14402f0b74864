/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/json.h"

#include <stdint.h>
#include <string.h>

#include "text/utf8.h"

/* A scan over the text; brackets are kept as bits, so that a hostile text costs no stack. */
struct scan {
    const unsigned char *at, *end;
    uint64_t objects[JSON_MAX_DEPTH / 64]; /* bit: that depth is an object, not an array */
    unsigned depth;
};

static void skip_space(struct scan *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\t' || *s->at == '\n' || *s->at == '\r'))
        s->at++;
}

static bool is_hex(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool escape(struct scan *s)
{
    if (s->end - s->at < 2)
        return false;
    s->at++;
    if (*s->at != 'u')
        return *s->at && strchr("\"\\/bfnrt", *s->at++);
    if (s->end - s->at < 5)
        return false;
    s->at++;
    for (int i = 0; i < 4; i++)
        if (!is_hex(*s->at++))
            return false;
    return true;
}

static bool string(struct scan *s)
{
    if (s->at >= s->end || *s->at != '"')
        return false;
    s->at++;
    while (s->at < s->end && *s->at != '"') {
        uint32_t c;
        size_t len;

        if (*s->at < 0x20)
            return false;
        if (*s->at == '\\') {
            if (!escape(s))
                return false;
            continue;
        }
        len = utf8_next(s->at, (size_t)(s->end - s->at), &c);
        if (len == 0)
            return false;
        s->at += len;
    }
    return s->at < s->end && *s->at++ == '"';
}

static bool some_digits(struct scan *s)
{
    const unsigned char *first = s->at;

    while (s->at < s->end && *s->at >= '0' && *s->at <= '9')
        s->at++;
    return s->at > first;
}

static bool number(struct scan *s)
{
    if (*s->at == '-')
        s->at++;
    if (s->at < s->end && *s->at == '0')
        s->at++;
    else if (!some_digits(s))
        return false;
    if (s->at < s->end && *s->at == '.') {
        s->at++;
        if (!some_digits(s))
            return false;
    }
    if (s->at < s->end && (*s->at == 'e' || *s->at == 'E')) {
        s->at++;
        if (s->at < s->end && (*s->at == '+' || *s->at == '-'))
            s->at++;
        return some_digits(s);
    }
    return true;
}

static bool word(struct scan *s, const char *expected)
{
    size_t len = strlen(expected);

    if ((size_t)(s->end - s->at) < len || memcmp(s->at, expected, len) != 0)
        return false;
    s->at += len;
    return true;
}

static bool in_object(const struct scan *s)
{
    unsigned top = s->depth - 1;

    return s->depth > 0 && (s->objects[top / 64] >> (top % 64) & 1);
}

static bool name_and_colon(struct scan *s)
{
    skip_space(s);
    if (!string(s))
        return false;
    skip_space(s);
    return s->at < s->end && *s->at++ == ':';
}

/* Opens a bracket. *ret_value: a value must follow (it is not empty). */
static bool open_bracket(struct scan *s, bool *ret_value)
{
    bool object = *s->at++ == '{';
    uint64_t bit = 1ull << (s->depth % 64);

    if (s->depth >= JSON_MAX_DEPTH)
        return false;
    s->objects[s->depth / 64] =
        object ? s->objects[s->depth / 64] | bit : s->objects[s->depth / 64] & ~bit;
    s->depth++;
    skip_space(s);
    *ret_value = !(s->at < s->end && *s->at == (object ? '}' : ']'));
    return !*ret_value || !object || name_and_colon(s);
}

/* Behind a value: closes what ends here. *ret_value: a comma says that another follows. */
static bool after_value(struct scan *s, bool *ret_value)
{
    *ret_value = false;
    for (;;) {
        skip_space(s);
        if (s->depth == 0)
            return s->at == s->end;
        if (s->at >= s->end)
            return false;
        if (*s->at == ',') {
            s->at++;
            *ret_value = true;
            return !in_object(s) || name_and_colon(s);
        }
        if (*s->at != (in_object(s) ? '}' : ']'))
            return false;
        s->at++;
        s->depth--;
    }
}

static bool scalar(struct scan *s)
{
    switch (*s->at) {
    case '"':
        return string(s);
    case 't':
        return word(s, "true");
    case 'f':
        return word(s, "false");
    case 'n':
        return word(s, "null");
    default:
        return number(s);
    }
}

bool json_valid(const char *text, size_t len)
{
    struct scan s = {.at = (const unsigned char *)text};
    bool value = true;

    s.end = s.at + len;
    while (value) {
        skip_space(&s);
        if (s.at >= s.end)
            return false;
        if (*s.at == '{' || *s.at == '[') {
            if (!open_bracket(&s, &value))
                return false;
            if (value)
                continue;
        } else if (!scalar(&s)) {
            return false;
        }
        if (!after_value(&s, &value))
            return false;
    }
    return true;
}

int json_one_line(struct buf *out, const char *text, size_t len)
{
    size_t start = out->len;
    int r = buf_append(out, text, len);

    for (size_t i = start; r == 0 && i < out->len; i++)
        if (out->data[i] == '\n' || out->data[i] == '\r')
            out->data[i] = ' ';
    return r;
}

int json_string(struct buf *out, const char *text)
{
    const uint8_t *at = (const uint8_t *)text, *end = at + strlen(text);
    int r = buf_text(out, "\"");

    while (at < end && r == 0) {
        uint32_t c = 0xfffd;
        size_t len = utf8_next(at, (size_t)(end - at), &c);

        if (len == 0)
            r = buf_text(out, "\\ufffd");
        else if (c == '"' || c == '\\')
            r = buf_printf(out, "\\%c", (int)c);
        else if (c < 0x20 || (c >= 0x7f && c < 0xa0))
            r = buf_printf(out, "\\u%04x", (unsigned)c);
        else
            r = buf_append(out, at, len);
        at += len ? len : 1;
    }
    return r < 0 ? r : buf_text(out, "\"");
}
