/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/utf8.h"

#include <stdint.h>

/* Return: how many bytes follow a first byte, and the lowest code point that needs so many; -1. */
static int follow(uint8_t first, uint32_t *ret_lowest, uint32_t *ret_bits)
{
    static const struct {
        uint8_t mask, mark;
        uint32_t lowest;
    } forms[] = {{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};

    for (int i = 0; i < 4; i++)
        if ((first & forms[i].mask) == forms[i].mark) {
            *ret_lowest = forms[i].lowest;
            *ret_bits = first & (uint8_t)~forms[i].mask;
            return i;
        }
    return -1;
}

bool utf8_valid(const char *text)
{
    const uint8_t *at = (const uint8_t *)text;

    while (*at) {
        uint32_t lowest = 0, point = 0;
        int more;

        if (*at < 0x80) { /* mostly */
            at++;
            continue;
        }
        more = follow(*at++, &lowest, &point);
        if (more < 0)
            return false;
        for (; more > 0; more--, at++) {
            if ((*at & 0xc0) != 0x80)
                return false;
            point = point << 6 | (*at & 0x3f);
        }
        if (point < lowest || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
            return false;
    }
    return true;
}
