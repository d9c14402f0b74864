/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON as far as `crib fork` needs it: is this one JSON text, and writing a string. What
 * the text says is the programs' business.
 *
 * Runs in: cli.
 * Source: RFC 8259.
 */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

#define JSON_MAX_DEPTH 1024

/* Return: whether @text is one JSON text, in valid UTF-8, nested at most JSON_MAX_DEPTH deep. */
bool json_valid(const char *text, size_t len);

/* Appends a valid JSON text on one line: newlines, which can only stand between its parts, become
 * spaces. Return: as buf_append(). */
int json_one_line(struct buf *out, const char *text, size_t len);

/* Appends a quoted string; what is no UTF-8 becomes U+FFFD. Return: as buf_append(). */
int json_string(struct buf *out, const char *text);

#endif
