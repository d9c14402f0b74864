/* SPDX-License-Identifier: Apache-2.0 */
#include "node/v8.h"

#include <arpa/inet.h>
#include <string.h>

#define VERSION    0xff
#define WRITTEN    15 /* the version that Node 18 and later write */
#define OBJECT     'o'
#define STRING     '"' /* of one byte for each character; behind it a length, below 128 one byte */
#define OBJECT_END '{'

/* In front of the value of `cmd`. */
static const uint8_t begin[] = {OBJECT, STRING, 3, 'c', 'm', 'd', STRING};

uint32_t v8_length(const uint8_t *data)
{
    uint32_t len;

    memcpy(&len, data, sizeof(len));
    return ntohl(len);
}

void v8_put_length(uint8_t *to, uint32_t len)
{
    uint32_t big = htonl(len);

    memcpy(to, &big, sizeof(big));
}

bool v8_check(const uint8_t *data, size_t len)
{
    return len > 2 && data[0] == VERSION && data[1] < 0x80;
}

bool v8_is_own(const uint8_t *data, size_t len, const char *cmd)
{
    const uint8_t *at = data + 2 + sizeof(begin), *end = data + len;
    size_t text;

    if (len < 2 + sizeof(begin) + 2 || memcmp(data + 2, begin, sizeof(begin)) != 0)
        return false;
    text = *at & 0x7f;
    if (*at++ & 0x80) /* a second byte of the length; more than any that is known */
        text |= (size_t)(*at++ & 0x7f) << 7;
    if (text <= 5 || text > (size_t)(end - at) || memcmp(at, "NODE_", 5) != 0)
        return false;
    return !cmd || (text == strlen(cmd) && memcmp(at, cmd, text) == 0);
}

size_t v8_make(const char *cmd, uint8_t *to, size_t size)
{
    size_t text = strlen(cmd), len = 2 + sizeof(begin) + 1 + text + 2;
    uint8_t *at = to;

    if (len > size || text > 127)
        return 0;
    *at++ = VERSION;
    *at++ = WRITTEN;
    memcpy(at, begin, sizeof(begin));
    at += sizeof(begin);
    *at++ = (uint8_t)text;
    memcpy(at, cmd, text);
    at += text;
    *at++ = OBJECT_END;
    *at = 1; /* property */
    return len;
}
