/* SPDX-License-Identifier: Apache-2.0 */
#include "text/text.h"

#include <stdio.h>
#include <string.h>

#define LONGEST 64 /* longer words are not compared */
#define EDITS   2

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Edits that make @a into @b: insert, delete, replace, swap of two neighbours. Keeps three rows of
 * the usual table. Both are at most LONGEST long. */
static size_t distance(const char *a, size_t la, const char *b, size_t lb)
{
    size_t rows[3][LONGEST + 1];

    for (size_t j = 0; j <= lb; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= la; i++) {
        size_t *row = rows[i % 3], *last = rows[(i - 1) % 3], *before = rows[(i + 1) % 3];

        row[0] = i;
        for (size_t j = 1; j <= lb; j++) {
            row[j] = least(least(last[j], row[j - 1]) + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], before[j - 2] + 1);
        }
    }
    return rows[la % 3][lb];
}

const char *text_nearest(const char *word, const char *const *words)
{
    size_t len = strlen(word), best = EDITS + 1;
    const char *found = NULL;

    if (len > LONGEST)
        return NULL;
    for (; *words; words++) {
        size_t other = strlen(*words), edits;

        if (other > LONGEST || other > len + EDITS || len > other + EDITS)
            continue;
        edits = distance(word, len, *words, other);
        /* half a word changed is another word: `no` is not a slip for `on` */
        if (edits < best && 2 * edits < (len > other ? len : other)) {
            best = edits;
            found = *words;
        }
    }
    return found;
}

const char *text_did_you_mean(char *text, size_t size, const char *word, const char *const *words)
{
    const char *near = text_nearest(word, words);

    text[0] = '\0';
    if (near)
        snprintf(text, size, ", did you mean '%s'?", near);
    return text;
}
