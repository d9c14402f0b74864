/* SPDX-License-Identifier: Apache-2.0 */
#include "text/value.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "text/base64.h"
#include "text/text.h"
#include "text/units.h"
#include "text/utf8.h"

#define WORDS_MAX 64 /* enum words that a suggestion is made from */

/* Whether it is a number without a suffix: quotes are for text, and for `unlimited`. */
static bool is_bare(const struct unit_row *row)
{
    return !row || row->unit == UNIT_COUNT || row->unit == UNIT_THOUSANDTHS;
}

static int read_unsigned(const ProtobufCMessageDescriptor *type,
                         const ProtobufCFieldDescriptor *field, const struct source *source,
                         union field_value *ret, char why[VALUE_WHY])
{
    const struct unit_row *row = unit_find(type->name, field->name);
    uint64_t value;
    int r;

    if (!source->plain && is_bare(row) &&
        !(row && row->unlimited && strcmp(source->text, "unlimited") == 0)) {
        snprintf(why, VALUE_WHY, "a number is wanted, without quotes");
        return -EINVAL;
    }
    r = unit_read(row, source->text, &value, why);
    if (r < 0)
        return r;
    if (field_kind(field) == FIELD_UINT64) {
        ret->uint64 = value;
    } else if (value <= UINT32_MAX) {
        ret->uint32 = (uint32_t)value;
    } else {
        snprintf(why, VALUE_WHY, "'%.32s' is too large", source->text);
        return -EINVAL;
    }
    return 0;
}

static int read_signed(const ProtobufCFieldDescriptor *field, const struct source *source,
                       union field_value *ret, char why[VALUE_WHY])
{
    int64_t value;
    int r;

    if (!source->plain) {
        snprintf(why, VALUE_WHY, "a number is wanted, without quotes");
        return -EINVAL;
    }
    r = unit_read_signed(source->text, &value, why);
    if (r < 0)
        return r;
    if (field_kind(field) == FIELD_INT64) {
        ret->int64 = value;
    } else if (value >= INT32_MIN && value <= INT32_MAX) {
        ret->int32 = (int32_t)value;
    } else {
        snprintf(why, VALUE_WHY, "'%.32s' is too %s", source->text, value < 0 ? "small" : "large");
        return -EINVAL;
    }
    return 0;
}

static int read_bool(const struct source *source, union field_value *ret, char why[VALUE_WHY])
{
    char shown[UTF8_SHOWN];

    ret->boolean = strcmp(source->text, "true") == 0;
    if (source->plain && (ret->boolean || strcmp(source->text, "false") == 0))
        return 0;
    utf8_shown(shown, source->text, source->text_len);
    if (source->plain)
        snprintf(why, VALUE_WHY, "'%s' is neither true nor false", shown);
    else
        snprintf(why, VALUE_WHY, "true or false is wanted, without quotes");
    return -EINVAL;
}

/* "unknown word 'x', did you mean 'y'?", or else the words there are. */
static int refuse_word(const ProtobufCEnumDescriptor *words, const struct source *source,
                       char why[VALUE_WHY])
{
    const char *list[WORDS_MAX + 1] = {NULL};
    char shown[UTF8_SHOWN], mean[96];
    size_t used;

    for (unsigned i = 0; i < words->n_values && i < WORDS_MAX; i++)
        list[i] = words->values[i].name;
    utf8_shown(shown, source->text, source->text_len);
    text_did_you_mean(mean, sizeof(mean), shown, list);
    used = (size_t)snprintf(why, VALUE_WHY, "unknown word '%s'%s", shown, mean);
    for (unsigned i = 0; !mean[0] && list[i] && used < VALUE_WHY; i++) {
        const char *before = i == 0 ? ", use " : list[i + 1] ? ", " : " or ";

        used += (size_t)snprintf(why + used, VALUE_WHY - used, "%s%s", before, list[i]);
    }
    return -EINVAL;
}

static const ProtobufCEnumValue *find_word(const ProtobufCFieldDescriptor *field,
                                           const struct source *source)
{
    if (strlen(source->text) != source->text_len || source->binary)
        return NULL;
    return protobuf_c_enum_descriptor_get_value_by_name(field->descriptor, source->text);
}

static int read_string(const struct source *source, struct arena *arena, union field_value *ret,
                       char why[VALUE_WHY])
{
    if (source->binary) {
        snprintf(why, VALUE_WHY, "text is wanted, not !!binary");
        return -EINVAL;
    }
    if (strlen(source->text) != source->text_len) {
        snprintf(why, VALUE_WHY, "text may not hold a NUL character");
        return -EINVAL;
    }
    ret->string = arena_copy(arena, source->text, source->text_len);
    return ret->string ? 0 : -ENOMEM;
}

static int read_bytes(const struct source *source, struct arena *arena, union field_value *ret,
                      char why[VALUE_WHY])
{
    int r;

    if (source->binary) {
        r = base64_read(source->text, source->text_len, arena, &ret->bytes);
        if (r == -EINVAL)
            snprintf(why, VALUE_WHY, "not base64");
        return r;
    }
    r = read_string(source, arena, ret, why);
    if (r == 0)
        ret->bytes = (ProtobufCBinaryData){source->text_len, (uint8_t *)ret->string};
    return r;
}

int value_read(const ProtobufCMessageDescriptor *type, const ProtobufCFieldDescriptor *field,
               const struct source *source, struct arena *arena, union field_value *ret,
               char why[VALUE_WHY])
{
    const ProtobufCEnumValue *word;

    memset(ret, 0, sizeof(*ret));
    switch (field_kind(field)) {
    case FIELD_UINT32:
    case FIELD_UINT64:
        return read_unsigned(type, field, source, ret, why);
    case FIELD_INT32:
    case FIELD_INT64:
        return read_signed(field, source, ret, why);
    case FIELD_BOOL:
        return read_bool(source, ret, why);
    case FIELD_WORD:
        word = find_word(field, source);
        if (!word)
            return refuse_word(field->descriptor, source, why);
        ret->word = word->value;
        return 0;
    case FIELD_STRING:
        return read_string(source, arena, ret, why);
    case FIELD_BYTES:
        return read_bytes(source, arena, ret, why);
    default:
        snprintf(why, VALUE_WHY, "this kind of field cannot be written as text");
        return -EINVAL;
    }
}

bool value_is_null(const ProtobufCFieldDescriptor *field, const struct source *source)
{
    if (!source->plain)
        return false;
    if (source->text_len == 0 || strcmp(source->text, "~") == 0)
        return true;
    if (strcmp(source->text, "null") != 0)
        return false;
    return field_kind(field) != FIELD_WORD || !find_word(field, source);
}

static const char *word_text(const ProtobufCFieldDescriptor *field, int value,
                             char text[VALUE_TEXT], bool *ret_quote)
{
    const ProtobufCEnumValue *known =
        protobuf_c_enum_descriptor_get_value(field->descriptor, value);

    *ret_quote = known != NULL;
    if (known)
        return known->name;
    snprintf(text, VALUE_TEXT, "%d", value);
    return text;
}

static const char *unsigned_text(const struct unit_row *row, uint64_t value, bool json,
                                 char text[VALUE_TEXT], bool *ret_quote)
{
    bool unlimited = row && row->unlimited && value == UINT64_MAX;

    _Static_assert(VALUE_TEXT >= UNIT_TEXT, "a number with its unit fits");
    if (json && row && row->unit == UNIT_BYTES && !unlimited)
        row = NULL;
    *ret_quote = unlimited || !is_bare(row);
    return unit_write(row, value, text);
}

const char *value_number(const ProtobufCMessageDescriptor *type,
                         const ProtobufCFieldDescriptor *field, const void *item, bool json,
                         char text[VALUE_TEXT], bool *ret_quote)
{
    const struct unit_row *row = unit_find(type->name, field->name);

    *ret_quote = false;
    switch (field_kind(field)) {
    case FIELD_UINT32:
        return unsigned_text(row, *(const uint32_t *)item, json, text, ret_quote);
    case FIELD_UINT64:
        return unsigned_text(row, *(const uint64_t *)item, json, text, ret_quote);
    case FIELD_INT32:
        snprintf(text, VALUE_TEXT, "%" PRId32, *(const int32_t *)item);
        return text;
    case FIELD_INT64:
        snprintf(text, VALUE_TEXT, "%" PRId64, *(const int64_t *)item);
        return text;
    case FIELD_BOOL:
        return *(const protobuf_c_boolean *)item ? "true" : "false";
    case FIELD_WORD:
        return word_text(field, *(const int *)item, text, ret_quote);
    default:
        return "null";
    }
}
