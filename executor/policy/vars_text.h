/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A text in which variables may stand, part by part.
 *
 * Runs in: library.
 * Owns: nothing.
 */
#ifndef POLICY_VARS_TEXT_H
#define POLICY_VARS_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <protobuf-c/protobuf-c.h>

struct vars_text {
    const uint8_t *at, *end;
};

struct vars_part {
    const uint8_t *text; /* borrowed from the text */
    size_t len;
    bool name; /* of a variable; otherwise to be taken as it is */
};

struct vars_text vars_text(const ProtobufCBinaryData *text);

/* Return: 1: @ret is the next part; 0: there is none; -EINVAL: a `${` that no name follows. */
int vars_next(struct vars_text *text, struct vars_part *ret);

/* Return: whether it is [A-Z][A-Z0-9_]*, and not too long. */
bool vars_name_valid(const char *name, size_t len);

#endif
