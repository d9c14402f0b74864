/* SPDX-License-Identifier: Apache-2.0 */
#include "text/text.h"

#include <string.h>

static const struct text_mark *find(const struct text_marks *marks, const char *path, size_t len)
{
    for (size_t i = 0; i < marks->count; i++) {
        const char *known = marks->list[i].path;

        if (strncmp(known, path, len) == 0 && known[len] == '\0')
            return &marks->list[i];
    }
    return NULL;
}

const struct text_mark *text_mark_find(const struct text_marks *marks, const char *path)
{
    size_t len = strlen(path);

    for (;;) {
        const struct text_mark *mark = find(marks, path, len);

        if (mark || len == 0)
            return mark;
        do /* `a.b[3]` -> `a.b` -> `a` -> `` */
            len--;
        while (len > 0 && path[len] != '.' && path[len] != '[');
    }
}
