/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/encoding.h"

#include <string.h>

/* What stands before a field: its number in channel.proto, and how it is written. */
#define TAG_KIND    0x08
#define TAG_TYPE    0x12
#define TAG_PAYLOAD 0x1a
#define TAG_FDS     0x20

/* --- numbers, seven bits a byte --- */

static size_t number_size(size_t number)
{
    size_t size = 1;

    for (; number >= 0x80; number >>= 7)
        size++;
    return size;
}

static uint8_t *put_number(uint8_t *to, size_t number)
{
    for (; number >= 0x80; number >>= 7)
        *to++ = (uint8_t)(number | 0x80);
    *to++ = (uint8_t)number;
    return to;
}

/* Return: behind it; NULL it is cut off, not the shortest, or has more than 32 bits. */
static const uint8_t *get_number(const uint8_t *at, const uint8_t *end, uint32_t *ret)
{
    uint64_t number = 0;

    for (unsigned shift = 0; at < end && shift < 35; shift += 7) {
        uint8_t byte = *at++;

        number |= (uint64_t)(byte & 0x7f) << shift;
        if (byte & 0x80)
            continue;
        *ret = (uint32_t)number;
        return number > UINT32_MAX || (byte == 0 && shift > 0) ? NULL : at;
    }
    return NULL;
}

/* --- frames --- */

size_t encoding_size(const struct encoding *encoding)
{
    size_t size = 0;

    if (encoding->kind)
        size += 1 + number_size(encoding->kind);
    if (encoding->type)
        size += 1 + number_size(encoding->type_len) + encoding->type_len;
    if (encoding->payload)
        size += 1 + number_size(encoding->len) + encoding->len;
    if (encoding->fds)
        size += 1 + number_size(encoding->fds);
    return size;
}

static uint8_t *put_bytes(uint8_t *to, uint8_t tag, const void *data, size_t len)
{
    *to++ = tag;
    to = put_number(to, len);
    if (len > 0)
        memcpy(to, data, len);
    return to + len;
}

void encoding_put(const struct encoding *encoding, uint8_t *to)
{
    if (encoding->kind) {
        *to++ = TAG_KIND;
        to = put_number(to, encoding->kind);
    }
    if (encoding->type)
        to = put_bytes(to, TAG_TYPE, encoding->type, encoding->type_len);
    if (encoding->payload)
        to = put_bytes(to, TAG_PAYLOAD, encoding->payload, encoding->len);
    if (encoding->fds) {
        *to++ = TAG_FDS;
        put_number(to, encoding->fds);
    }
}

/* Takes the value of one field, at @at. Return: behind it; NULL it is none. */
static const uint8_t *get_field(uint8_t tag, const uint8_t *at, const uint8_t *end,
                                struct encoding *ret)
{
    uint32_t number;

    at = get_number(at, end, &number);
    if (!at)
        return NULL;
    if (tag == TAG_KIND)
        ret->kind = number;
    else if (tag == TAG_FDS)
        ret->fds = number;
    if (tag == TAG_KIND || tag == TAG_FDS)
        return at;
    if (number > (size_t)(end - at))
        return NULL;
    if (tag == TAG_TYPE) {
        ret->type = (const char *)at;
        ret->type_len = number;
    } else {
        ret->payload = at;
        ret->len = number;
    }
    return at + number;
}

/* Whether a frame of this kind may have what it has. */
static const char *objection(const struct encoding *encoding, unsigned seen)
{
    const unsigned kind = 1u << (TAG_KIND >> 3);

    if (!(seen & kind))
        return encoding->type ? NULL : "a message without a type";
    if (encoding->kind == ENCODING_DISCONNECT)
        return seen == kind ? NULL : "a disconnect with contents";
    if (encoding->kind != ENCODING_MESSAGE)
        return "a frame of an unknown kind";
    return encoding->type ? NULL : "a message without a type";
}

const char *encoding_get(const uint8_t *data, size_t len, struct encoding *ret)
{
    const uint8_t *at = data, *end = data + len;
    unsigned seen = 0;

    *ret = (struct encoding){0};
    while (at < end) {
        uint8_t tag = *at++;

        if (tag != TAG_KIND && tag != TAG_TYPE && tag != TAG_PAYLOAD && tag != TAG_FDS)
            return "a frame with an unknown field";
        if (seen & 1u << (tag >> 3))
            return "a frame that is not packed the plain way";
        seen |= 1u << (tag >> 3);
        at = get_field(tag, at, end, ret);
        if (!at)
            return "bytes that are no frame";
    }
    return objection(ret, seen);
}
