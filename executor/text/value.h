/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One word of a text <-> one element of a field.
 *
 * Runs in: library, cli.
 * Owns: nothing.
 */
#ifndef TEXT_VALUE_H
#define TEXT_VALUE_H

#include "base/arena.h"
#include "text/field.h"
#include "text/source.h"

#define VALUE_WHY 256 /* bytes for the reason of a refusal */

/**
 * value_read() - Read the current word of a source as one element of a field
 * @type:   the message that @field is of
 * @field:  not of a message type
 * @source: its current item is a word
 * @ret:    what it points to is in @arena
 * @why:    filled when refused, such as "unknown word 'of', did you mean 'off'?"
 *
 * Return: 0; -EINVAL; -ENOMEM
 */
int value_read(const ProtobufCMessageDescriptor *type, const ProtobufCFieldDescriptor *field,
               const struct source *source, struct arena *arena, union field_value *ret,
               char why[VALUE_WHY]);

/* Return: whether the current word leaves the field unset. */
bool value_is_null(const ProtobufCFieldDescriptor *field, const struct source *source);

#define VALUE_TEXT 32 /* bytes that hold any number */

/**
 * value_number() - The text of a number, bool or enum element
 * @type: the message that @field is of
 * @text: room for it
 * @json: sizes are plain
 * @ret_quote: set to whether JSON needs quotes around it
 *
 * Return: the text, at @text or static
 */
const char *value_number(const ProtobufCMessageDescriptor *type,
                         const ProtobufCFieldDescriptor *field, const void *item, bool json,
                         char text[VALUE_TEXT], bool *ret_quote);

#endif
