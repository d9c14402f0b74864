/* SPDX-License-Identifier: Apache-2.0 */
#include "text/text.h"

#include <errno.h>
#include <string.h>

#include "text/base64.h"
#include "text/field.h"
#include "text/utf8.h"
#include "text/value.h"

static int write_message(struct buf *out, const ProtobufCMessage *msg);

static int write_escape(struct buf *out, uint32_t c)
{
    switch (c) {
    case '"':
        return buf_text(out, "\\\"");
    case '\\':
        return buf_text(out, "\\\\");
    case '\n':
        return buf_text(out, "\\n");
    case '\r':
        return buf_text(out, "\\r");
    case '\t':
        return buf_text(out, "\\t");
    default:
        return buf_printf(out, "\\u%04x", (unsigned)c);
    }
}

/* Writes a string with its quotes; what is no UTF-8 becomes U+FFFD. */
static int write_string(struct buf *out, const void *text, size_t len)
{
    const uint8_t *p = text;
    size_t done = 0; /* written up to here */
    uint32_t c;
    int r = buf_text(out, "\"");

    for (size_t i = 0, n; r == 0 && i < len; i += n) {
        n = utf8_next(p + i, len - i, &c);
        if (n && c >= 0x20 && c != '"' && c != '\\' && !utf8_needs_escape(c))
            continue;
        r = buf_append(out, p + done, i - done);
        if (r == 0)
            r = n && c ? write_escape(out, c) : buf_text(out, "\xef\xbf\xbd");
        n = n ? n : 1;
        done = i + n;
    }
    if (r == 0)
        r = buf_append(out, p + done, len - done);
    return r < 0 ? r : buf_text(out, "\"");
}

static int write_bytes(struct buf *out, const ProtobufCBinaryData *bytes)
{
    int r;

    if (utf8_text(bytes->data, bytes->len))
        return write_string(out, bytes->data, bytes->len);
    r = buf_text(out, "{\"base64\":\"");
    if (r == 0)
        r = base64_write(out, bytes->data, bytes->len);
    return r < 0 ? r : buf_text(out, "\"}");
}

static int write_element(struct buf *out, const ProtobufCMessage *msg,
                         const ProtobufCFieldDescriptor *field, const void *item)
{
    char number[VALUE_TEXT];
    const char *text;
    bool quote;

    switch (field_kind(field)) {
    case FIELD_MESSAGE:
        return write_message(out, *(ProtobufCMessage *const *)item);
    case FIELD_STRING:
        text = *(char *const *)item;
        return write_string(out, text, strlen(text));
    case FIELD_BYTES:
        return write_bytes(out, item);
    default:
        text = value_number(msg->descriptor, field, item, true, number, &quote);
        return quote ? write_string(out, text, strlen(text)) : buf_text(out, text);
    }
}

static int write_field(struct buf *out, const ProtobufCMessage *msg,
                       const ProtobufCFieldDescriptor *field)
{
    bool list = field->label == PROTOBUF_C_LABEL_REPEATED;
    size_t count = field_count(msg, field);
    int r = buf_printf(out, list ? "\"%s\":[" : "\"%s\":", field->name);

    for (size_t i = 0; r == 0 && i < count; i++) {
        r = i ? buf_text(out, ",") : 0;
        if (r == 0)
            r = write_element(out, msg, field, field_item(msg, field, i));
    }
    return r < 0 || !list ? r : buf_text(out, "]");
}

static int write_message(struct buf *out, const ProtobufCMessage *msg)
{
    const ProtobufCMessageDescriptor *type = msg->descriptor;
    bool first = true;
    int r = buf_text(out, "{");

    for (unsigned i = 0; r == 0 && i < type->n_fields; i++) {
        if (field_count(msg, &type->fields[i]) == 0)
            continue;
        r = first ? 0 : buf_text(out, ",");
        first = false;
        if (r == 0)
            r = write_field(out, msg, &type->fields[i]);
    }
    return r < 0 ? r : buf_text(out, "}");
}

int text_write_json(const ProtobufCMessage *msg, struct buf *out)
{
    return write_message(out, msg);
}
