/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/json.h"

#include <stdint.h>
#include <string.h>

#include "text/utf8.h"

int json_one_line(struct buf *out, const char *text, size_t len)
{
    size_t start = out->len;
    int r = buf_append(out, text, len);

    for (size_t i = start; r == 0 && i < out->len; i++)
        if (out->data[i] == '\n' || out->data[i] == '\r')
            out->data[i] = ' ';
    return r;
}

int json_string(struct buf *out, const char *text)
{
    const uint8_t *at = (const uint8_t *)text, *end = at + strlen(text);
    int r = buf_text(out, "\"");

    while (at < end && r == 0) {
        uint32_t c = 0xfffd;
        size_t len = utf8_next(at, (size_t)(end - at), &c);

        if (len == 0)
            r = buf_text(out, "\\ufffd");
        else if (c == '"' || c == '\\')
            r = buf_printf(out, "\\%c", (int)c);
        else if (c < 0x20 || (c >= 0x7f && c < 0xa0))
            r = buf_printf(out, "\\u%04x", (unsigned)c);
        else
            r = buf_append(out, at, len);
        at += len ? len : 1;
    }
    return r < 0 ? r : buf_text(out, "\"");
}
