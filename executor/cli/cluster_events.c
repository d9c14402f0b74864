/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: workers are hostile, and what reads the events must be able to trust each
 * line. So JSON goes where no worker writes: their stdout is our stderr, or it goes to an fd that
 * they do not have. And what a worker sends is told as it is only when it is one JSON text.
 */
#include "cli/cluster_events.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/json.h"
#include "cli/say.h"
#include "node/json.h"
#include "task.pb-c.h"
#include "text/base64.h"

#define JSON_TYPE   "json"
#define PATIENCE_MS 10000 /* at the end, for somebody who reads slowly */

/* --- a line of JSON --- */

struct line {
    struct buf out;
    int code; /* of the first part that failed */
};

#define PUT(line, ...)                                                                             \
    ((line)->code = (line)->code < 0 ? (line)->code : buf_printf(&(line)->out, __VA_ARGS__))

static void put_text(struct line *line, const char *name, const char *text)
{
    PUT(line, ",\"%s\":", name);
    if (line->code == 0)
        line->code = json_string(&line->out, text);
}

static void put_counts(const struct cluster_events *events, struct line *line)
{
    if (events->cluster)
        PUT(line, ",\"wanted\":%u,\"running\":%u", crib_cluster_wanted(events->cluster),
            cluster_status_running(events->cluster));
}

static void begin(const struct cluster_events *events, struct line *line, const char *event,
                  crib_worker *worker)
{
    *line = (struct line){0};
    PUT(line, "{\"event\":\"%s\",\"time\":%" PRIu64, event, (clock_us() - events->start_us) / 1000);
    if (worker)
        PUT(line, ",\"worker\":%u,\"pid\":%d", crib_worker_id(worker),
            (int)crib_task_pid(crib_worker_task(worker)));
}

static void finish(struct cluster_events *events, struct line *line)
{
    PUT(line, "}\n");
    if (line->code == 0)
        lines_put(&events->lines, (const char *)line->out.data, line->out.len);
    else
        events->lines.lost++;
    buf_done(&line->out);
}

/* An event that has only a worker. */
static void tell_worker(struct cluster_events *events, crib_worker *worker, const char *event,
                        const char *text)
{
    struct line line;

    if (events->json) {
        begin(events, &line, event, worker);
        finish(events, &line);
    } else if (!events->quiet) {
        say("worker %u (pid %d) %s", crib_worker_id(worker),
            (int)crib_task_pid(crib_worker_task(worker)), text);
    }
}

/* --- events --- */

void cluster_events_fork(struct cluster_events *events, crib_worker *worker)
{
    tell_worker(events, worker, "fork", "started");
}

void cluster_events_online(struct cluster_events *events, crib_worker *worker)
{
    tell_worker(events, worker, "online", "online");
}

void cluster_events_disconnect(struct cluster_events *events, crib_worker *worker)
{
    tell_worker(events, worker, "disconnect", "disconnected");
}

void cluster_events_listening(struct cluster_events *events, crib_worker *worker,
                              const char *address)
{
    struct line line;
    char text[LISTEN_TEXT + 16];

    cluster_status_address(&events->status, address);
    if (!events->json) {
        snprintf(text, sizeof(text), "listening on %s", address);
        tell_worker(events, worker, "listening", text);
        return;
    }
    begin(events, &line, "listening", worker);
    put_text(&line, "address", address);
    finish(events, &line);
}

void cluster_events_message(struct cluster_events *events, crib_worker *worker,
                            const struct crib_message *message)
{
    struct line line;
    bool plain = strcmp(message->type, JSON_TYPE) == 0 &&
                 node_json_check((struct node_json){message->data, message->len}) == 0;

    if (!events->json)
        return;
    begin(events, &line, "message", worker);
    put_text(&line, "type", message->type);
    PUT(&line, plain ? ",\"message\":" : ",\"base64\":\"");
    if (line.code == 0)
        line.code = plain ? json_one_line(&line.out, message->data, message->len)
                          : base64_write(&line.out, message->data, message->len);
    if (!plain)
        PUT(&line, "\"");
    finish(events, &line);
}

static uint64_t hash(uint64_t so_far, const char *text)
{
    do
        so_far = (so_far ^ (unsigned char)*text) * 0x100000001b3; /* FNV-1a */
    while (*text++);
    return so_far;
}

/* Workers are alike, and so is what they are denied. Files are only told where somebody asks. */
static bool is_new(struct cluster_events *events, const struct crib_denial *denial)
{
    uint64_t kind = hash(hash(0xcbf29ce484222325, denial->call), denial->rule);

    kind = hash(kind, denial->edit);
    kind = hash(kind, denial->by == CRIB_BY_FILES ? denial->text : "");

    for (unsigned i = 0; i < events->kind_count; i++)
        if (events->kinds[i] == kind)
            return false;
    if (events->kind_count == CLUSTER_DENIALS)
        return false;
    events->kinds[events->kind_count++] = kind;
    return true;
}

void cluster_events_denied(struct cluster_events *events, crib_worker *worker,
                           const struct crib_denial *denial)
{
    struct line line;

    if (!events->json) {
        snprintf(events->denials.who, sizeof(events->denials.who),
                 "worker %u: ", crib_worker_id(worker));
        if (!events->quiet && is_new(events, denial))
            denials_show(&events->denials, denial);
        return;
    }
    begin(events, &line, "denied", worker);
    put_text(&line, "call", denial->call);
    put_text(&line, "text", denial->text);
    put_text(&line, "answer", denial->answer);
    put_text(&line, "program", denial->program);
    put_text(&line, "object", denial->object);
    put_text(&line, "rule", denial->rule);
    put_text(&line, "edit", denial->edit);
    PUT(&line, ",\"count\":%" PRIu64, denial->count);
    finish(events, &line);
}

/* How it ended, as people say it. */
static const char *how(const struct crib_result *result, bool left, char *text, size_t size)
{
    static const char *const words[] = {
        [CRIB_WALL_TIMEOUT] = "killed: its time was up",
        [CRIB_CPU_TIMEOUT] = "killed: its processor time was up",
        [CRIB_MEMORY] = "killed for want of memory",
        [CRIB_PIDS] = "ended by the limit on processes",
        [CRIB_OUTPUT] = "killed: it has written too much",
        [CRIB_FILTER] = "killed for a call that is not allowed",
        [CRIB_SETUP_FAILED] = "could not be started",
    };
    size_t count = sizeof(words) / sizeof(words[0]), verdict = (size_t)result->verdict;
    const char *name = sigabbrev_np(result->signal), *before = left ? "left, " : "";

    if (verdict < count && words[verdict])
        return words[verdict];
    if (result->signal && name)
        snprintf(text, size, "%skilled by SIG%s", before, name);
    else if (result->signal)
        snprintf(text, size, "%skilled by signal %d", before, result->signal);
    else if (left && result->status == 0)
        return "left";
    else
        snprintf(text, size, "%sexited with %d", before, result->status);
    return text;
}

static void tell_exit(struct cluster_events *events, crib_worker *worker,
                      const struct crib_result *result)
{
    const ProtobufCEnumValue *verdict = protobuf_c_enum_descriptor_get_value(
        &crib__result__verdict__descriptor, (int)result->verdict);
    struct line line;

    begin(events, &line, "exit", worker);
    put_text(&line, "verdict", verdict ? verdict->name : "");
    if (result->signal)
        PUT(&line, ",\"signal\":%d", result->signal);
    else if (result->status >= 0)
        PUT(&line, ",\"status\":%d", result->status);
    PUT(&line, ",\"left\":%s", crib_worker_left(worker) ? "true" : "false");
    put_counts(events, &line);
    finish(events, &line);
}

void cluster_events_exit(struct cluster_events *events, crib_worker *worker,
                         const struct crib_result *result)
{
    bool left = crib_worker_left(worker);
    char text[64];

    events->denied += result->denials;
    events->status.crashes += !left && (result->verdict != CRIB_EXITED || result->status != 0);
    if (events->json)
        tell_exit(events, worker, result);
    else
        tell_worker(events, worker, "exit", how(result, left, text, sizeof(text)));
}

void cluster_events_error(struct cluster_events *events, crib_worker *worker,
                          const struct crib_error *error)
{
    struct line line;
    char text[1024];

    crib_error_text(error, text, sizeof(text));
    if (events->json) {
        begin(events, &line, "error", worker);
        PUT(&line, ",\"error\":{\"code\":%d", error->code);
        if (error->step)
            put_text(&line, "step", error->step);
        put_text(&line, "text", text);
        PUT(&line, "}");
        finish(events, &line);
    } else if (!events->quiet && worker) {
        say("worker %u (pid %d): error: %s", crib_worker_id(worker),
            (int)crib_task_pid(crib_worker_task(worker)), text);
    } else if (!events->quiet) {
        say("error: %s", text);
    }
}

void cluster_events_own(struct cluster_events *events, const char *event, const char *text)
{
    struct line line;

    if (events->json) {
        begin(events, &line, event, NULL);
        put_counts(events, &line);
        finish(events, &line);
    } else if (!events->quiet) {
        say("%s", text);
    }
}

/* --- where it goes --- */

static void on_said(const char *text, size_t len, void *data)
{
    struct cluster_events *events = data;

    cluster_status_clear(&events->status);
    lines_put(&events->lines, text, len);
}

static void on_relieved(struct lines *lines, uint64_t lost)
{
    struct cluster_events *events = lines->data;
    struct line line;

    if (!events->json) {
        say("%" PRIu64 " lines were not read, and are lost here", lost);
        return;
    }
    begin(events, &line, "lost", NULL);
    PUT(&line, ",\"count\":%" PRIu64, lost);
    finish(events, &line);
}

static void on_broken(struct lines *lines, int code)
{
    struct cluster_events *events = lines->data;

    if (events->json)
        events->broken(events, code);
}

int cluster_events_open(struct cluster_events *events, uv_loop_t *loop,
                        const struct cluster_options *options)
{
    int fd = options->events_fd >= 0 ? options->events_fd : STDOUT_FILENO, r;

    events->json = options->json;
    events->quiet = options->quiet;
    events->start_us = clock_us();
    events->lines.relieved = on_relieved;
    events->lines.broken = on_broken;
    events->lines.data = events;
    r = lines_open(&events->lines, loop, events->json ? fd : STDERR_FILENO);
    if (r < 0 || events->json)
        return r;
    say_to(on_said, events);
    return events->quiet ? 0 : cluster_status_open(&events->status, loop, &events->lines);
}

void cluster_events_close(struct cluster_events *events)
{
    if (!events->json && !events->quiet)
        denials_end(&events->denials, events->denied);
    cluster_status_close(&events->status);
    lines_finish(&events->lines, PATIENCE_MS);
    say_to(NULL, NULL);
    lines_close(&events->lines);
}
