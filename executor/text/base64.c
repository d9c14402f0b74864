/* SPDX-License-Identifier: Apache-2.0 */
#include "text/base64.h"

#include <errno.h>
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int base64_write(struct buf *out, const void *data, size_t len)
{
    const uint8_t *p = data;

    for (size_t i = 0; i < len; i += 3) {
        size_t n = len - i < 3 ? len - i : 3;
        uint32_t bits = (uint32_t)p[i] << 16 | (n > 1 ? (uint32_t)p[i + 1] << 8 : 0) |
                        (n > 2 ? (uint32_t)p[i + 2] : 0);
        char four[4] = {digits[bits >> 18], digits[bits >> 12 & 63],
                        n > 1 ? digits[bits >> 6 & 63] : '=', n > 2 ? digits[bits & 63] : '='};
        int r = buf_append(out, four, sizeof(four));

        if (r < 0)
            return r;
    }
    return 0;
}

/* Takes the next digit that is no blank. Return: its value; 64 for padding; -1 end; -2 bad. */
static int next_digit(const char *text, size_t len, size_t *at)
{
    while (*at < len && strchr(" \t\r\n", text[*at]) && text[*at])
        ++*at;
    if (*at == len)
        return -1;
    for (int i = 0; i < 64; i++) {
        if (digits[i] == text[*at]) {
            ++*at;
            return i;
        }
    }
    return text[(*at)++] == '=' ? 64 : -2;
}

/* Reads one group of four. Return: bytes at @out, 0 at the end; -EINVAL. */
static int next_group(const char *text, size_t len, size_t *at, uint8_t out[3])
{
    uint32_t bits = 0;
    int pads = 0;

    for (int i = 0; i < 4; i++) {
        int digit = next_digit(text, len, at);

        if (digit == -1 && i == 0)
            return 0;
        if (digit < 0 || (digit == 64 && i < 2) || (digit < 64 && pads))
            return -EINVAL;
        pads += digit == 64;
        bits = bits << 6 | (digit == 64 ? 0 : (uint32_t)digit);
    }
    if ((pads == 1 && bits & 0xff) || (pads == 2 && bits & 0xffff))
        return -EINVAL;
    out[0] = (uint8_t)(bits >> 16);
    out[1] = (uint8_t)(bits >> 8);
    out[2] = (uint8_t)bits;
    return 3 - pads;
}

int base64_read(const char *text, size_t len, struct arena *arena, ProtobufCBinaryData *ret)
{
    uint8_t *data = arena_alloc(arena, len / 4 * 3 + 4), group[3];
    size_t used = 0, at = 0;
    int n;

    if (!data)
        return -ENOMEM;
    while ((n = next_group(text, len, &at, group)) > 0) {
        memcpy(data + used, group, (size_t)n);
        used += (size_t)n;
        if (n < 3) { /* padding ends it */
            n = next_digit(text, len, &at) == -1 ? 0 : -EINVAL;
            break;
        }
    }
    if (n < 0)
        return n;
    *ret = (ProtobufCBinaryData){.len = used, .data = data};
    return 0;
}
