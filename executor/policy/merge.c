/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/merge.h"

#include <errno.h>

#include "text/field.h"

/* The message that field @field of @msg holds, made when there is none. */
static ProtobufCMessage *inner(ProtobufCMessage *msg, const ProtobufCFieldDescriptor *field,
                               struct arena *arena)
{
    const ProtobufCMessageDescriptor *type = field->descriptor;
    union field_value value;

    if (field_count(msg, field))
        return *(ProtobufCMessage *const *)field_item(msg, field, 0);
    value.message = arena_alloc(arena, type->sizeof_message);
    if (!value.message)
        return NULL;
    protobuf_c_message_init(type, value.message);
    return field_add(msg, field, arena, &value) < 0 ? NULL : value.message;
}

static int merge_field(ProtobufCMessage *onto, const ProtobufCMessage *over,
                       const ProtobufCFieldDescriptor *field, struct arena *arena)
{
    if (field_kind(field) == FIELD_MESSAGE && field->label != PROTOBUF_C_LABEL_REPEATED) {
        ProtobufCMessage *message = inner(onto, field, arena);

        return message ? merge_message(
                             message, *(ProtobufCMessage *const *)field_item(over, field, 0), arena)
                       : -ENOMEM;
    }
    for (size_t i = 0; i < field_count(over, field); i++)
        if (field_add(onto, field, arena, field_item(over, field, i)) < 0)
            return -ENOMEM;
    return 0;
}

int merge_message(ProtobufCMessage *onto, const ProtobufCMessage *over, struct arena *arena)
{
    for (unsigned i = 0; i < over->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &over->descriptor->fields[i];
        int r = field_count(over, field) ? merge_field(onto, over, field, arena) : 0;

        if (r < 0)
            return r;
    }
    return 0;
}
