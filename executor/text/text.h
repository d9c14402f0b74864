/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML and JSON text <-> any protobuf message, by its descriptor (floating point and oneof aside:
 * no schema has them). No schema is known here but the units of text/units.def.
 *
 * Runs in: library, cli.
 * Owns: nothing; messages live in the caller's arena.
 * See: yaml(7) 1.1 as libyaml reads it; RFC 8259.
 */
#ifndef TEXT_TEXT_H
#define TEXT_TEXT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

#define TEXT_MAX_BYTES (1024 * 1024) /* a text larger than this is refused */
#define TEXT_MAX_DEPTH 16            /* nesting of mappings and sequences */

/* Where each field stood in the text, for errors found later. Lives in the reader's arena. */
struct text_marks {
    struct text_mark *list; /* in the order of the text */
    size_t count;
};

struct text_mark {
    const char *path;      /* `syscalls.allow[3]`, `mounts[2].target`; `` is the whole text */
    unsigned line, column; /* from 1 */
};

/**
 * text_read() - Read one message from YAML or JSON
 * @type:  what to read
 * @name:  borrows; the file's name, for errors
 * @data:  borrows; need not end in NUL
 * @marks: filled; may be NULL
 * @ret:   set to a message in @arena
 * @err:   subject "name:line:column", detail "unknown key 'limits.memroy', did you mean 'memory'?"
 *
 * Refused, each with its place: unknown and duplicate keys, aliases, anchors and tags (but !!binary
 * and !!str), tabs used as indentation, more than one document, depth over TEXT_MAX_DEPTH, values
 * of the wrong type or range, unknown enum words and units, NUL bytes, control characters that YAML
 * forbids. An empty text is the empty message. Bytes fields take text, or base64 under !!binary
 * (JSON: {"base64": "…"}). `null` leaves a field unset, unless it is a word of the field's enum.
 * A text that begins with `{`, or whose name ends in .json, may have what only JSON allows: tabs
 * between tokens, and surrogate pairs as escapes.
 *
 * Return: 0; -EINVAL; -E2BIG; -ENOMEM
 */
int text_read(const ProtobufCMessageDescriptor *type, const char *name, const void *data,
              size_t len, struct arena *arena, struct text_marks *marks, ProtobufCMessage **ret,
              struct crib_error *err);

/* Return: the mark of @path or of its nearest parent that has one; NULL when there is none. */
const struct text_mark *text_mark_find(const struct text_marks *marks, const char *path);

/* Appends the message as a YAML document, fields in the order of the schema, unset ones left out.
 * A string field that is no UTF-8 gets U+FFFD for its bad bytes. Return: 0; -E2BIG; -ENOMEM. */
int text_write_yaml(const ProtobufCMessage *msg, struct buf *out);

/* Appends the message as one line of JSON without a newline; bytes that are no UTF-8 as base64,
 * sizes as plain bytes, times and modes as text with their unit. Return: as above. */
int text_write_json(const ProtobufCMessage *msg, struct buf *out);

/* Return: the word nearest to @word within two edits, NULL when none is; @words ends in NULL. */
const char *text_nearest(const char *word, const char *const *words);

/* Fills @text with ", did you mean 'x'?" or, where nothing is near, with nothing. Return: @text. */
const char *text_did_you_mean(char *text, size_t size, const char *word, const char *const *words);

/**
 * text_unknown() - Refuse what an older crib would silently drop
 *
 * Looks at every depth for unknown fields, for enum values that the schema does not name, and for
 * string fields that are no UTF-8.
 *
 * Return: 0; -EPROTO with "field number N of Message is unknown to this crib" in @err
 */
int text_unknown(const ProtobufCMessage *msg, struct crib_error *err);

#endif
