/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/reader.h"

#include <string.h>

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

void reader_skip_spaces(struct reader *r)
{
    while (*r->at == ' ')
        r->at++;
}

bool reader_take(struct reader *r, const char *token)
{
    size_t len = strlen(token);

    reader_skip_spaces(r);
    if (strncmp(r->at, token, len) != 0)
        return false;
    r->at += len;
    return true;
}

bool reader_take_word(struct reader *r, const char *word)
{
    size_t len = strlen(word);

    reader_skip_spaces(r);
    return strncmp(r->at, word, len) == 0 && !is_word(r->at[len]) && reader_take(r, word);
}

int reader_refuse(struct reader *r, const char *wanted)
{
    reader_skip_spaces(r);
    if (!*r->at)
        return REFUSE(r, "the entry ends where %s should come", wanted);
    if (*r->at < ' ' || *r->at > '~')
        return REFUSE(r, "byte 0x%02x where %s should come", (unsigned char)*r->at, wanted);
    return REFUSE(r, "'%c' where %s should come", *r->at, wanted);
}

int reader_word(struct reader *r, const char *wanted, char word[CALLS_LONGEST])
{
    size_t len = 0;

    reader_skip_spaces(r);
    while (is_word(r->at[len]))
        len++;
    if (len == 0)
        return reader_refuse(r, wanted);
    if (len >= CALLS_LONGEST)
        return REFUSE(r, "'%.16s…' is no name", r->at);
    memcpy(word, r->at, len);
    word[len] = '\0';
    r->at += len;
    return 0;
}

int reader_number(struct reader *r, const char *word, uint64_t *ret)
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
