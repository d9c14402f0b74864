/* SPDX-License-Identifier: Apache-2.0 */
#include "text/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "text/base64.h"
#include "text/field.h"
#include "text/source.h"
#include "text/utf8.h"
#include "text/value.h"

#define PATH_MAX_BYTES 1024 /* TEXT_MAX_DEPTH names and indexes */
#define KEYS_MAX       128  /* keys of a message that a suggestion is made from */

struct reader {
    struct source source;
    struct arena *arena;
    struct text_marks *marks; /* may be NULL */
    struct crib_error *err;
    unsigned depth;
    size_t path_len;
    char path[PATH_MAX_BYTES]; /* of the current field: `mounts[2].target` */
};

static int read_message(struct reader *r, const ProtobufCMessageDescriptor *type,
                        ProtobufCMessage **ret);

static int no_memory(struct reader *r)
{
    return fail_sys(r->err, -ENOMEM, NULL, -1, r->source.name, NULL);
}

/* Makes the path one part longer; undone by setting path_len back. */
static void path_add(struct reader *r, const char *name, size_t index)
{
    size_t room = sizeof(r->path) - r->path_len;
    int n;

    if (name)
        n = snprintf(r->path + r->path_len, room, "%s%s", r->path_len ? "." : "", name);
    else
        n = snprintf(r->path + r->path_len, room, "[%zu]", index);
    r->path_len += (size_t)n < room ? (size_t)n : room - 1;
}

static void path_cut(struct reader *r, size_t len)
{
    r->path_len = len;
    r->path[len] = '\0';
}

static int mark(struct reader *r)
{
    struct text_mark m = {.line = r->source.line, .column = r->source.column};

    if (!r->marks)
        return 0;
    m.path = arena_copy(r->arena, r->path, r->path_len);
    if (!m.path || arena_push_value(r->arena, &r->marks->list, &r->marks->count, &m, sizeof(m)) < 0)
        return no_memory(r);
    return 0;
}

/* Goes one level down, at a mapping or list. */
static int enter(struct reader *r)
{
    if (++r->depth > TEXT_MAX_DEPTH)
        return source_fail(&r->source, r->err, "nested over %d deep", TEXT_MAX_DEPTH);
    return 0;
}

/* {"base64": "…"}, how JSON writes bytes; the mapping is the current item. */
static int read_base64(struct reader *r, union field_value *value)
{
    struct source *s = &r->source;
    int e = source_next(s, r->err);

    if (e < 0)
        return e;
    if (s->kind != SOURCE_WORD || strcmp(s->text, "base64") != 0)
        return source_fail(s, r->err, "%s: text is wanted, or {base64: ...}", r->path);
    e = source_next(s, r->err);
    if (e < 0)
        return e;
    e = s->kind == SOURCE_WORD ? base64_read(s->text, s->text_len, r->arena, &value->bytes)
                               : -EINVAL;
    if (e == -EINVAL)
        return source_fail(s, r->err, "%s: not base64", r->path);
    if (e < 0)
        return no_memory(r);
    e = source_next(s, r->err);
    if (e == 0 && s->kind != SOURCE_CLOSE)
        e = source_fail(s, r->err, "%s: base64 stands alone", r->path);
    return e;
}

/* Reads one element of a field from the current item. */
static int read_element(struct reader *r, const ProtobufCMessageDescriptor *type,
                        const ProtobufCFieldDescriptor *field, union field_value *value)
{
    enum field_kind kind = field_kind(field);
    char why[VALUE_WHY];
    int e;

    if (kind == FIELD_MESSAGE && r->source.kind == SOURCE_MAP)
        return read_message(r, field->descriptor, &value->message);
    if (kind == FIELD_BYTES && r->source.kind == SOURCE_MAP)
        return read_base64(r, value);
    if (kind == FIELD_MESSAGE)
        return source_fail(&r->source, r->err, "%s: a mapping is wanted", r->path);
    if (r->source.kind != SOURCE_WORD)
        return source_fail(&r->source, r->err, "%s: a single value is wanted, not a %s", r->path,
                           r->source.kind == SOURCE_MAP ? "mapping" : "list");
    e = value_read(type, field, &r->source, r->arena, value, why);
    if (e == -EINVAL)
        return source_fail(&r->source, r->err, "%s: %s", r->path, why);
    return e < 0 ? no_memory(r) : 0;
}

/* Reads the entries of a list, which is the current item. */
static int read_list(struct reader *r, ProtobufCMessage *msg, const ProtobufCFieldDescriptor *field)
{
    size_t len = r->path_len;
    union field_value value;
    int e = enter(r);

    for (size_t i = 0; e == 0; i++) {
        e = source_next(&r->source, r->err);
        if (e < 0 || r->source.kind == SOURCE_CLOSE)
            break;
        path_add(r, NULL, i);
        e = mark(r);
        if (e == 0 && r->source.kind == SOURCE_WORD && value_is_null(field, &r->source))
            e = source_fail(&r->source, r->err, "%s: an entry may not be empty", r->path);
        if (e == 0)
            e = read_element(r, msg->descriptor, field, &value);
        if (e == 0 && field_add(msg, field, r->arena, &value) < 0)
            e = no_memory(r);
        path_cut(r, len);
    }
    r->depth--;
    return e;
}

/* Reads the value of a key, which is the next item. */
static int read_field(struct reader *r, ProtobufCMessage *msg,
                      const ProtobufCFieldDescriptor *field)
{
    union field_value value;
    int e = source_next(&r->source, r->err);

    if (e < 0)
        return e;
    if (r->source.kind == SOURCE_WORD && value_is_null(field, &r->source))
        return 0;
    e = mark(r);
    if (e < 0)
        return e;
    if (field->label == PROTOBUF_C_LABEL_REPEATED && r->source.kind == SOURCE_LIST)
        return read_list(r, msg, field);
    if (field->label == PROTOBUF_C_LABEL_REPEATED)
        return source_fail(&r->source, r->err, "%s: a list is wanted, such as [a, b]", r->path);
    e = read_element(r, msg->descriptor, field, &value);
    if (e < 0)
        return e;
    return field_add(msg, field, r->arena, &value) < 0 ? no_memory(r) : 0;
}

/* "unknown key 'limits.memroy', did you mean 'memory'?" */
static int refuse_key(struct reader *r, const ProtobufCMessageDescriptor *type)
{
    const char *keys[KEYS_MAX + 1] = {NULL};
    char shown[UTF8_SHOWN], mean[96];

    for (unsigned i = 0; i < type->n_fields && i < KEYS_MAX; i++)
        keys[i] = type->fields[i].name;
    utf8_shown(shown, r->source.text, r->source.text_len);
    text_did_you_mean(mean, sizeof(mean), shown, keys);
    return source_fail(&r->source, r->err, "unknown key '%s%s%s'%s", r->path,
                       r->path_len ? "." : "", shown, mean);
}

/* Reads one key, which is the current item, and its value. @lines: where each field was given. */
static int read_entry(struct reader *r, ProtobufCMessage *msg, unsigned *lines)
{
    const ProtobufCMessageDescriptor *type = msg->descriptor;
    const ProtobufCFieldDescriptor *field = NULL;
    struct source *s = &r->source;
    size_t len = r->path_len;
    int e;

    if (s->kind != SOURCE_WORD || s->binary)
        return source_fail(s, r->err, "a key must be a word");
    if (strlen(s->text) == s->text_len)
        field = protobuf_c_message_descriptor_get_field_by_name(type, s->text);
    if (!field)
        return refuse_key(r, type);
    path_add(r, field->name, 0);
    if (lines[field - type->fields])
        return source_fail(s, r->err, "duplicate key '%s', first given on line %u", r->path,
                           lines[field - type->fields]);
    lines[field - type->fields] = s->line;
    e = read_field(r, msg, field);
    if (e == 0)
        path_cut(r, len);
    return e;
}

/* Reads a mapping, which is the current item, as a message. */
static int read_message(struct reader *r, const ProtobufCMessageDescriptor *type,
                        ProtobufCMessage **ret)
{
    ProtobufCMessage *msg = arena_alloc(r->arena, type->sizeof_message);
    unsigned *lines = arena_alloc(r->arena, type->n_fields * sizeof(*lines));
    int e;

    if (!msg || !lines)
        return no_memory(r);
    protobuf_c_message_init(type, msg);
    e = enter(r);
    while (e == 0) {
        e = source_next(&r->source, r->err);
        if (e < 0 || r->source.kind == SOURCE_CLOSE)
            break;
        e = read_entry(r, msg, lines);
    }
    r->depth--;
    if (e == 0)
        *ret = msg;
    return e;
}

/* The whole text: nothing, null, or one mapping. */
static int read_text(struct reader *r, const ProtobufCMessageDescriptor *type,
                     ProtobufCMessage **ret)
{
    struct source *s = &r->source;
    int e = source_next(s, r->err);

    if (e < 0)
        return e;
    if (s->kind == SOURCE_END || (s->kind == SOURCE_WORD && s->plain && s->text_len == 0)) {
        *ret = arena_alloc(r->arena, type->sizeof_message);
        if (!*ret)
            return no_memory(r);
        protobuf_c_message_init(type, *ret);
    } else if (s->kind == SOURCE_MAP) {
        e = mark(r);
        if (e == 0)
            e = read_message(r, type, ret);
    } else {
        return source_fail(s, r->err, "a mapping is wanted, such as 'key: value'");
    }
    return e < 0 || s->kind == SOURCE_END ? e : source_next(s, r->err);
}

int text_read(const ProtobufCMessageDescriptor *type, const char *name, const void *data,
              size_t len, struct arena *arena, struct text_marks *marks, ProtobufCMessage **ret,
              struct crib_error *err)
{
    struct reader r = {.arena = arena, .marks = marks, .err = err};
    ProtobufCMessage *msg = NULL;
    int e = source_open(&r.source, name, data, len, arena, err);

    if (e < 0)
        return e;
    if (marks)
        memset(marks, 0, sizeof(*marks));
    e = read_text(&r, type, &msg);
    source_close(&r.source);
    if (e == 0)
        *ret = msg;
    return e;
}
