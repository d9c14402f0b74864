/* SPDX-License-Identifier: Apache-2.0 */
#include "text/units.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "text/utf8.h"

static const struct unit_row rows[] = {
#define UNIT(message, field, unit, unlimited) {#message, #field, UNIT_##unit, unlimited},
#include "text/units.def"
#undef UNIT
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

/* Suffixes, smallest first, with what they multiply by. */
struct suffix {
    const char *text;
    uint64_t factor;
};

static const struct suffix bytes[] = {
    {"K", 1ull << 10}, {"M", 1ull << 20}, {"G", 1ull << 30}, {"T", 1ull << 40}, {NULL, 0}};
static const struct suffix times[] = {
    {"ms", 1}, {"s", 1000}, {"m", 60 * 1000}, {"h", 60 * 60 * 1000}, {NULL, 0}};
static const struct suffix none[] = {{NULL, 0}};

static const struct suffix *suffixes(enum unit unit)
{
    if (unit == UNIT_BYTES)
        return bytes;
    return unit == UNIT_MILLISECONDS ? times : none;
}

const struct unit_row *unit_next(const struct unit_row *row)
{
    row = row ? row + 1 : rows;
    return row < rows + ROWS ? row : NULL;
}

const struct unit_row *unit_find(const char *message, const char *field)
{
    for (size_t i = 0; i < ROWS; i++)
        if (strcmp(rows[i].field, field) == 0 && strcmp(rows[i].message, message) == 0)
            return &rows[i];
    return NULL;
}

/* Says "'TEXT' " and the reason. */
static int refuse(char why[UNIT_WHY], const char *text, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int refuse(char why[UNIT_WHY], const char *text, const char *format, ...)
{
    char shown[UTF8_SHOWN];
    va_list args;
    int n;

    n = snprintf(why, UNIT_WHY, "'%s' ", utf8_shown(shown, text, strlen(text)));
    va_start(args, format);
    vsnprintf(why + n, UNIT_WHY - (size_t)n, format, args);
    va_end(args);
    return -EINVAL;
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99;
}

/* Reads digits of @base from *at on. Return: 0; -EINVAL none there; -ERANGE over 64 bits. */
static int read_digits(const char **at, unsigned base, uint64_t *ret)
{
    uint64_t value = 0;
    const char *start = *at;
    bool over = false;

    for (; digit_of(**at) < (int)base; ++*at)
        over |= __builtin_mul_overflow(value, base, &value) ||
                __builtin_add_overflow(value, (uint64_t)digit_of(**at), &value);
    if (*at == start)
        return -EINVAL;
    *ret = value;
    return over ? -ERANGE : 0;
}

static int read_octal(const char *text, uint64_t *ret, char why[UNIT_WHY])
{
    const char *at = text;
    int r = read_digits(&at, 8, ret);

    if (text[0] != '0' || r == -EINVAL || *at)
        return refuse(why, text, "must be octal and begin with 0, such as 0755");
    return r < 0 ? refuse(why, text, "is too large") : 0;
}

/* Whole numbers, and up to three decimals behind a point: nothing is rounded. */
static int read_thousandths(const char *text, uint64_t *ret, char why[UNIT_WHY])
{
    const char *at = text, *point;
    uint64_t value, part = 0;
    int r = read_digits(&at, 10, &value);

    point = at;
    if (r == -EINVAL || (*at == '.' && (++at, read_digits(&at, 10, &part)) == -EINVAL) || *at)
        return refuse(why, text, "is not a number such as 2 or 1.5");
    if (text[0] == '0' && digit_of(text[1]) < 10)
        return refuse(why, text, "must not begin with 0");
    if (at - point > 4)
        return refuse(why, text, "has more than three decimals");
    for (ptrdiff_t digits = at - point; digits > 1 && digits < 4; digits++)
        part *= 10;
    if (r == -ERANGE || __builtin_mul_overflow(value, 1000, &value) ||
        __builtin_add_overflow(value, part, &value))
        return refuse(why, text, "is too large");
    *ret = value;
    return 0;
}

static void write_thousandths(uint64_t value, char text[UNIT_TEXT])
{
    int n = snprintf(text, UNIT_TEXT, "%" PRIu64 ".%03u", value / 1000, (unsigned)(value % 1000));

    while (text[n - 1] == '0')
        text[--n] = '\0';
    if (text[n - 1] == '.')
        text[n - 1] = '\0';
}

static int apply_suffix(enum unit unit, const char *text, const char *suffix, uint64_t *ret,
                        char why[UNIT_WHY])
{
    if (*suffix == '\0' && unit == UNIT_MILLISECONDS)
        return refuse(why, text, "needs a unit, such as 10s");
    if (*suffix == '\0')
        return 0;
    for (const struct suffix *s = suffixes(unit); s->text; s++) {
        if (strcmp(s->text, suffix) != 0)
            continue;
        if (__builtin_mul_overflow(*ret, s->factor, ret))
            return refuse(why, text, "is too large");
        return 0;
    }
    if (unit == UNIT_BYTES)
        return refuse(why, text, "has an unknown unit, use K, M, G or T");
    if (unit == UNIT_MILLISECONDS)
        return refuse(why, text, "has an unknown unit, use ms, s, m or h");
    return refuse(why, text, "is not a whole number");
}

int unit_read(const struct unit_row *row, const char *text, uint64_t *ret, char why[UNIT_WHY])
{
    enum unit unit = row ? row->unit : UNIT_COUNT;
    const char *at = text;
    bool hex = text[0] == '0' && text[1] == 'x';
    uint64_t value;
    int r;

    if (row && row->unlimited && strcmp(text, "unlimited") == 0) {
        *ret = UINT64_MAX;
        return 0;
    }
    if (unit == UNIT_OCTAL)
        return read_octal(text, ret, why);
    if (text[0] == '-' && digit_of(text[1]) < 10)
        return refuse(why, text, "must not be negative");
    if (unit == UNIT_THOUSANDTHS)
        return read_thousandths(text, ret, why);
    if (hex)
        at += 2;
    r = read_digits(&at, hex ? 16 : 10, &value);
    if (r == -EINVAL)
        return refuse(why, text, "is not a whole number");
    if (!hex && text[0] == '0' && digit_of(text[1]) < 10)
        return refuse(why, text, "must not begin with 0");
    if (r == -ERANGE)
        return refuse(why, text, "is too large");
    r = apply_suffix(unit, text, at, &value, why);
    if (r == 0)
        *ret = value;
    return r;
}

int unit_read_signed(const char *text, int64_t *ret, char why[UNIT_WHY])
{
    bool negative = text[0] == '-';
    const char *at = text + negative;
    uint64_t value;
    int r = read_digits(&at, 10, &value);

    if (r == -EINVAL || *at)
        return refuse(why, text, "is not a whole number");
    if (text[negative] == '0' && text[negative + 1])
        return refuse(why, text, "must not begin with 0");
    if (r == -ERANGE || value > (uint64_t)INT64_MAX + negative)
        return refuse(why, text, "is too %s", negative ? "small" : "large");
    *ret = negative ? (int64_t)(0 - value) : (int64_t)value;
    return 0;
}

char *unit_write(const struct unit_row *row, uint64_t value, char text[UNIT_TEXT])
{
    enum unit unit = row ? row->unit : UNIT_COUNT;
    const char *suffix = unit == UNIT_MILLISECONDS ? (value ? "ms" : "s") : "";
    uint64_t factor = 1;

    if (row && row->unlimited && value == UINT64_MAX)
        snprintf(text, UNIT_TEXT, "unlimited");
    else if (unit == UNIT_OCTAL)
        snprintf(text, UNIT_TEXT, "0%03" PRIo64, value);
    else if (unit == UNIT_THOUSANDTHS)
        write_thousandths(value, text);
    else {
        for (const struct suffix *s = suffixes(unit); value && s->text; s++) {
            if (value % s->factor == 0) {
                suffix = s->text;
                factor = s->factor;
            }
        }
        snprintf(text, UNIT_TEXT, "%" PRIu64 "%s", value / factor, suffix);
    }
    return text;
}
