/* SPDX-License-Identifier: Apache-2.0 */
#include "text/text.h"

#include <errno.h>
#include <string.h>

#include "text/field.h"
#include "text/utf8.h"

static int unknown_in(const ProtobufCMessage *msg, unsigned depth, struct crib_error *err);

static int check_item(const ProtobufCMessage *msg, const ProtobufCFieldDescriptor *field,
                      const void *item, unsigned depth, struct crib_error *err)
{
    const char *name = msg->descriptor->short_name;
    enum field_kind kind = field_kind(field);

    if (kind == FIELD_MESSAGE)
        return unknown_in(*(ProtobufCMessage *const *)item, depth + 1, err);
    if (kind == FIELD_WORD &&
        !protobuf_c_enum_descriptor_get_value(field->descriptor, *(const int *)item))
        return fail_text(err, -EPROTO, NULL, -1, NULL,
                         "value %d of field '%s' of %s is unknown to this crib", *(const int *)item,
                         field->name, name);
    if (kind == FIELD_STRING) {
        const char *text = *(char *const *)item;

        if (text && !utf8_text(text, strlen(text)))
            return fail_text(err, -EPROTO, NULL, -1, NULL, "field '%s' of %s is not UTF-8",
                             field->name, name);
    }
    return 0;
}

static int unknown_in(const ProtobufCMessage *msg, unsigned depth, struct crib_error *err)
{
    const ProtobufCMessageDescriptor *type = msg->descriptor;

    if (msg->n_unknown_fields)
        return fail_text(err, -EPROTO, NULL, -1, NULL,
                         "field number %u of %s is unknown to this crib",
                         msg->unknown_fields[0].tag, type->short_name);
    if (depth > TEXT_MAX_DEPTH)
        return fail_text(err, -EPROTO, NULL, -1, NULL, "%s is nested over %d deep",
                         type->short_name, TEXT_MAX_DEPTH);
    for (unsigned i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &type->fields[i];
        size_t count = field_count(msg, field);

        for (size_t j = 0; j < count; j++) {
            int r = check_item(msg, field, field_item(msg, field, j), depth, err);

            if (r < 0)
                return r;
        }
    }
    return 0;
}

int text_unknown(const ProtobufCMessage *msg, struct crib_error *err)
{
    return unknown_in(msg, 1, err);
}
