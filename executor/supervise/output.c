/* SPDX-License-Identifier: Apache-2.0 */
#include "supervise/output.h"

#include "supervise/escalation.h"
#include "supervise/pipe.h"
#include "supervise/relay.h"

void output_watch(crib_task *task, crib_stream *stream)
{
    const Crib__OutputPlan *plan = task->plan ? task->plan->output : NULL;

    if (!plan || stream->writes)
        return;
    task->output.each = plan->each;
    task->output.total = plan->total;
    task->output.task = task;
    stream->meter = &task->output;
}

static uint64_t left(uint64_t limit, uint64_t used)
{
    if (!limit)
        return UINT64_MAX;
    return used < limit ? limit - used : 0;
}

size_t output_left(const crib_stream *stream, size_t most)
{
    const struct output_meter *meter = stream->meter;
    uint64_t each, total;

    if (!meter)
        return most;
    each = left(meter->each, stream->bytes);
    total = left(meter->total, meter->taken);
    if (total < each)
        each = total;
    return each < most ? (size_t)each : most;
}

void output_taken(crib_stream *stream, size_t bytes)
{
    stream->bytes += bytes;
    if (stream->meter)
        stream->meter->taken += bytes;
}

static const char *name_of(const struct output_meter *meter, uint64_t bytes)
{
    return meter->each && bytes > meter->each ? "output" : "output_total";
}

/* It may have ended by itself by now; that too much was written is then what is told of it. */
void output_over(crib_stream *stream)
{
    const struct output_meter *meter = stream->meter;
    crib_task *task = meter->task;
    const char *limit = name_of(meter, ++stream->bytes);

    if (task->state < TASK_ENDING) {
        task_end_at_once(task, CRIB_OUTPUT, limit);
    } else if (task->result.verdict == CRIB_EXITED || task->result.verdict == CRIB_SIGNALED) {
        task->result.verdict = CRIB_OUTPUT;
        task->result.limit = limit;
        task_limit_reached(task);
    }
}

uint64_t output_written(const crib_stream *stream)
{
    return stream->bytes + (stream->fd >= 0 ? pipe_waiting(stream->fd) : 0);
}

/* Return: whether the stream alone is over; adds what was written to @all. */
static bool is_over(const crib_stream *stream, uint64_t *all)
{
    uint64_t bytes = stream->meter ? output_written(stream) : 0;

    *all += bytes;
    return stream->meter && stream->meter->each && bytes > stream->meter->each;
}

const char *output_passed(const crib_task *task)
{
    uint64_t all = 0;
    bool over = false;

    for (const crib_stream *stream = task->streams; stream; stream = stream->next)
        over |= is_over(stream, &all);
    for (const struct relay *relay = task->relays; relay; relay = relay->next)
        over |= is_over(relay->stream, &all);
    if (over)
        return "output";
    return task->output.total && all > task->output.total ? "output_total" : NULL;
}
