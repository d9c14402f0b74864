/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: the check goes from value to value with a bit for each thing it is within,
 * object or array, instead of calling itself. Everything else looks at what has been checked, and
 * skips by counting brackets.
 */
#include "node/json.h"

#include <errno.h>
#include <string.h>

struct scan {
    const char *at, *end;
    unsigned depth;
    uint8_t objects[JSON_DEPTH / 8 + 1]; /* a bit for each depth: within an object, not an array */
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_space(struct scan *scan)
{
    while (scan->at < scan->end && is_space(*scan->at))
        scan->at++;
}

static char peek(const struct scan *scan)
{
    return scan->at < scan->end ? *scan->at : '\0';
}

static bool take(struct scan *scan, char c)
{
    if (peek(scan) != c || scan->at == scan->end)
        return false;
    scan->at++;
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool take_digits(struct scan *scan)
{
    const char *from = scan->at;

    while (is_digit(peek(scan)))
        scan->at++;
    return scan->at > from;
}

static bool take_number(struct scan *scan)
{
    take(scan, '-');
    if (!take(scan, '0') && !take_digits(scan))
        return false;
    if (take(scan, '.') && !take_digits(scan))
        return false;
    if (!take(scan, 'e') && !take(scan, 'E'))
        return true;
    if (!take(scan, '+'))
        take(scan, '-');
    return take_digits(scan);
}

static int hex_digit(char c)
{
    if (is_digit(c))
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Four hexadecimal digits. Return: what they say; -1 they are none. */
static int read_hex(const char *at, const char *end)
{
    int value = 0;

    if (end - at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(at[i]);

        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

static bool take_escape(struct scan *scan)
{
    char c = peek(scan);

    if (c == '\0' || !strchr("\"\\/bfnrtu", c))
        return false;
    scan->at++;
    if (c != 'u')
        return true;
    if (read_hex(scan->at, scan->end) < 0)
        return false;
    scan->at += 4;
    return true;
}

/* Return: bytes of the character there; 0 it is none in UTF-8 (RFC 3629). */
static unsigned utf8_length(const uint8_t *at, size_t len)
{
    unsigned n = at[0] < 0x80 ? 1 : at[0] < 0xc2 ? 0 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;

    if (n == 0 || n > len || at[0] > 0xf4)
        return 0;
    for (unsigned i = 1; i < n; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) ||
        (at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f))
        return 0;
    return n;
}

static bool take_string(struct scan *scan)
{
    if (!take(scan, '"'))
        return false;
    while (scan->at < scan->end && *scan->at != '"') {
        unsigned n = utf8_length((const uint8_t *)scan->at, (size_t)(scan->end - scan->at));

        if (n == 0 || (uint8_t)*scan->at < 0x20)
            return false;
        if (!take(scan, '\\'))
            scan->at += n;
        else if (!take_escape(scan))
            return false;
    }
    return take(scan, '"');
}

static bool take_word(struct scan *scan, const char *word)
{
    size_t len = strlen(word);

    if ((size_t)(scan->end - scan->at) < len || memcmp(scan->at, word, len) != 0)
        return false;
    scan->at += len;
    return true;
}

static bool within_object(const struct scan *scan)
{
    return scan->objects[scan->depth / 8] >> (scan->depth % 8) & 1;
}

static bool take_name(struct scan *scan)
{
    skip_space(scan);
    if (!take_string(scan))
        return false;
    skip_space(scan);
    return take(scan, ':');
}

/* Goes into an array or object that is not empty. Return: 1 it did; 0 it was empty; negative errno.
 */
static int enter(struct scan *scan, bool object)
{
    uint8_t bit;

    scan->at++;
    skip_space(scan);
    if (take(scan, object ? '}' : ']'))
        return 0;
    if (scan->depth == JSON_DEPTH)
        return -E2BIG;
    scan->depth++;
    bit = (uint8_t)(1u << (scan->depth % 8));
    scan->objects[scan->depth / 8] &= (uint8_t)~bit;
    if (!object)
        return 1;
    scan->objects[scan->depth / 8] |= bit;
    return take_name(scan) ? 1 : -EINVAL;
}

/* Return: 0 a value is over; 1 it has begun, and its first part comes next; negative errno. */
static int take_value(struct scan *scan)
{
    bool ok;

    skip_space(scan);
    switch (peek(scan)) {
    case '{':
    case '[':
        return enter(scan, peek(scan) == '{');
    case '"':
        ok = take_string(scan);
        break;
    case 't':
        ok = take_word(scan, "true");
        break;
    case 'f':
        ok = take_word(scan, "false");
        break;
    case 'n':
        ok = take_word(scan, "null");
        break;
    default:
        ok = take_number(scan);
    }
    return ok ? 0 : -EINVAL;
}

/* Behind a value. Return: 1 another one comes; 0 all are over; -EINVAL. */
static int go_on(struct scan *scan)
{
    for (; scan->depth > 0; scan->depth--) {
        skip_space(scan);
        if (take(scan, ','))
            return within_object(scan) && !take_name(scan) ? -EINVAL : 1;
        if (!take(scan, within_object(scan) ? '}' : ']'))
            return -EINVAL;
    }
    return 0;
}

int node_json_check(struct node_json json)
{
    struct scan scan = {.at = json.text, .end = json.text + json.len};
    int r = 1;

    while (r == 1) {
        r = take_value(&scan);
        if (r == 0)
            r = go_on(&scan);
    }
    if (r < 0)
        return r;
    skip_space(&scan);
    return scan.at == scan.end ? 0 : -EINVAL;
}

/* Goes past a value of checked text. */
static void skip_value(struct scan *scan)
{
    unsigned depth = 0;

    do {
        char c = peek(scan);

        if (c == '"') {
            take_string(scan);
            continue;
        }
        depth += c == '{' || c == '[';
        depth -= c == '}' || c == ']';
        scan->at++;
    } while (scan->at < scan->end &&
             (depth > 0 || !(strchr(",}]", *scan->at) || is_space(*scan->at))));
}

bool node_json_next(struct node_json object, size_t *at, struct node_json *name,
                    struct node_json *value)
{
    struct scan scan = {.at = object.text + *at, .end = object.text + object.len};

    skip_space(&scan);
    if (!take(&scan, *at == 0 ? '{' : ','))
        return false;
    skip_space(&scan);
    name->text = scan.at;
    if (!take_string(&scan))
        return false;
    name->len = (size_t)(scan.at - name->text);
    skip_space(&scan);
    take(&scan, ':');
    skip_space(&scan);
    value->text = scan.at;
    skip_value(&scan);
    value->len = (size_t)(scan.at - value->text);
    skip_space(&scan);
    *at = (size_t)(scan.at - object.text);
    return true;
}

bool node_json_get(struct node_json object, const char *name, struct node_json *ret)
{
    struct node_json other, value;
    bool found = false;
    size_t at = 0;

    while (node_json_next(object, &at, &other, &value))
        if (node_json_is(other, name)) {
            *ret = value;
            found = true;
        }
    return found;
}

/* Return: the character that a `\u` escape is, with the second half of a pair; -1 half of one. */
static long read_escaped(const char **at, const char *end)
{
    long first = read_hex(*at, end), second;

    *at += 4;
    if (first < 0xd800 || first > 0xdfff)
        return first;
    if (first > 0xdbff || end - *at < 6 || (*at)[0] != '\\' || (*at)[1] != 'u')
        return -1;
    second = read_hex(*at + 2, end);
    *at += 6;
    if (second < 0xdc00 || second > 0xdfff)
        return -1;
    return 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
}

/* Return: bytes written, at most 4. */
static unsigned put_utf8(long c, char *to)
{
    unsigned n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

    for (unsigned i = n - 1; i > 0; i--, c >>= 6)
        to[i] = (char)(0x80 | (c & 0x3f));
    to[0] = (char)(n == 1 ? c : c | (0xf0 << (4 - n) & 0xff));
    return n;
}

/* What stands behind a backslash. Return: the character; -1. */
static long unescape(const char **at, const char *end)
{
    static const char names[] = "bfnrt", what[] = "\b\f\n\r\t";
    const char *name;
    char c = *(*at)++;

    if (c == 'u')
        return read_escaped(at, end);
    name = strchr(names, c);
    return name ? what[name - names] : c;
}

int node_json_string(struct node_json json, char *ret, size_t size)
{
    const char *at = json.text + 1, *end = json.text + json.len - 1;
    size_t len = 0;

    if (json.len < 2 || json.text[0] != '"')
        return -EINVAL;
    while (at < end) {
        char bytes[4] = {*at++};
        unsigned n = 1;

        if (bytes[0] == '\\') {
            long c = unescape(&at, end);

            if (c <= 0)
                return -EINVAL;
            n = put_utf8(c, bytes);
        }
        if (len + n >= size) {
            ret[len] = '\0';
            return -E2BIG;
        }
        memcpy(ret + len, bytes, n);
        len += n;
    }
    ret[len] = '\0';
    return (int)len;
}

bool node_json_is(struct node_json json, const char *text)
{
    char said[64];

    return node_json_string(json, said, sizeof(said)) >= 0 && strcmp(said, text) == 0;
}

bool node_json_word(struct node_json json, const char *word)
{
    return json.len == strlen(word) && memcmp(json.text, word, json.len) == 0;
}

int node_json_integer(struct node_json json, int64_t *ret)
{
    size_t at = json.len > 0 && json.text[0] == '-';
    int64_t value = 0;

    if (json.len == at || json.len - at > 15)
        return -EINVAL;
    for (size_t i = at; i < json.len; i++) {
        if (!is_digit(json.text[i]))
            return -EINVAL;
        value = value * 10 + (json.text[i] - '0');
    }
    *ret = at ? -value : value;
    return 0;
}
