/* SPDX-License-Identifier: Apache-2.0 */
#include "supervise/collect.h"

#include <stdlib.h>
#include <string.h>

bool collect_add(struct collect *collect, const void *data, size_t len)
{
    size_t room = collect->max - collect->kept.len;
    bool over = len > room;

    if (collect->full)
        return false;
    if (buf_append(&collect->kept, data, over ? room : len) < 0)
        over = true;
    collect->full = over;
    return over;
}

const char *collect_text(struct collect *collect, size_t *ret_len)
{
    uint8_t *end = buf_reserve(&collect->kept, 1);

    *ret_len = 0;
    if (!end)
        return "";
    *end = '\0';
    *ret_len = collect->kept.len;
    return (const char *)collect->kept.data;
}

char *collect_take(struct collect *collect, size_t *ret_len)
{
    char *text = malloc(collect->kept.len + 1);

    if (!text)
        return NULL;
    if (collect->kept.len)
        memcpy(text, collect->kept.data, collect->kept.len);
    text[collect->kept.len] = '\0';
    *ret_len = collect->kept.len;
    return text;
}

void collect_done(struct collect *collect)
{
    buf_done(&collect->kept);
}
