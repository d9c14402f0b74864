/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fields of any protobuf message, read and set through its descriptor.
 *
 * Runs in: library, cli.
 * Owns: nothing; what is added stays where it is.
 */
#ifndef TEXT_FIELD_H
#define TEXT_FIELD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

/* One element of a field, as protobuf-c lays it out. */
union field_value {
    int32_t int32;
    uint32_t uint32;
    int64_t int64;
    uint64_t uint64;
    protobuf_c_boolean boolean;
    int word; /* of an enum */
    char *string;
    ProtobufCBinaryData bytes;
    ProtobufCMessage *message;
};

/* What the codec has to know of a type. */
enum field_kind {
    FIELD_INT32,
    FIELD_UINT32,
    FIELD_INT64,
    FIELD_UINT64,
    FIELD_BOOL,
    FIELD_WORD,
    FIELD_STRING,
    FIELD_BYTES,
    FIELD_MESSAGE,
    FIELD_FLOAT, /* not supported: no schema has one, and a test says so */
};

enum field_kind field_kind(const ProtobufCFieldDescriptor *field);

/* Return: bytes of one element. */
size_t field_size(const ProtobufCFieldDescriptor *field);

/* Return: how many elements are set: 0 or 1, or the length of a repeated field. */
size_t field_count(const ProtobufCMessage *msg, const ProtobufCFieldDescriptor *field);

/* Return: the element at @index, which is below field_count(). */
const void *field_item(const ProtobufCMessage *msg, const ProtobufCFieldDescriptor *field,
                       size_t index);

/**
 * field_add() - Set a field, or append to a repeated one
 * @value: borrows; what it points to is kept
 *
 * A repeated field must have been filled by field_add() or arena_push() alone.
 *
 * Return: 0; -ENOMEM
 */
int field_add(ProtobufCMessage *msg, const ProtobufCFieldDescriptor *field, struct arena *arena,
              const union field_value *value);

#endif
