/* SPDX-License-Identifier: Apache-2.0 */
#include "text/field.h"

#include <string.h>

enum field_kind field_kind(const ProtobufCFieldDescriptor *field)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        return FIELD_INT32;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        return FIELD_UINT32;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        return FIELD_INT64;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        return FIELD_UINT64;
    case PROTOBUF_C_TYPE_BOOL:
        return FIELD_BOOL;
    case PROTOBUF_C_TYPE_ENUM:
        return FIELD_WORD;
    case PROTOBUF_C_TYPE_STRING:
        return FIELD_STRING;
    case PROTOBUF_C_TYPE_BYTES:
        return FIELD_BYTES;
    case PROTOBUF_C_TYPE_MESSAGE:
        return FIELD_MESSAGE;
    default:
        return FIELD_FLOAT;
    }
}

size_t field_size(const ProtobufCFieldDescriptor *field)
{
    static const size_t sizes[] = {
        [FIELD_INT32] = sizeof(int32_t),
        [FIELD_UINT32] = sizeof(uint32_t),
        [FIELD_INT64] = sizeof(int64_t),
        [FIELD_UINT64] = sizeof(uint64_t),
        [FIELD_BOOL] = sizeof(protobuf_c_boolean),
        [FIELD_WORD] = sizeof(int),
        [FIELD_STRING] = sizeof(char *),
        [FIELD_BYTES] = sizeof(ProtobufCBinaryData),
        [FIELD_MESSAGE] = sizeof(ProtobufCMessage *),
        [FIELD_FLOAT] = 0,
    };

    return sizes[field_kind(field)];
}

static const void *member(const ProtobufCMessage *msg, size_t offset)
{
    return (const char *)msg + offset;
}

/* proto3: a field without presence counts as set when it is not zero or empty. */
static bool is_not_zero(const void *at, const ProtobufCFieldDescriptor *field)
{
    static const char zero[sizeof(ProtobufCBinaryData)];

    if (field_kind(field) == FIELD_BYTES)
        return ((const ProtobufCBinaryData *)at)->len > 0;
    return memcmp(at, zero, field_size(field)) != 0;
}

size_t field_count(const ProtobufCMessage *msg, const ProtobufCFieldDescriptor *field)
{
    const void *at = member(msg, field->offset);
    enum field_kind kind = field_kind(field);

    if (field->label == PROTOBUF_C_LABEL_REPEATED)
        return *(const size_t *)member(msg, field->quantifier_offset);
    if (kind == FIELD_STRING) {
        const char *text = *(char *const *)at;

        return text && (text[0] || field->label != PROTOBUF_C_LABEL_NONE) ? 1 : 0;
    }
    if (kind == FIELD_MESSAGE)
        return *(ProtobufCMessage *const *)at ? 1 : 0;
    if (field->label == PROTOBUF_C_LABEL_REQUIRED)
        return 1;
    if (field->label == PROTOBUF_C_LABEL_NONE)
        return is_not_zero(at, field);
    return *(const protobuf_c_boolean *)member(msg, field->quantifier_offset) ? 1 : 0;
}

const void *field_item(const ProtobufCMessage *msg, const ProtobufCFieldDescriptor *field,
                       size_t index)
{
    const void *at = member(msg, field->offset);

    if (field->label != PROTOBUF_C_LABEL_REPEATED)
        return at;
    return *(const char *const *)at + index * field_size(field);
}

int field_add(ProtobufCMessage *msg, const ProtobufCFieldDescriptor *field, struct arena *arena,
              const union field_value *value)
{
    char *at = (char *)msg + field->offset, *quantifier = (char *)msg + field->quantifier_offset;
    enum field_kind kind = field_kind(field);

    if (field->label == PROTOBUF_C_LABEL_REPEATED)
        return arena_push_value(arena, at, (size_t *)quantifier, value, field_size(field));
    memcpy(at, value, field_size(field));
    if (field->label == PROTOBUF_C_LABEL_OPTIONAL && kind != FIELD_STRING && kind != FIELD_MESSAGE)
        *(protobuf_c_boolean *)quantifier = 1;
    return 0;
}
