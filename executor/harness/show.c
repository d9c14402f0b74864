/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/show.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "text/utf8.h"

/* Marks that turn the direction of what follows, and so can make a line look like another. */
static bool turns(uint32_t c)
{
    return c == 0x061c || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069);
}

static const char *short_escape(uint32_t c)
{
    switch (c) {
    case '\n':
        return "\\n";
    case '\t':
        return "\\t";
    case '\r':
        return "\\r";
    case '\\':
        return "\\\\";
    default:
        return NULL;
    }
}

/* Appends the character at @p. Return: its bytes; negative errno. */
static int show_one(struct buf *out, const uint8_t *p, size_t len)
{
    uint32_t c = 0;
    size_t n = utf8_next(p, len, &c);
    const char *escape = n ? short_escape(c) : NULL;
    int r = 0;

    if (escape)
        r = buf_text(out, escape);
    else if (n && c >= 0x20 && !utf8_needs_escape(c) && !turns(c))
        r = buf_append(out, p, n);
    else
        for (size_t i = 0; r == 0 && i < (n ? n : 1); i++)
            r = buf_printf(out, "\\x%02x", p[i]);
    return r < 0 ? r : (int)(n ? n : 1);
}

int show_text(struct buf *out, const void *data, size_t len)
{
    const uint8_t *p = data;
    int n;

    for (size_t i = 0; i < len; i += (size_t)n) {
        n = show_one(out, p + i, len - i);
        if (n < 0)
            return n;
    }
    return 0;
}

static size_t columns(const uint8_t *text, size_t len)
{
    size_t count = 0;

    for (size_t i = 0; i < len; i++)
        count += (text[i] & 0xc0) != 0x80;
    return count;
}

/* Return: bytes of the line at @at, with its newline. */
static size_t line_len(const char *data, size_t len, size_t at)
{
    const char *end = at < len ? memchr(data + at, '\n', len - at) : NULL;

    return end ? (size_t)(end - data) + 1 - at : len - at;
}

/* Return: where the character begins that the byte at @at is of; @len where there is none. */
static size_t char_start(const char *data, size_t len, size_t at)
{
    if (at >= len)
        return len;
    for (size_t back = 0; back < 4 && at > 0 && ((uint8_t)data[at] & 0xc0) == 0x80; back++)
        at--;
    return at;
}

/*
 * Appends one line behind @margin, cut to SHOW_LINE columns. Of a long one the part around @focus,
 * a byte of the line, is shown. Return: the column of @focus in what was appended; negative errno.
 */
static int show_line(struct buf *out, const char *margin, const char *line, size_t len,
                     size_t focus)
{
    size_t before = focus > SHOW_LINE / 2 ? SHOW_LINE / 2 : focus;
    size_t start = char_start(line, len, focus - before), at = start, column = 0;
    struct buf shown = {0};
    int r = start ? buf_text(&shown, "...") : 0;

    while (r >= 0 && at < len && columns(shown.data, shown.len) < SHOW_LINE) {
        if (at <= focus)
            column = columns(shown.data, shown.len);
        r = show_one(&shown, (const uint8_t *)line + at, len - at);
        at += r > 0 ? (size_t)r : 0;
    }
    if (at <= focus)
        column = columns(shown.data, shown.len);
    if (r >= 0 && at < len)
        r = buf_text(&shown, "...");
    if (r >= 0)
        r = buf_printf(out, "%s%.*s\n", margin, (int)shown.len,
                       shown.data ? (const char *)shown.data : "");
    buf_done(&shown);
    return r < 0 ? r : (int)column;
}

int show_some(struct buf *out, const char *margin, const void *data, size_t len, unsigned most)
{
    const char *text = data;
    size_t at = 0;
    int r = 0;

    for (unsigned i = 0; r >= 0 && at < len && i < most; i++) {
        size_t n = line_len(text, len, at);

        r = show_line(out, margin, text + at, n, 0);
        at += n;
    }
    if (r >= 0 && at < len)
        r = buf_printf(out, "%s... %zu bytes more\n", margin, len - at);
    return r < 0 ? r : 0;
}

/* What two texts have in common, and where the line of the first difference begins. */
struct place {
    size_t at, line_start, line_before; /* bytes */
    size_t line;                        /* from 1 */
};

static struct place find_difference(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t least = a_len < b_len ? a_len : b_len;
    struct place p = {.line = 1};

    for (; p.at < least && a[p.at] == b[p.at]; p.at++)
        if (a[p.at] == '\n') {
            p.line++;
            p.line_before = p.line_start;
            p.line_start = p.at + 1;
        }
    return p;
}

/* The lines of one side from the difference on. Return: as show_line(), of the first. */
static int show_side(struct buf *out, const char *margin, const char *text, size_t len,
                     const struct place *p)
{
    size_t at = p->line_start, focus = p->at - p->line_start;
    int column = (int)focus, r;

    if (at == len)
        return buf_printf(out, "%s(the end)\n", margin);
    for (unsigned i = 0; at < len && i < SHOW_LINES; i++) {
        size_t n = line_len(text, len, at);

        r = show_line(out, margin, text + at, n, i ? 0 : char_start(text + at, len - at, focus));
        if (r < 0)
            return r;
        if (i == 0)
            column = r;
        at += n;
    }
    r = at < len ? buf_printf(out, "%s... %zu bytes more\n", margin, len - at) : 0;
    return r < 0 ? r : column;
}

int show_difference(struct buf *out, const char *what, const void *expected, size_t expected_len,
                    const void *got, size_t got_len)
{
    const char *a = expected, *b = got;
    struct place p = find_difference(a, expected_len, b, got_len);
    int r, left, right;

    r = buf_printf(out, "%s differs in line %zu, column %zu (byte %zu):\n", what, p.line,
                   columns((const uint8_t *)a + p.line_start, p.at - p.line_start) + 1, p.at);
    if (r == 0 && p.line_start > 0)
        r = show_line(out, "    ", a + p.line_before, p.line_start - p.line_before, 0);
    if (r < 0)
        return r;
    left = show_side(out, "  - ", a, expected_len, &p);
    right = left < 0 ? left : show_side(out, "  + ", b, got_len, &p);
    if (right < 0)
        return right;
    return buf_printf(out, "    %*s^\n", left > right ? left : right, "");
}
