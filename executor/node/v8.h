/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages of Node's `advanced` serialization, as far as they have to be understood: where one
 * ends, and whether it is Node's own. What it says stays the bytes that V8 has made of it.
 *
 * A message is a length, u32 big-endian, and so many bytes: 0xFF, a version, a value. Node's own
 * messages are objects whose first property is `cmd`, a string that begins with NODE_.
 *
 * Runs in: library.
 * Source: asking Node 18 and 20
 */
#ifndef NODE_V8_H
#define NODE_V8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define V8_PREFIX 4 /* bytes of the length */

/* Return: the length that is told at @data, of which there are V8_PREFIX bytes. */
uint32_t v8_length(const uint8_t *data);
void v8_put_length(uint8_t *to, uint32_t len);

/* Return: whether it begins as a message has to. */
bool v8_check(const uint8_t *data, size_t len);

/* Return: whether it is Node's own, and of these the one that is called @cmd; NULL: any. */
bool v8_is_own(const uint8_t *data, size_t len, const char *cmd);

/* {cmd: @cmd}. Return: its bytes, at most @size; @cmd has less than 128. */
size_t v8_make(const char *cmd, uint8_t *to, size_t size);

#endif
