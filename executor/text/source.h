/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A text as a sequence of words, lists and mappings with their places: libyaml's events, less what
 * a policy may not hold.
 *
 * Theory of operation: the bytes are checked first (UTF-8, no control characters), so that a binary
 * file is named as such. Then libyaml's parser is drawn upon event by event; nothing is built, so
 * the reader decides how deep it goes. Refused here: aliases, anchors, tags but !!binary and !!str,
 * tag directives, a second document, tabs as indentation.
 *
 * Runs in: library, cli.
 * Owns: libyaml's parser and the current event.
 */
#ifndef TEXT_SOURCE_H
#define TEXT_SOURCE_H

#include <stdbool.h>
#include <yaml.h>

#include "base/arena.h"
#include "base/error.h"
#include "text/json.h"

enum source_kind {
    SOURCE_END,   /* of the text */
    SOURCE_WORD,  /* `text` is set */
    SOURCE_MAP,   /* then keys and values in turn, then SOURCE_CLOSE */
    SOURCE_LIST,  /* then entries, then SOURCE_CLOSE */
    SOURCE_CLOSE, /* of the innermost open mapping or list */
};

struct source {
    yaml_parser_t parser;
    yaml_event_t event;
    const char *name;
    const char *data; /* what libyaml reads */
    size_t len;
    bool json;
    struct json_text rewritten;
    unsigned tab_line; /* the line before this one has been looked at for tabs */
    size_t tab_at;     /* where that line begins */

    /* the current item, valid until the next source_next() */
    enum source_kind kind;
    const char *text; /* of a word, NUL-terminated */
    size_t text_len;
    bool plain;            /* without quotes or tag */
    bool binary;           /* under !!binary */
    unsigned line, column; /* where it begins, from 1 */
};

/**
 * source_open() - Begin to read a text
 * @name: borrows, as @data, until source_close()
 *
 * Return: 0; -E2BIG over TEXT_MAX_BYTES; -EINVAL no text; -ENOMEM. Then there is nothing to close.
 */
int source_open(struct source *source, const char *name, const void *data, size_t len,
                struct arena *arena, struct crib_error *err);

/* Go to the next item. Return: 0; -EINVAL; -ENOMEM. */
int source_next(struct source *source, struct crib_error *err);

void source_close(struct source *source);

/* Records a failure at a place. Return: @code. */
int source_fail_at(const char *name, unsigned line, unsigned column, int code,
                   struct crib_error *err, const char *format, ...)
    __attribute__((format(printf, 6, 7)));

/* The same at the current item, with -EINVAL. */
#define source_fail(source, err, ...)                                                              \
    source_fail_at((source)->name, (source)->line, (source)->column, -EINVAL, err, __VA_ARGS__)

#endif
