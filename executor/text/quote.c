/* SPDX-License-Identifier: Apache-2.0 */
#include "text/quote.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "text/utf8.h"

/* Words that YAML readers, old and new, take for null, a truth or a merge. */
static bool is_reserved(const char *text, size_t len)
{
    static const char *const words[] = {"~",    "null",  "true", "false", "yes", "no",
                                        "on",   "off",   "y",    "n",     "<<",  "=",
                                        ".inf", "-.inf", ".nan", "+.inf"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strlen(words[i]) == len && strncasecmp(text, words[i], len) == 0)
            return true;
    return false;
}

/* Whether some reader might take it for a number, a date or a time. */
static bool is_number_like(const char *text, size_t len)
{
    bool digit = false;

    if (!memchr("+-.0123456789", text[0], 13))
        return false;
    for (size_t i = 0; i < len; i++) {
        if (!memchr("0123456789abcdefABCDEFxXoO+-._:TZ", text[i], 33))
            return false;
        digit |= text[i] >= '0' && text[i] <= '9';
    }
    return digit;
}

enum quote quote_for(const char *text, size_t len)
{
    const uint8_t *p = (const uint8_t *)text;
    bool lines = false, tabs = false;
    uint32_t c;

    if (len == 0 || is_reserved(text, len) || is_number_like(text, len))
        return QUOTE_SINGLE;
    for (size_t i = 0, n; i < len; i += n) {
        n = utf8_next(p + i, len - i, &c);
        if (n == 0 || utf8_needs_escape(c))
            return QUOTE_DOUBLE;
        lines |= c == '\n';
        tabs |= c == '\t';
    }
    if (!lines)
        return tabs ? QUOTE_DOUBLE : QUOTE_NONE;
    /* a block's indentation is told from its first line, and blanks at its end are lost */
    if (strchr(" \t\n", text[0]) || strchr(" \t", text[len - 1]))
        return QUOTE_DOUBLE;
    return QUOTE_LITERAL;
}
