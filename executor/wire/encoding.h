/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Frame of channel.proto as bytes and back, without memory of its own: the one message that is
 * there for each message of a program. What is written is what protobuf-c would write, byte for
 * byte, and nothing else is read but fields in another order.
 *
 * Runs in: library, daemon, task.
 */
#ifndef WIRE_ENCODING_H
#define WIRE_ENCODING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ENCODING_MESSAGE = 1, ENCODING_DISCONNECT = 2 };

/* A field that is not there is NULL or 0. */
struct encoding {
    uint32_t kind;
    const char *type; /* no NUL behind it */
    size_t type_len;
    const uint8_t *payload;
    size_t len;
    uint32_t fds;
};

/* Return: bytes of it. */
size_t encoding_size(const struct encoding *encoding);

/* @to: so many bytes. */
void encoding_put(const struct encoding *encoding, uint8_t *to);

/**
 * encoding_get() - Read one
 * @ret: borrows of @data; a field that is there and empty is not NULL
 *
 * Return: NULL; why these bytes are none
 */
const char *encoding_get(const uint8_t *data, size_t len, struct encoding *ret);

#endif
