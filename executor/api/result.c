/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A task's result, with its receipt and denials, as a message and as text.
 */
#include "api/result.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/executor.h"
#include "base/buf.h"
#include "supervise/timing.h"
#include "text/text.h"

/* The text of a buffer for a new owner. Return: 0; -ENOMEM. */
static int take_text(struct buf *buf, int r, char **ret)
{
    if (r == 0)
        r = buf_append(buf, "", 1);
    if (r == 0 && !(*ret = strdup((const char *)buf->data)))
        r = -ENOMEM;
    buf_done(buf);
    return r;
}

static void fill_usage(const struct crib_result *result, Crib__Usage *usage)
{
    usage->has_user_time = usage->has_system_time = true;
    usage->has_wall_time = usage->has_peak_memory = true;
    usage->user_time = result->user_us;
    usage->system_time = result->system_us;
    usage->wall_time = result->wall_us;
    usage->peak_memory = result->peak_memory;
    usage->has_peak_pids = result->peak_pids != 0;
    usage->peak_pids = result->peak_pids;
    usage->has_switches = usage->has_preempted = true;
    usage->switches = result->switches;
    usage->preempted = result->preempted;
    usage->has_read_bytes = usage->has_written_bytes = true;
    usage->read_bytes = result->read_bytes;
    usage->written_bytes = result->written_bytes;
}

static int add_stream(Crib__Usage *usage, struct arena *arena, uint32_t fd, uint64_t bytes)
{
    Crib__Usage__Stream *stream = ARENA_NEW(arena, crib__usage__stream, Crib__Usage__Stream);

    if (!stream)
        return -ENOMEM;
    stream->has_fd = stream->has_bytes = true;
    stream->fd = fd;
    stream->bytes = bytes;
    return arena_push(arena, &usage->streams, &usage->n_streams, stream);
}

static bool has_stream(const Crib__Usage *usage, uint32_t fd)
{
    for (size_t i = 0; i < usage->n_streams; i++)
        if (usage->streams[i]->fd == fd)
            return true;
    return false;
}

static int by_fd(const void *a, const void *b)
{
    const Crib__Usage__Stream *const *x = a, *const *y = b;

    return ((*x)->fd > (*y)->fd) - ((*x)->fd < (*y)->fd);
}

/* Those that end here, and those that a daemon has counted for us. */
static int fill_streams(const crib_task *task, struct arena *arena, Crib__Usage *usage)
{
    int r = 0;

    for (const crib_stream *stream = task->streams; stream && r == 0; stream = stream->next)
        if (!stream->writes && !stream->taken)
            r = add_stream(usage, arena, (uint32_t)stream->number, output_written(stream));
    for (const struct relay *relay = task->relays; relay && r == 0; relay = relay->next)
        r = add_stream(usage, arena, (uint32_t)relay->stream->number,
                       output_written(relay->stream));
    for (size_t i = 0; i < task->n_counted && r == 0; i++)
        if (!has_stream(usage, task->counted[i]->fd))
            r = add_stream(usage, arena, task->counted[i]->fd, task->counted[i]->bytes);
    if (r == 0 && usage->n_streams)
        qsort(usage->streams, usage->n_streams, sizeof(usage->streams[0]), by_fd);
    return r;
}

static void fill_end(const struct crib_result *result, Crib__Result *message)
{
    message->has_verdict = true;
    message->verdict = (Crib__Result__Verdict)result->verdict; /* the same numbers */
    message->has_status = result->status >= 0;
    message->status = result->status;
    message->has_signal = result->signal != 0;
    message->signal = result->signal;
    message->limit = result->limit[0] ? (char *)result->limit : NULL;
    message->call = result->call[0] ? (char *)result->call : NULL;
}

/* The message with all it points to copied, so that it outlives the task. */
static int copy_result(const Crib__Result *result, struct arena *arena, Crib__Result **ret)
{
    size_t len = crib__result__get_packed_size(result);
    uint8_t *data = malloc(len + 1);

    *ret = NULL;
    if (data)
        *ret = crib__result__unpack(&arena->pb, crib__result__pack(result, data), data);
    free(data);
    return *ret ? 0 : -ENOMEM;
}

int result_message(const crib_task *task, struct arena *arena, Crib__Result **ret)
{
    Crib__Result message = CRIB__RESULT__INIT;
    Crib__Usage usage = CRIB__USAGE__INIT;
    Crib__Error error = CRIB__ERROR__INIT;
    char sentence[1024];

    if (!task->result.verdict)
        return -EBUSY;
    fill_end(&task->result, &message);
    fill_usage(&task->result, &usage);
    if (fill_streams(task, arena, &usage) < 0)
        return -ENOMEM;
    message.usage = &usage;
    message.has_pid = true;
    message.pid = (uint32_t)task->pid;
    if (task->result.error.code) {
        error.has_code = true;
        error.code = task->result.error.code;
        error.step = (char *)task->result.error.step;
        error.text = crib_error_text(&task->result.error, sentence, sizeof(sentence));
        message.error = &error;
    }
    message.receipt = task->plan->receipt;
    message.n_receipt = task->plan->n_receipt;
    message.denials = task->denials;
    message.n_denials = task->n_denials;
    message.has_denials_lost = true;
    message.denials_lost = task->denials_lost;
    message.changes = task->changes;
    message.n_changes = task->n_changes;
    message.has_changes_lost = task->changes_lost != 0;
    message.changes_lost = task->changes_lost;
    if (timing_fill(task, arena, &message) < 0)
        return -ENOMEM;
    if (task->state == TASK_ENDED) { /* before, files are still on their way */
        message.copied = task->copied;
        message.n_copied = task->n_copied;
    }
    return copy_result(&message, arena, ret);
}

int result_refused(const crib *ex, struct arena *arena, Crib__Result *to)
{
    return ex && ex->refused.begun ? timing_spans(&ex->refused, arena, to) : 0;
}

int crib_task_result_json(const crib_task *task, char **ret_text)
{
    struct buf text = {0};
    struct arena arena;
    Crib__Result *message;
    int r;

    arena_init(&arena, 0);
    r = result_message(task, &arena, &message);
    if (r == 0)
        r = take_text(&text, text_write_json(&message->base, &text), ret_text);
    arena_done(&arena);
    return r;
}
