/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a text must be written in YAML so that it reads back as the same text, here and in other
 * programs' readers.
 *
 * Runs in: library, cli.
 */
#ifndef TEXT_QUOTE_H
#define TEXT_QUOTE_H

#include <stddef.h>

enum quote {
    QUOTE_NONE,    /* plain, unless libyaml sees a reason against it */
    QUOTE_SINGLE,  /* would read as another type */
    QUOTE_DOUBLE,  /* needs escapes */
    QUOTE_LITERAL, /* several lines */
};

/* @text: UTF-8 without NUL. */
enum quote quote_for(const char *text, size_t len);

#endif
