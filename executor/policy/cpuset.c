/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/cpuset.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "text/utf8.h"

#define SHORTEST_MOST 128               /* bytes of a list that is told as the remedy */
#define LONGEST       (CPUSET_MOST * 5) /* bytes; each processor by itself */

static bool has(const struct cpuset *set, unsigned cpu)
{
    return cpu < CPUSET_MOST && set->bits[cpu / 64] >> cpu % 64 & 1;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Return: 0; -EINVAL no number; -ERANGE more than there can be. */
static int read_number(const char **at, unsigned *ret)
{
    const char *start = *at;

    *ret = 0;
    for (; is_digit(**at); ++*at)
        if (*ret < CPUSET_MOST)
            *ret = *ret * 10 + (unsigned)(**at - '0');
    if (*at == start || (*start == '0' && *at - start > 1))
        return -EINVAL;
    return *ret < CPUSET_MOST ? 0 : -ERANGE;
}

/* One number or range. */
static int read_range(const char **at, unsigned *ret_first, unsigned *ret_last)
{
    int r = read_number(at, ret_first);

    *ret_last = *ret_first;
    if (r < 0 || **at != '-')
        return r;
    ++*at;
    r = read_number(at, ret_last);
    return r == 0 && *ret_last < *ret_first ? -EINVAL : r;
}

/* Appends the range that begins with @first to what is at @text. Return: its end + 1. */
static unsigned write_range(const struct cpuset *set, unsigned first, char *text, size_t size,
                            size_t *len)
{
    unsigned end = first;

    while (has(set, end))
        end++;
    if (*len < size)
        *len += (size_t)snprintf(text + *len, size - *len, "%s%u", *len ? "," : "", first);
    if (end > first + 1 && *len < size)
        *len += (size_t)snprintf(text + *len, size - *len, "-%u", end - 1);
    return end;
}

/* Return: the length that it has, or would have with more room. */
static size_t write_list(const struct cpuset *set, char *text, size_t size)
{
    size_t len = 0;

    text[0] = '\0';
    for (unsigned cpu = 0; cpu < CPUSET_MOST; cpu++)
        if (has(set, cpu))
            cpu = write_range(set, cpu, text, size, &len);
    return len;
}

static int refuse_order(const struct cpuset *set, const char *shown, char why[CPUSET_WHY])
{
    char list[SHORTEST_MOST];
    bool told = write_list(set, list, sizeof(list)) < sizeof(list);

    snprintf(why, CPUSET_WHY, "'%s' is not in order, or names a processor twice%s%s", shown,
             told ? ": write " : "", told ? list : "");
    return -EINVAL;
}

int cpuset_read(const char *text, struct cpuset *ret, char why[CPUSET_WHY])
{
    struct cpuset set = {{0}};
    char shown[UTF8_SHOWN];
    unsigned first = 0, last = 0, next = 0;
    bool ordered = true;
    const char *at = text;
    int r;

    utf8_shown(shown, text, strlen(text));
    do {
        r = at - text > LONGEST ? -EINVAL : read_range(&at, &first, &last);
        ordered = ordered && first >= next;
        next = last + 1;
        for (unsigned cpu = first; r == 0 && cpu <= last; cpu++)
            set.bits[cpu / 64] |= 1ull << cpu % 64;
    } while (r == 0 && *at == ',' && *++at);
    if (r == -ERANGE)
        snprintf(why, CPUSET_WHY, "'%s' names a processor over %d", shown, CPUSET_MOST - 1);
    else if (r < 0 || *at || at[-1] == ',')
        snprintf(why, CPUSET_WHY, "'%s' is not a list of processors such as 0-3,6", shown);
    else if (!ordered)
        return refuse_order(&set, shown, why);
    else {
        *ret = set;
        return 0;
    }
    return -EINVAL;
}

const char *cpuset_text(const struct cpuset *set, struct arena *arena)
{
    char short_list[SHORTEST_MOST], *list;
    size_t len = write_list(set, short_list, sizeof(short_list));

    if (len < sizeof(short_list))
        return arena_text(arena, short_list);
    list = arena_alloc(arena, CPUSET_MOST * 4); /* every other of them */
    if (list)
        write_list(set, list, CPUSET_MOST * 4);
    return list;
}

int cpuset_beyond(const struct cpuset *set, const struct cpuset *of)
{
    for (unsigned i = 0; i < CPUSET_MOST / 64; i++)
        if (set->bits[i] & ~of->bits[i])
            return (int)(i * 64) + __builtin_ctzll(set->bits[i] & ~of->bits[i]);
    return -1;
}

bool cpuset_cut(struct cpuset *set, const struct cpuset *of)
{
    uint64_t left = 0;

    for (unsigned i = 0; i < CPUSET_MOST / 64; i++)
        left |= set->bits[i] &= of->bits[i];
    return left;
}
