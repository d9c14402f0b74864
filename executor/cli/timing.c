/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/timing.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "api/result.h"
#include "base/auto.h"
#include "base/buf.h"
#include "base/fd.h"
#include "cli/say.h"
#include "text/utf8.h"

#define WIDEST 40 /* what is longer pushes its own line aside */

static int width_of(const char *text)
{
    return (int)strnlen(text, WIDEST);
}

/* The end of what lasted longest. */
static uint64_t total(const Crib__Result *result)
{
    uint64_t end = 0;

    for (size_t i = 0; i < result->n_timing; i++) {
        const Crib__Span *span = result->timing[i];

        if (span->begin + span->length > end)
            end = span->begin + span->length;
    }
    return end;
}

static void show_table(const Crib__Result *result)
{
    int room = 4, step = 4;

    for (size_t i = 0; i < result->n_timing; i++) {
        const Crib__Span *span = result->timing[i];

        room = width_of(span->room) > room ? width_of(span->room) : room;
        step = width_of(span->name) > step ? width_of(span->name) : step;
    }
    say("%-*s  %-*s  %10s  %10s", room, "room", step, "step", "begin us", "took us");
    for (size_t i = 0; i < result->n_timing; i++) {
        const Crib__Span *span = result->timing[i];

        say("%-*s  %-*s  %10.1f  %10.1f", room, span->room, step, span->name,
            (double)span->begin / 1e3, (double)span->length / 1e3);
    }
    say("%-*s  %-*s  %10s  %10.1f", room, "total", step, "", "", (double)total(result) / 1e3);
}

/* @text is tamed: no control characters, and UTF-8. */
static int write_text(struct buf *out, const char *text)
{
    int r = buf_text(out, "\"");

    for (; r == 0 && *text; text++)
        r = *text == '"' || *text == '\\' ? buf_printf(out, "\\%c", *text)
                                          : buf_append(out, text, 1);
    return r < 0 ? r : buf_text(out, "\"");
}

/* Return: the first span of the same room; its number is the room's. */
static size_t room_of(const Crib__Result *result, size_t index)
{
    size_t i = 0;

    while (i < index && strcmp(result->timing[i]->room, result->timing[index]->room) != 0)
        i++;
    return i;
}

static int write_room(const Crib__Result *result, size_t index, struct buf *out)
{
    int r = buf_printf(out,
                       "{\"name\":\"thread_name\",\"ph\":\"M\",\"pid\":1,\"tid\":%zu,"
                       "\"args\":{\"name\":",
                       index + 1);

    if (r == 0)
        r = write_text(out, result->timing[index]->room);
    return r < 0 ? r : buf_text(out, "}},\n");
}

/* Times in microseconds, as the format has it. */
static int write_span(const Crib__Result *result, size_t index, struct buf *out)
{
    const Crib__Span *span = result->timing[index];
    int r = buf_text(out, "{\"name\":");

    if (r == 0)
        r = write_text(out, span->name);
    if (r == 0)
        r = buf_text(out, ",\"cat\":");
    if (r == 0)
        r = write_text(out, span->room);
    if (r < 0)
        return r;
    return buf_printf(out,
                      ",\"ph\":\"X\",\"ts\":%" PRIu64 ".%03u,\"dur\":%" PRIu64 ".%03u,"
                      "\"pid\":1,\"tid\":%zu},\n",
                      span->begin / 1000, (unsigned)(span->begin % 1000), span->length / 1000,
                      (unsigned)(span->length % 1000), room_of(result, index) + 1);
}

int timing_write(const Crib__Result *result, struct buf *out)
{
    int r = buf_text(out, "{\"traceEvents\":[\n");

    for (size_t i = 0; r == 0 && i < result->n_timing; i++) {
        if (room_of(result, i) == i)
            r = write_room(result, i, out);
        if (r == 0)
            r = write_span(result, i, out);
    }
    if (r == 0)
        r = buf_text(out, "{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":1,\"tid\":1,"
                          "\"args\":{\"name\":\"crib\"}}\n]}\n");
    return r;
}

static int write_file(const char *path, const Crib__Result *result)
{
    AUTO(buf_done) struct buf out = {0};
    AUTO_FD int fd = -1;
    int r = timing_write(result, &out);

    if (r < 0)
        return r;
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    return fd < 0 ? -errno : fd_write_all(fd, out.data, out.len);
}

/* What a task's init or a daemon says goes to a terminal. */
static void tame(const Crib__Result *result)
{
    static char none[] = "";

    for (size_t i = 0; i < result->n_timing; i++) {
        Crib__Span *span = result->timing[i];

        span->room = utf8_tame(span->room ? span->room : none);
        span->name = utf8_tame(span->name ? span->name : none);
    }
}

int timing_show(const struct request *request, const Crib__Result *result)
{
    static const Crib__Result nothing = CRIB__RESULT__INIT;
    int r = 0;

    if (result)
        tame(result);
    else
        result = &nothing;
    if (request->timing && result->n_timing)
        show_table(result);
    else if (request->timing)
        say("timing: nothing was begun");
    if (request->trace)
        r = write_file(request->trace, result);
    if (r < 0)
        say("--trace %s: %s", request->trace, strerror(-r));
    return r;
}

int timing_show_task(const struct request *request, const crib_task *task)
{
    AUTO(arena_done) struct arena arena = {0};
    Crib__Result *result = NULL;
    int r;

    if (!request->options.timing)
        return 0;
    arena_init(&arena, 0);
    r = result_message(task, &arena, &result);
    if (r < 0)
        say("timing: %s", strerror(-r));
    return r < 0 ? r : timing_show(request, result);
}
