/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/vars_text.h"

#include <errno.h>
#include <string.h>

#include "policy/vars.h"

struct vars_text vars_text(const ProtobufCBinaryData *text)
{
    const uint8_t *at = text->len ? text->data : NULL;

    return (struct vars_text){at, at ? at + text->len : NULL};
}

/* Return: the first `${`; NULL. */
static const uint8_t *find(const uint8_t *at, const uint8_t *end)
{
    return at < end ? memmem(at, (size_t)(end - at), "${", 2) : NULL;
}

bool vars_in(const ProtobufCBinaryData *text)
{
    struct vars_text in = vars_text(text);

    return find(in.at, in.end);
}

static bool is_name_letter(uint8_t c, bool first)
{
    return (c >= 'A' && c <= 'Z') || (!first && ((c >= '0' && c <= '9') || c == '_'));
}

bool vars_name_valid(const char *name, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!is_name_letter((uint8_t)name[i], i == 0))
            return false;
    return len > 0 && len <= VARS_NAME_LONGEST;
}

/* @at is behind a `${`. */
static int take_name(struct vars_text *text, const uint8_t *at, struct vars_part *ret)
{
    const uint8_t *end = at;

    while (end < text->end && is_name_letter(*end, end == at))
        end++;
    if (end == text->end || *end != '}' || !vars_name_valid((const char *)at, (size_t)(end - at)))
        return -EINVAL;
    *ret = (struct vars_part){at, (size_t)(end - at), true};
    text->at = end + 1;
    return 1;
}

int vars_next(struct vars_text *text, struct vars_part *ret)
{
    const uint8_t *open, *run;
    size_t dollars;

    if (text->at == text->end)
        return 0;
    open = find(text->at, text->end);
    for (run = open; run && run > text->at && run[-1] == '$';)
        run--;
    if (run != text->at) {
        *ret = (struct vars_part){text->at, (size_t)((run ? run : text->end) - text->at), false};
        text->at = run ? run : text->end;
        return 1;
    }
    dollars = (size_t)(open - run) + 1;
    if (dollars == 1)
        return take_name(text, open + 2 /* ${ */, ret);
    *ret = (struct vars_part){run, dollars / 2, false};
    text->at = run + dollars / 2 * 2;
    return 1;
}
