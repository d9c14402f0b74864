/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes of a task as a person can see them, and two texts side by side where they differ.
 *
 * Runs in: crib.
 * Owns: nothing.
 */
#ifndef HARNESS_SHOW_H
#define HARNESS_SHOW_H

#include "base/buf.h"

#define SHOW_LINE  120 /* columns of a line that is shown */
#define SHOW_LINES 3   /* lines of each side that are shown from the first difference on */

/**
 * show_text() - Append bytes with everything escaped that cannot be seen
 *
 * `\n`, `\t`, `\r`, `\\`; other control characters, what is no UTF-8 and what turns the direction
 * of writing as `\xNN`, byte by byte. The result is one line of printable UTF-8.
 *
 * Return: as buf_append()
 */
int show_text(struct buf *out, const void *data, size_t len);

/**
 * show_difference() - Append where two texts first differ, and the lines from there
 * @what:     what they are, `stdout`
 * @expected: borrows, as @got
 *
 *     stdout differs in line 2, column 7 (byte 12):
 *         first\n
 *       - second line\n
 *       + second l1ne\n
 *                 ^
 *
 * Return: as buf_append()
 */
int show_difference(struct buf *out, const char *what, const void *expected, size_t expected_len,
                    const void *got, size_t got_len);

/**
 * show_some() - Append the first lines of a text, each behind @margin
 * @most: lines
 *
 * Return: as buf_append()
 */
int show_some(struct buf *out, const char *margin, const void *data, size_t len, unsigned most);

#endif
