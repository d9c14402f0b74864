/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What JSON allows and libyaml does not: tabs between tokens, and characters written as two
 * surrogate escapes. Both are rewritten before libyaml sees the text.
 *
 * Theory of operation: a tab outside of strings becomes a space, which moves nothing. A pair of
 * escapes (12 characters) becomes one `\U` escape (10 characters); where that happened is kept, so
 * that places can be told as they were in the original.
 *
 * Runs in: library, cli.
 * See: RFC 8259, sections 2 and 7.
 */
#ifndef TEXT_JSON_H
#define TEXT_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

struct json_shift {
    unsigned line, column; /* from 0, in the rewritten text: from here on, this line has lost … */
    unsigned lost;         /* … so many characters */
};

struct json_text {
    char *data;
    size_t len;
    struct json_shift *shifts; /* in the order of the text */
    size_t count;
};

/* Return: whether a text of this name and beginning is meant as JSON. */
bool json_likely(const char *name, const char *data, size_t len);

/**
 * json_rewrite() - Make a JSON text fit for libyaml
 * @data: borrows; checked UTF-8
 * @ret:  the text in @arena; where it stops being JSON, the rest is left as it is
 *
 * Return: 0; -ENOMEM
 */
int json_rewrite(const char *data, size_t len, struct arena *arena, struct json_text *ret);

/* Return: the column of the original for one of the rewritten text, both from 0. */
unsigned json_column(const struct json_text *json, unsigned line, unsigned column);

#endif
