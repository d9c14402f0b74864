/* SPDX-License-Identifier: Apache-2.0 */
#include "text/utf8.h"

#include <string.h>

/* How long the character is that begins with this byte; 0: none begins so. */
static size_t length_of(uint8_t first)
{
    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first <= 0xdf)
        return 2;
    if (first >= 0xe0 && first <= 0xef)
        return 3;
    return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}

size_t utf8_next(const uint8_t *p, size_t len, uint32_t *ret_char)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = len ? length_of(*p) : 0;
    uint32_t c;

    if (n == 0 || n > len)
        return 0;
    c = n == 1 ? *p : *p & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (p[i] & 0x3f);
    }
    if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return 0;
    *ret_char = c;
    return n;
}

bool utf8_text(const void *data, size_t len)
{
    const uint8_t *p = data;
    uint32_t c;

    for (size_t i = 0, n; i < len; i += n) {
        n = utf8_next(p + i, len - i, &c);
        if (n == 0 || c == 0)
            return false;
    }
    return true;
}

int utf8_repair(struct buf *out, const void *data, size_t len)
{
    const uint8_t *p = data;
    uint32_t c;

    for (size_t i = 0, n; i < len; i += n) {
        int r;

        n = utf8_next(p + i, len - i, &c);
        if (n && c)
            r = buf_append(out, p + i, n);
        else
            r = buf_text(out, "\xef\xbf\xbd");
        if (r < 0)
            return r;
        n = n ? n : 1;
    }
    return 0;
}

bool utf8_needs_escape(uint32_t c)
{
    if (c == '\n' || c == '\t')
        return false;
    return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x2028 || c == 0x2029 || c == 0xfeff ||
           c == 0xfffe || c == 0xffff;
}

char *utf8_shown(char out[UTF8_SHOWN], const char *text, size_t len)
{
    const uint8_t *p = (const uint8_t *)text;
    size_t used = 0;
    uint32_t c;

    for (size_t i = 0, n; i < len; i += n) {
        bool good;

        n = utf8_next(p + i, len - i, &c);
        good = n && c >= 0x20 && !utf8_needs_escape(c);
        n = n ? n : 1;
        if (used + n > UTF8_SHOWN - 4) {
            memcpy(out + used, "...", 4);
            return out;
        }
        if (good)
            memcpy(out + used, p + i, n);
        else
            out[used] = '?';
        used += good ? n : 1;
    }
    out[used] = '\0';
    return out;
}

char *utf8_tame(char *text)
{
    uint8_t *p = (uint8_t *)text;
    size_t len = strlen(text);
    uint32_t c;

    for (size_t i = 0, n; i < len; i += n) {
        n = 1;
        if (p[i] >= 0x20 && p[i] < 0x7f)
            continue;
        n = utf8_next(p + i, len - i, &c);
        if (n && c >= 0x20 && !utf8_needs_escape(c))
            continue;
        n = n ? n : 1;
        memset(p + i, '?', n);
    }
    return text;
}
