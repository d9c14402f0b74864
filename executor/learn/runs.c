/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/runs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "text/utf8.h"

static bool is_plain(const char *word)
{
    static const char marks[] = "_./:=@%+,-";

    if (!*word)
        return false;
    for (; *word; word++)
        if (!(*word >= 'a' && *word <= 'z') && !(*word >= 'A' && *word <= 'Z') &&
            !(*word >= '0' && *word <= '9') && !strchr(marks, *word))
            return false;
    return true;
}

/* The escape of one byte or, where that can be shown, the character that begins there. */
static int write_char(struct buf *out, const char **at)
{
    uint8_t byte = (uint8_t) * *at;
    uint32_t c = 0;
    size_t n = utf8_next((const uint8_t *)*at, strlen(*at), &c);

    if (n && byte != '"' && byte != '\\' && byte != '\n' && byte != '\t' && !utf8_needs_escape(c)) {
        *at += n;
        return buf_append(out, *at - n, n);
    }
    (*at)++;
    if (byte == '"' || byte == '\\')
        return buf_printf(out, "\\%c", byte);
    if (byte == '\n' || byte == '\t')
        return buf_text(out, byte == '\n' ? "\\n" : "\\t");
    return buf_printf(out, "\\x%02x", byte);
}

static int write_word(struct buf *out, const char *word)
{
    int r;

    if (is_plain(word))
        return buf_text(out, word);
    r = buf_text(out, "\"");
    while (r == 0 && *word)
        r = write_char(out, &word);
    return r < 0 ? r : buf_text(out, "\"");
}

int run_words_write(struct buf *out, char *const *words)
{
    size_t start = out->len;
    int r = 0;

    for (size_t i = 0; r == 0 && words[i]; i++) {
        if (i >= RUNS_WORDS)
            return -E2BIG;
        if (i)
            r = buf_text(out, " ");
        if (r == 0)
            r = write_word(out, words[i]);
        if (r == 0 && out->len - start > RUNS_BYTES)
            return -E2BIG;
    }
    return r;
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c ? strchr(digits, c) : NULL;

    return at ? (int)(at - digits) : -1;
}

/* Reads what stands behind a backslash. Return: how many bytes; 0 no such escape. */
static size_t read_escape(const char *at, size_t len, char *ret)
{
    static const char plain[] = "\"\\nt", means[] = "\"\\\n\t";
    const char *found = len && *at ? strchr(plain, *at) : NULL;

    if (found) {
        *ret = means[found - plain];
        return 1;
    }
    if (len < 3 || *at != 'x' || hex_digit(at[1]) < 0 || hex_digit(at[2]) < 0)
        return 0;
    *ret = (char)(hex_digit(at[1]) << 4 | hex_digit(at[2]));
    return *ret ? 3 : 0;
}

/* Reads a word, from behind its quote up to and with the other. Return: bytes read; 0 not one. */
static size_t read_quoted(const char *text, size_t len, char *ret)
{
    size_t at = 0;

    while (at < len && text[at] != '"') {
        if (text[at] == '\\') {
            size_t n = read_escape(text + at + 1, len - at - 1, ret++);

            if (!n)
                return 0;
            at += n + 1;
        } else {
            *ret++ = text[at++];
        }
    }
    *ret = '\0';
    return at < len ? at + 1 : 0;
}

static size_t read_word(const char *text, size_t len, char *ret)
{
    size_t n = 0;

    if (*text == '"') {
        n = read_quoted(text + 1, len - 1, ret);
        return n ? n + 1 : 0;
    }
    while (n < len && text[n] != ' ')
        n++;
    memcpy(ret, text, n);
    ret[n] = '\0';
    return is_plain(ret) ? n : 0;
}

int run_words_read(const char *text, size_t len, struct arena *arena, struct run_words *ret)
{
    char *word = len > RUNS_BYTES ? NULL : arena_alloc(arena, len + 1); /* no word grows */

    *ret = (struct run_words){0};
    if (!word)
        return len > RUNS_BYTES ? -E2BIG : -ENOMEM;
    for (size_t at = 0, n; at < len; at += n + 1) {
        if (ret->count >= RUNS_WORDS)
            return -E2BIG;
        n = read_word(text + at, len - at, word);
        if (!n || (at + n < len && text[at + n] != ' ') || at + n + 1 == len)
            return -EINVAL;
        if (arena_push(arena, &ret->words, &ret->count, word) < 0)
            return -ENOMEM;
        word += strlen(word) + 1;
    }
    if (!ret->count)
        return -EINVAL;
    if (arena_push(arena, &ret->words, &ret->count, NULL) < 0)
        return -ENOMEM;
    ret->count--;
    return 0;
}

int run_set_write(struct buf *out, uint64_t set)
{
    const char *comma = set & (set - 1) ? "runs " : "run ";
    int r = 0;

    for (unsigned n = 1; r == 0 && n <= RUNS_MAX; n++) {
        unsigned last = n;

        if (!(set >> (n - 1) & 1))
            continue;
        while (last < RUNS_MAX && set >> last & 1)
            last++;
        r = buf_printf(out, "%s%u", comma, n);
        if (r == 0 && last > n)
            r = buf_printf(out, "%s%u", last > n + 1 ? "-" : ", ", last);
        n = last;
        comma = ", ";
    }
    return r;
}

static bool read_run(const char **at, const char *end, unsigned *ret)
{
    unsigned n = 0;
    const char *start = *at;

    while (*at < end && **at >= '0' && **at <= '9' && n <= RUNS_MAX)
        n = n * 10 + (unsigned)(*(*at)++ - '0');
    *ret = n;
    return *at > start && n >= 1 && n <= RUNS_MAX;
}

static bool skip(const char **at, const char *end, const char *text)
{
    size_t len = strlen(text);

    if ((size_t)(end - *at) < len || memcmp(*at, text, len) != 0)
        return false;
    *at += len;
    return true;
}

bool run_set_read(const char *text, size_t len, uint64_t *ret_set)
{
    const char *at = text, *end = text + len;
    unsigned first, last;
    uint64_t set = 0;

    if (!skip(&at, end, "runs ") && !skip(&at, end, "run "))
        return false;
    do {
        if (!read_run(&at, end, &first))
            return false;
        last = first;
        if (skip(&at, end, "-") && !read_run(&at, end, &last))
            return false;
        for (unsigned n = first; n <= last; n++)
            set |= (uint64_t)1 << (n - 1);
    } while (skip(&at, end, ", "));
    *ret_set = set;
    return at == end;
}

static bool are_same(char *const *a, char *const *b)
{
    while (*a && *b && strcmp(*a, *b) == 0) {
        a++;
        b++;
    }
    return !*a && !*b;
}

int run_list_number(struct run_list *list, char *const *words, struct arena *arena)
{
    struct run_words *run;

    for (size_t i = 0; i < list->count; i++)
        if (list->run[i].words && are_same(list->run[i].words, words))
            return (int)i + 1;
    if (list->count == RUNS_MAX)
        return -E2BIG;
    run = &list->run[list->count];
    *run = (struct run_words){0};
    for (size_t i = 0; i == 0 || words[i - 1]; i++) {
        char *word = words[i] ? arena_text(arena, words[i]) : NULL;

        if ((words[i] && !word) || arena_push(arena, &run->words, &run->count, word) < 0)
            return -ENOMEM;
    }
    run->count--;
    return (int)++list->count;
}
