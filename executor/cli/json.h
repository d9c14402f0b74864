/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing JSON on lines.
 *
 * Runs in: cli.
 * Source: RFC 8259.
 */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <stddef.h>

#include "base/buf.h"

/* Appends a valid JSON text on one line: newlines, which can only stand between its parts, become
 * spaces. Return: as buf_append(). */
int json_one_line(struct buf *out, const char *text, size_t len);

/* Appends a quoted string; what is no UTF-8 becomes U+FFFD. Return: as buf_append(). */
int json_string(struct buf *out, const char *text);

#endif
