/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/flow.h"

#include <errno.h>
#include <string.h>

#include "text/base64.h"
#include "text/quote.h"
#include "text/utf8.h"
#include "text/value.h"

/* Return: whether a text can stand as it is. */
static bool is_plain(const char *text, size_t len, bool inside)
{
    static const char first[] = "-?:,[]{}#&*!|>'\"%@` ", braces[] = ",[]{}";

    if (quote_for(text, len) != QUOTE_NONE || strchr(first, text[0]) || text[len - 1] == ' ' ||
        text[len - 1] == ':')
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] & 0x80 || (inside && strchr(braces, text[i])))
            return false;
        if ((text[i] == ':' && text[i + 1] == ' ') || (text[i] == ' ' && text[i + 1] == '#'))
            return false;
    }
    return true;
}

static int write_quoted(struct buf *out, const char *text, size_t len)
{
    const uint8_t *at = (const uint8_t *)text;
    int r = buf_text(out, "\"");

    for (size_t i = 0, n; r == 0 && i < len; i += n) {
        uint32_t c;

        n = utf8_next(at + i, len - i, &c);
        if (c == '"' || c == '\\')
            r = buf_printf(out, "\\%c", (char)c);
        else if (c == '\n' || c == '\t')
            r = buf_text(out, c == '\n' ? "\\n" : "\\t");
        else if (utf8_needs_escape(c))
            r = buf_printf(out, "\\U%08x", c);
        else
            r = buf_append(out, at + i, n);
    }
    return r < 0 ? r : buf_text(out, "\"");
}

int flow_text(struct buf *out, const void *text, size_t len, bool inside)
{
    int r;

    if (!utf8_text(text, len)) {
        r = buf_text(out, "!!binary \"");
        if (r == 0)
            r = base64_write(out, text, len);
        return r < 0 ? r : buf_text(out, "\"");
    }
    if (len && is_plain(text, len, inside))
        return buf_append(out, text, len);
    return write_quoted(out, text, len);
}

int flow_element(struct buf *out, const ProtobufCMessage *msg,
                 const ProtobufCFieldDescriptor *field, size_t index, bool inside)
{
    const void *item = field_item(msg, field, index);
    const ProtobufCBinaryData *bytes = item;
    char number[VALUE_TEXT];
    bool quote;

    switch (field_kind(field)) {
    case FIELD_MESSAGE:
        return flow_message(out, *(ProtobufCMessage *const *)item);
    case FIELD_STRING:
        return flow_text(out, *(char *const *)item, strlen(*(char *const *)item), inside);
    case FIELD_BYTES:
        return flow_text(out, bytes->data, bytes->len, inside);
    default:
        return buf_text(out, value_number(msg->descriptor, field, item, false, number, &quote));
    }
}

static int write_field(struct buf *out, const ProtobufCMessage *msg,
                       const ProtobufCFieldDescriptor *field)
{
    bool list = field->label == PROTOBUF_C_LABEL_REPEATED;
    int r = buf_printf(out, list ? "%s: [" : "%s: ", field->name);

    for (size_t i = 0; r == 0 && i < field_count(msg, field); i++) {
        if (i)
            r = buf_text(out, ", ");
        if (r == 0)
            r = flow_element(out, msg, field, i, true);
    }
    return r == 0 && list ? buf_text(out, "]") : r;
}

int flow_message(struct buf *out, const ProtobufCMessage *msg)
{
    const char *comma = "{";
    int r = 0;

    for (unsigned i = 0; r == 0 && i < msg->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &msg->descriptor->fields[i];

        if (!field_count(msg, field))
            continue;
        r = buf_text(out, comma);
        if (r == 0)
            r = write_field(out, msg, field);
        comma = ", ";
    }
    if (r == 0 && comma[0] == '{')
        r = buf_text(out, "{");
    return r < 0 ? r : buf_text(out, "}");
}
