/* SPDX-License-Identifier: Apache-2.0 */
#include "text/text.h"

#include <errno.h>
#include <string.h>
#include <yaml.h>

#include "text/base64.h"
#include "text/field.h"
#include "text/quote.h"
#include "text/utf8.h"
#include "text/value.h"

struct writer {
    yaml_emitter_t emitter;
    struct buf *out;
    int code; /* the first failure of @out */
};

static int write_message(struct writer *w, const ProtobufCMessage *msg);

static int append(void *data, unsigned char *bytes, size_t len)
{
    struct writer *w = data;

    if (w->code == 0)
        w->code = buf_append(w->out, bytes, len);
    return w->code == 0;
}

/* @made: what the event's initialiser returned; it is the emitter's afterwards. */
static int emit(struct writer *w, yaml_event_t *event, int made)
{
    if (!made)
        return -ENOMEM;
    if (!yaml_emitter_emit(&w->emitter, event))
        return w->code ? w->code : -ENOMEM;
    return 0;
}

static int emit_word(struct writer *w, const char *tag, const void *text, size_t len,
                     yaml_scalar_style_t style)
{
    yaml_event_t event;

    return emit(w, &event,
                len <= INT32_MAX &&
                    yaml_scalar_event_initialize(&event, NULL, (yaml_char_t *)tag,
                                                 (yaml_char_t *)(len ? text : ""), (int)len,
                                                 tag == NULL, tag == NULL, style));
}

static int emit_text(struct writer *w, const void *text, size_t len)
{
    static const yaml_scalar_style_t styles[] = {
        [QUOTE_NONE] = YAML_PLAIN_SCALAR_STYLE,
        [QUOTE_SINGLE] = YAML_SINGLE_QUOTED_SCALAR_STYLE,
        [QUOTE_DOUBLE] = YAML_DOUBLE_QUOTED_SCALAR_STYLE,
        [QUOTE_LITERAL] = YAML_LITERAL_SCALAR_STYLE,
    };
    struct buf repaired = {0};
    int r;

    if (utf8_text(text, len))
        return emit_word(w, NULL, text, len, styles[quote_for(text, len)]);
    r = utf8_repair(&repaired, text, len);
    if (r == 0)
        r = emit_word(w, NULL, repaired.data, repaired.len,
                      styles[quote_for((char *)repaired.data, repaired.len)]);
    buf_done(&repaired);
    return r;
}

static int emit_bytes(struct writer *w, const ProtobufCBinaryData *bytes)
{
    struct buf text = {0};
    int r;

    if (utf8_text(bytes->data, bytes->len))
        return emit_text(w, bytes->data, bytes->len);
    r = base64_write(&text, bytes->data, bytes->len);
    if (r == 0)
        r = emit_word(w, "tag:yaml.org,2002:binary", text.data, text.len, YAML_PLAIN_SCALAR_STYLE);
    buf_done(&text);
    return r;
}

static int write_element(struct writer *w, const ProtobufCMessage *msg,
                         const ProtobufCFieldDescriptor *field, const void *item)
{
    char number[VALUE_TEXT];
    const char *text;
    bool quote;

    switch (field_kind(field)) {
    case FIELD_MESSAGE:
        return write_message(w, *(ProtobufCMessage *const *)item);
    case FIELD_STRING:
        text = *(char *const *)item;
        return emit_text(w, text, strlen(text));
    case FIELD_BYTES:
        return emit_bytes(w, item);
    default:
        text = value_number(msg->descriptor, field, item, false, number, &quote);
        return emit_word(w, NULL, text, strlen(text),
                         strcmp(text, "null") ? YAML_PLAIN_SCALAR_STYLE
                                              : YAML_SINGLE_QUOTED_SCALAR_STYLE);
    }
}

static int write_field(struct writer *w, const ProtobufCMessage *msg,
                       const ProtobufCFieldDescriptor *field)
{
    bool list = field->label == PROTOBUF_C_LABEL_REPEATED;
    size_t count = field_count(msg, field);
    yaml_event_t event;
    int r;

    if (count == 0)
        return 0;
    r = emit_word(w, NULL, field->name, strlen(field->name), YAML_PLAIN_SCALAR_STYLE);
    if (r == 0 && list)
        r = emit(
            w, &event,
            yaml_sequence_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_SEQUENCE_STYLE));
    for (size_t i = 0; r == 0 && i < count; i++)
        r = write_element(w, msg, field, field_item(msg, field, i));
    if (r == 0 && list)
        r = emit(w, &event, yaml_sequence_end_event_initialize(&event));
    return r;
}

static int write_message(struct writer *w, const ProtobufCMessage *msg)
{
    const ProtobufCMessageDescriptor *type = msg->descriptor;
    yaml_event_t event;
    int r =
        emit(w, &event,
             yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_MAPPING_STYLE));

    for (unsigned i = 0; r == 0 && i < type->n_fields; i++)
        r = write_field(w, msg, &type->fields[i]);
    if (r == 0)
        r = emit(w, &event, yaml_mapping_end_event_initialize(&event));
    return r;
}

static int write_document(struct writer *w, const ProtobufCMessage *msg)
{
    yaml_event_t event;
    int r = emit(w, &event, yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING));

    if (r == 0)
        r = emit(w, &event, yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1));
    if (r == 0)
        r = write_message(w, msg);
    if (r == 0)
        r = emit(w, &event, yaml_document_end_event_initialize(&event, 1));
    if (r == 0)
        r = emit(w, &event, yaml_stream_end_event_initialize(&event));
    return r;
}

int text_write_yaml(const ProtobufCMessage *msg, struct buf *out)
{
    struct writer w = {.out = out};
    int r;

    if (!yaml_emitter_initialize(&w.emitter))
        return -ENOMEM;
    yaml_emitter_set_output(&w.emitter, append, &w);
    yaml_emitter_set_unicode(&w.emitter, 1);
    yaml_emitter_set_width(&w.emitter, -1);
    yaml_emitter_set_indent(&w.emitter, 2);
    r = write_document(&w, msg);
    yaml_emitter_delete(&w.emitter);
    return r;
}
