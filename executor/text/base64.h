/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Base64 with padding.
 *
 * Runs in: library, cli.
 * Owns: nothing.
 * See: RFC 4648, section 4.
 */
#ifndef TEXT_BASE64_H
#define TEXT_BASE64_H

#include "base/arena.h"
#include "base/buf.h"

/* Return: as buf_append(). */
int base64_write(struct buf *out, const void *data, size_t len);

/**
 * base64_read() - Decode, passing over blanks and line breaks
 * @ret: data in @arena
 *
 * Return: 0; -EINVAL not base64, or spare bits that are not zero; -ENOMEM
 */
int base64_read(const char *text, size_t len, struct arena *arena, ProtobufCBinaryData *ret);

#endif
