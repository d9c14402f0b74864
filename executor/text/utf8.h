/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UTF-8, read strictly: no overlong forms, no surrogates, nothing beyond U+10FFFF.
 *
 * Runs in: library, cli.
 * Owns: nothing.
 * See: RFC 3629.
 */
#ifndef TEXT_UTF8_H
#define TEXT_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Return: bytes of the character at @p and its number; 0 when there is no valid one. */
size_t utf8_next(const uint8_t *p, size_t len, uint32_t *ret_char);

/* Return: whether all of it is UTF-8 and free of NUL. */
bool utf8_text(const void *data, size_t len);

/* Appends with U+FFFD for each byte that is no UTF-8 and for NUL. Return: as buf_append(). */
int utf8_repair(struct buf *out, const void *data, size_t len);

/* Return: whether the character may not stand in a text as it is, only as an escape. A text with
 * one is refused, so the writers escape the same ones. Line feeds and tabs may stand. */
bool utf8_needs_escape(uint32_t c);

/* A cut copy that is safe to print: no control characters, at most 60 bytes. Return: @out. */
#define UTF8_SHOWN 64
char *utf8_shown(char out[UTF8_SHOWN], const char *text, size_t len);

/* Puts `?` for every control character and bad byte of a text, in place. Return: @text. */
char *utf8_tame(char *text);

#endif
