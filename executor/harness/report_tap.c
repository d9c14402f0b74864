/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "harness/report.h"
#include "text/utf8.h"

static int begin(struct buf *out, size_t cases)
{
    return buf_printf(out, "TAP version 14\n1..%zu\n", cases);
}

/* Appends a text of one line, @mark before each of its characters that are among @special. */
static int marked(struct buf *out, const char *text, const char *special, char mark)
{
    struct buf clean = {0};
    int r = utf8_repair(&clean, text, strlen(text));

    for (size_t i = 0; r == 0 && i < clean.len; i++) {
        char c = (char)clean.data[i];

        if (c && strchr(special, c))
            r = buf_append(out, &mark, 1);
        if (r == 0)
            r = buf_append(out, (unsigned char)c < ' ' || c == 0x7f ? "?" : &c, 1);
    }
    buf_done(&clean);
    return r;
}

/* `#` begins a directive, and a backslash escapes it and itself. */
static int description(struct buf *out, const char *text)
{
    return marked(out, text, "#\\", '\\');
}

/* YAML's single quotes: nothing is special inside but the quote itself. */
static int quoted(struct buf *out, const char *text)
{
    int r = buf_text(out, "'");

    if (r == 0)
        r = marked(out, text, "'", '\'');
    return r < 0 ? r : buf_text(out, "'");
}

/* The reasons hold printable text alone, so a literal block takes them as they are. */
static int diagnostics(struct buf *out, const struct told *told)
{
    int r = buf_text(out, "  ---\n  at:\n    file: ");

    if (r == 0)
        r = quoted(out, told->item->suite->path);
    if (r == 0)
        r = buf_printf(out, "\n    line: %u\n    column: %u\n  duration_ms: %.3f\n",
                       told->item->line, told->item->column, (double)told->wall_us / 1000);
    if (r == 0)
        r = buf_text(out, "  message: |2\n");
    for (const char *line = told->why; r == 0 && line && *line;) {
        size_t len = strcspn(line, "\n");

        r = buf_printf(out, "    %.*s\n", (int)len, line);
        line += line[len] ? len + 1 : len;
    }
    return r < 0 ? r : buf_text(out, "  ...\n");
}

static int one(struct buf *out, const struct told *told, size_t number)
{
    int r = buf_printf(out, "%sok %zu - ", told->passed ? "" : "not ", number);

    if (r == 0)
        r = description(out, told->item->suite->path);
    if (r == 0)
        r = buf_text(out, ": ");
    if (r == 0)
        r = description(out, told->item->name);
    if (r == 0)
        r = buf_text(out, "\n");
    return r < 0 || told->passed ? r : diagnostics(out, told);
}

static int end(struct buf *out, const struct told *told, const struct summary *summary)
{
    (void)told;
    return summary->interrupted ? buf_text(out, "Bail out! interrupted\n") : 0;
}

const struct report report_tap = {begin, one, end};
