/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does a text say what a case expects of it?
 *
 * Runs in: crib.
 * Owns: nothing.
 */
#ifndef HARNESS_MATCH_H
#define HARNESS_MATCH_H

#include <stdbool.h>

#include "base/buf.h"
#include "harness.pb-c.h"

#define MATCH_LONGEST 1024 /* bytes of a regular expression */
#define MATCH_REPEATS 1000 /* how often its counted repetitions may repeat in all */
#define MATCH_WHY     128  /* bytes that hold why one is refused */

/**
 * match_check() - Can this regular expression be used?
 * @why: filled when not
 *
 * Refused besides what regcomp() refuses: back references, whose time grows beyond measure, and
 * repetitions that come to more than MATCH_REPEATS.
 *
 * Return: 0; -EINVAL
 */
int match_check(const char *regex, char why[MATCH_WHY]);

/* Return: whether some part of the text matches; ^ and $ are the ends of a line. */
bool match_regex(const char *regex, const void *data, size_t len);

/**
 * match_text() - Hold a text against what is expected, and tell what is wrong
 * @what:   what it is, `stdout`
 * @wanted: borrows; `file` has become `exact`; NULL: whatever
 * @why:    lines are appended
 *
 * Return: 0 it is as expected; 1 it is not; negative errno
 */
int match_text(const char *what, const Crib__Case__Text *wanted, const void *data, size_t len,
               struct buf *why);

/* Return: whether @text is as the glob says; NULL is any. */
bool match_glob(const char *glob, const char *text);

#endif
