/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/log.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "text/utf8.h"

#define MOST_BYTES 1000 /* of one text */
#define TAIL       64   /* bytes kept free for what ends a line */

/* One write of this size is never mixed with another's, and does not wait where poll(2) said so. */
struct line {
    char text[PIPE_BUF];
    size_t len;
    bool cut; /* something had no room */
};

static struct {
    int fd;
    enum log_level most;
    bool values;
    bool torn; /* the last line was written in part */
    uint64_t dropped, told;
} logging = {.fd = -1};

static const char *const levels[] = {"error", "warning", "info", "debug"};

void log_open(int fd, enum log_level most, bool values)
{
    logging.fd = fd;
    logging.most = most;
    logging.values = values;
    logging.torn = false;
}

uint64_t log_dropped(void)
{
    return logging.dropped;
}

static void add(struct line *line, const void *bytes, size_t len)
{
    if (line->cut || len > sizeof(line->text) - TAIL - line->len) {
        line->cut = true;
        return;
    }
    memcpy(line->text + line->len, bytes, len);
    line->len += len;
}

static void add_plain(struct line *line, const char *text)
{
    add(line, text, strlen(text));
}

static void add_number(struct line *line, int64_t number)
{
    char digits[24];

    add(line, digits, (size_t)snprintf(digits, sizeof(digits), "%" PRId64, number));
}

static void add_character(struct line *line, const uint8_t *at, size_t len, uint32_t c)
{
    char escape[8];

    if (len == 0)
        add_plain(line, "\\ufffd");
    else if (c == '"' || c == '\\')
        add(line, escape, (size_t)snprintf(escape, sizeof(escape), "\\%c", (int)c));
    else if (c <= 0xffff && (c < 0x20 || utf8_needs_escape(c)))
        add(line, escape, (size_t)snprintf(escape, sizeof(escape), "\\u%04x", (unsigned)c));
    else
        add(line, at, len);
}

/* A string of JSON from the first @len bytes of a text; a long one ends in `…`. */
static void add_text(struct line *line, const char *text, size_t len)
{
    const uint8_t *at = (const uint8_t *)text, *end = at + (len < MOST_BYTES ? len : MOST_BYTES);

    add_plain(line, "\"");
    while (at < end) {
        uint32_t c = 0;
        size_t n = utf8_next(at, len - (size_t)(at - (const uint8_t *)text), &c);

        add_character(line, at, n, c);
        at += n ? n : 1;
    }
    add_plain(line, len > MOST_BYTES ? "…\"" : "\"");
}

/* The first word tells the program, or a variable's name. What is behind a `=` may be a secret. */
static void add_redacted(struct line *line, const char *const *words)
{
    int64_t count = 0;

    while (words[count])
        count++;
    add_plain(line, "{\"count\":");
    add_number(line, count);
    if (count > 0) {
        const char *equals = strchr(words[0], '=');

        add_plain(line, ",\"first\":");
        add_text(line, words[0], equals ? (size_t)(equals - words[0]) + 1 : strlen(words[0]));
    }
    add_plain(line, "}");
}

static void add_words(struct line *line, const char *const *words)
{
    add_plain(line, "[");
    for (size_t i = 0; words[i]; i++) {
        add_plain(line, i ? "," : "");
        add_text(line, words[i], strlen(words[i]));
    }
    add_plain(line, "]");
}

static void add_value(struct line *line, const struct log_field *field, bool values)
{
    if (field->kind == LOG_NUMBER)
        add_number(line, field->number);
    else if (field->kind == LOG_TEXT)
        add_text(line, field->text, strlen(field->text));
    else if (values)
        add_words(line, field->words);
    else
        add_redacted(line, field->words);
}

/* Whole or not at all, so that a line is JSON however long its texts are. Return: whether it is. */
static bool add_field(struct line *line, const struct log_field *field, bool values)
{
    size_t before = line->len;
    bool whole, cut = line->cut;

    line->cut = false;
    add_plain(line, before > 1 ? ",\"" : "\"");
    add_plain(line, field->name);
    add_plain(line, "\":");
    add_value(line, field, values);
    whole = !line->cut;
    if (!whole)
        line->len = before;
    line->cut = cut || !whole;
    return whole;
}

static bool is_empty(const struct log_field *field)
{
    return (field->kind == LOG_TEXT && !field->text) || (field->kind == LOG_WORDS && !field->words);
}

/* Words that are too many for a line are at least counted. */
static void add_fields(struct line *line, const struct log_field *fields)
{
    for (; fields->name; fields++) {
        if (is_empty(fields) || add_field(line, fields, logging.values))
            continue;
        if (fields->kind == LOG_WORDS && logging.values)
            (void)add_field(line, fields, false);
    }
}

static void add_time(struct line *line)
{
    char text[48];
    struct timespec now;
    struct tm tm;
    size_t n;

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text + n, sizeof(text) - n, ".%03ldZ", now.tv_nsec / 1000000);
    add_field(line, &(struct log_field)LOG_T("time", text), false);
}

static void end_line(struct line *line)
{
    size_t room = sizeof(line->text) - line->len;
    uint64_t dropped = logging.dropped - logging.told;
    int n = 0;

    if (line->cut)
        n = snprintf(line->text + line->len, room, ",\"cut\":true");
    if (dropped)
        n += snprintf(line->text + line->len + n, room - (size_t)n, ",\"dropped\":%" PRIu64,
                      dropped);
    n += snprintf(line->text + line->len + n, room - (size_t)n, "}\n");
    line->len += (size_t)n;
}

/* Standard error is shared with whoever started us, so it is not made non-blocking. */
static ssize_t write_now(const void *data, size_t len)
{
    struct pollfd ready = {.fd = logging.fd, .events = POLLOUT};
    ssize_t n = send(logging.fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (n >= 0 || errno != ENOTSOCK)
        return n;
    if (poll(&ready, 1, 0) != 1 || !(ready.revents & POLLOUT))
        return -1;
    return write(logging.fd, data, len);
}

static void write_line(struct line *line)
{
    ssize_t n;

    if (logging.torn && write_now("\n", 1) == 1)
        logging.torn = false;
    n = logging.torn ? -1 : write_now(line->text, line->len);
    if (n == (ssize_t)line->len) {
        logging.told = logging.dropped;
        return;
    }
    if (n > 0)
        logging.torn = true;
    logging.dropped++;
}

void log_line(enum log_level level, const char *event, const struct log_field *fields)
{
    struct line line = {.text = "{", .len = 1};

    if (logging.fd < 0 || level > logging.most)
        return;
    add_time(&line);
    add_field(&line, &(struct log_field)LOG_T("level", levels[level]), false);
    add_field(&line, &(struct log_field)LOG_T("event", event), false);
    add_fields(&line, fields);
    end_line(&line);
    write_line(&line);
}
