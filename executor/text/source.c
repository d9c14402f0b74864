/* SPDX-License-Identifier: Apache-2.0 */
#include "text/source.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "text/text.h"
#include "text/utf8.h"

#define BOM "\xef\xbb\xbf"

int source_fail_at(const char *name, unsigned line, unsigned column, int code,
                   struct crib_error *err, const char *format, ...)
{
    char place[sizeof(err->subject)], detail[sizeof(err->detail)];
    va_list args;

    snprintf(place, sizeof(place), "%.280s:%u:%u", name, line, column);
    va_start(args, format);
    vsnprintf(detail, sizeof(detail), format, args);
    va_end(args);
    return fail_text(err, code, NULL, -1, place, "%s", detail);
}

static int bad_byte(const char *name, unsigned line, unsigned column, uint8_t byte, size_t n,
                    uint32_t c, struct crib_error *err)
{
    if (n == 0)
        return source_fail_at(name, line, column, -EINVAL, err,
                              "byte 0x%02x is not UTF-8; is this a text file?", byte);
    if (c < 0x20)
        return source_fail_at(name, line, column, -EINVAL, err,
                              "control character 0x%02x; is this a text file?", c);
    return source_fail_at(name, line, column, -EINVAL, err,
                          "character U+%04X must be written as an escape", c);
}

/* Holds the text to UTF-8 without control characters, counting lines as libyaml will. */
static int check_bytes(const char *name, const char *data, size_t len, struct crib_error *err)
{
    const uint8_t *p = (const uint8_t *)data;
    unsigned line = 1, column = 1;
    uint32_t c = 0, before;

    for (size_t i = 0, n; i < len; i += n) {
        before = c;
        n = utf8_next(p + i, len - i, &c);
        if (n == 0 || (utf8_needs_escape(c) && c != '\r'))
            return bad_byte(name, line, column, p[i], n, c, err);
        if (c == '\n' && before == '\r')
            continue;
        column = c == '\n' || c == '\r' ? 1 : column + 1;
        line += c == '\n' || c == '\r';
    }
    return 0;
}

int source_open(struct source *source, const char *name, const void *data, size_t len,
                struct arena *arena, struct crib_error *err)
{
    const char *text = len ? data : ""; /* libyaml takes no NULL */
    int r;

    memset(source, 0, sizeof(*source));
    if (len > TEXT_MAX_BYTES)
        return fail_text(err, -E2BIG, NULL, -1, name, "over %d bytes", TEXT_MAX_BYTES);
    if (len >= 3 && memcmp(text, BOM, 3) == 0) {
        text += 3;
        len -= 3;
    }
    r = check_bytes(name, text, len, err);
    if (r < 0)
        return r;
    source->name = name;
    source->data = text;
    source->len = len;
    source->json = json_likely(name, text, len);
    if (source->json) {
        if (json_rewrite(text, len, arena, &source->rewritten) < 0)
            return fail_sys(err, -ENOMEM, NULL, -1, name, NULL);
        source->data = source->rewritten.data;
        source->len = source->rewritten.len;
    }
    if (!yaml_parser_initialize(&source->parser))
        return fail_sys(err, -ENOMEM, NULL, -1, name, NULL);
    yaml_parser_set_encoding(&source->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&source->parser, (const unsigned char *)source->data, source->len);
    return 0;
}

void source_close(struct source *source)
{
    yaml_event_delete(&source->event);
    yaml_parser_delete(&source->parser);
}

static void set_place(struct source *source, const yaml_mark_t *mark)
{
    unsigned line = (unsigned)mark->line, column = (unsigned)mark->column;

    source->line = line + 1;
    source->column = json_column(&source->rewritten, line, column) + 1;
}

/* What the character at a place of the text is, where people stumble over libyaml's own words. */
static const char *hint_for(const struct source *source, size_t line, size_t column)
{
    size_t i = 0;

    for (; line && i < source->len; i++)
        line -= source->data[i] == '\n' ||
                (source->data[i] == '\r' && !(i + 1 < source->len && source->data[i + 1] == '\n'));
    for (; column && i < source->len; column--)
        do
            i++;
        while (i < source->len && ((unsigned char)source->data[i] & 0xc0) == 0x80);
    if (i >= source->len)
        return NULL;
    if (source->data[i] == '\t')
        return "a tab cannot indent, use spaces";
    if (source->data[i] == '@' || source->data[i] == '`')
        return "a word that begins with '@' or '`' needs quotes";
    if (source->data[i] == '*' || source->data[i] == '&' || source->data[i] == '%')
        return "a word that begins with '*', '&' or '%' needs quotes";
    return NULL;
}

static int refuse_syntax(struct source *source, struct crib_error *err)
{
    const yaml_parser_t *parser = &source->parser;
    const char *context = parser->context, *problem = parser->problem, *hint = NULL;

    if (parser->error == YAML_MEMORY_ERROR)
        return fail_sys(err, -ENOMEM, NULL, -1, source->name, NULL);
    set_place(source, &parser->problem_mark);
    if (problem && (strstr(problem, "cannot start any token") || strstr(problem, "a tab char")))
        hint = hint_for(source, parser->problem_mark.line, parser->problem_mark.column);
    else if (context && (strstr(context, "alias") || strstr(context, "anchor")))
        hint = hint_for(source, parser->context_mark.line, parser->context_mark.column);
    if (hint)
        return source_fail(source, err, "%s", hint);
    return source_fail(source, err, "%s%s%s", problem ? problem : "no YAML", context ? " " : "",
                       context ? context : "");
}

/* Whether only blanks with a tab among them stand before the current item on its line. */
static bool indented_by_tab(struct source *source)
{
    size_t i = source->tab_at, end;
    bool tab = false;

    while (source->tab_line + 1 < source->line && i < source->len) {
        bool cr = source->data[i] == '\r' && !(i + 1 < source->len && source->data[i + 1] == '\n');

        source->tab_line += source->data[i++] == '\n' || cr;
    }
    source->tab_at = i;
    end = i + source->column - 1;
    for (; i < end && i < source->len; i++) {
        if (source->data[i] != ' ' && source->data[i] != '\t')
            return false;
        tab |= source->data[i] == '\t';
    }
    return tab;
}

/* Anchors and tags of the current event, refused unless the tag is one of two. */
static int check_properties(struct source *source, const yaml_char_t *anchor,
                            const yaml_char_t *tag, struct crib_error *err)
{
    char shown[UTF8_SHOWN];

    if (anchor)
        return source_fail(source, err, "anchors are not read, quote '&%s' if it is text",
                           utf8_shown(shown, (const char *)anchor, strlen((const char *)anchor)));
    if (!tag)
        return 0;
    if (source->kind == SOURCE_WORD && strcmp((const char *)tag, YAML_STR_TAG) == 0)
        return 0;
    source->binary =
        source->kind == SOURCE_WORD && strcmp((const char *)tag, "tag:yaml.org,2002:binary") == 0;
    if (source->binary)
        return 0;
    return source_fail(source, err, "tag '%s' is not read, only !!binary and !!str are",
                       utf8_shown(shown, (const char *)tag, strlen((const char *)tag)));
}

static int take_word(struct source *source, struct crib_error *err)
{
    const yaml_event_t *event = &source->event;

    source->kind = SOURCE_WORD;
    source->text = (const char *)event->data.scalar.value;
    source->text_len = event->data.scalar.length;
    source->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && !event->data.scalar.tag;
    return check_properties(source, event->data.scalar.anchor, event->data.scalar.tag, err);
}

/* Return: 1 the event makes an item; 0 it does not; -EINVAL. */
static int take_event(struct source *source, struct crib_error *err)
{
    const yaml_event_t *event = &source->event;
    char shown[UTF8_SHOWN];
    const char *alias;

    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return take_word(source, err) < 0 ? -EINVAL : 1;
    case YAML_MAPPING_START_EVENT:
        source->kind = SOURCE_MAP;
        return check_properties(source, event->data.mapping_start.anchor,
                                event->data.mapping_start.tag, err) < 0
                   ? -EINVAL
                   : 1;
    case YAML_SEQUENCE_START_EVENT:
        source->kind = SOURCE_LIST;
        return check_properties(source, event->data.sequence_start.anchor,
                                event->data.sequence_start.tag, err) < 0
                   ? -EINVAL
                   : 1;
    case YAML_MAPPING_END_EVENT:
    case YAML_SEQUENCE_END_EVENT:
        source->kind = SOURCE_CLOSE;
        return 1;
    case YAML_STREAM_END_EVENT:
        source->kind = SOURCE_END;
        return 1;
    case YAML_ALIAS_EVENT:
        alias = (const char *)event->data.alias.anchor;
        return source_fail(source, err, "aliases are not read, quote '*%s' if it is text",
                           utf8_shown(shown, alias, strlen(alias)));
    case YAML_DOCUMENT_START_EVENT:
        if (source->kind != SOURCE_END)
            return source_fail(source, err, "a second document; only one is read");
        if (event->data.document_start.tag_directives.start !=
            event->data.document_start.tag_directives.end)
            return source_fail(source, err, "tag directives are not read");
        return 0;
    default:
        return 0;
    }
}

int source_next(struct source *source, struct crib_error *err)
{
    int r;

    source->plain = source->binary = false;
    do {
        yaml_event_delete(&source->event);
        if (!yaml_parser_parse(&source->parser, &source->event))
            return refuse_syntax(source, err);
        set_place(source, &source->event.start_mark);
        r = take_event(source, err);
    } while (r == 0);
    if (r < 0)
        return r;
    if (!source->json && source->kind != SOURCE_END && indented_by_tab(source))
        return source_fail(source, err, "a tab cannot indent, use spaces");
    return 0;
}
