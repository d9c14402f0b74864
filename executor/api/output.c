/* SPDX-License-Identifier: Apache-2.0 */
#include "api/output.h"

#include "supervise/escalation.h"

/* It may have ended by itself by now; that too much was written is then what is told of it. */
static void too_much(crib_task *task)
{
    if (task->state < TASK_ENDING)
        task_end(task, CRIB_OUTPUT);
    else if (task->result.verdict == CRIB_EXITED || task->result.verdict == CRIB_SIGNALED)
        task->result.verdict = CRIB_OUTPUT;
}

static void on_data(crib_stream *stream, const char *data, ssize_t len, void *user)
{
    struct output *output = user;

    if (data && collect_add(stream->number == 1 ? &output->out : &output->err, data, (size_t)len))
        too_much(output->task);
}

int output_attach(struct output *output, crib_task *task)
{
    output->task = task;
    output->out.max = output->err.max = task->max_buffer;
    for (crib_stream *stream = task->streams; stream; stream = stream->next) {
        int r = stream->writes ? 0 : stream_collect(stream, on_data, output);

        if (r < 0)
            return r;
    }
    return 0;
}

void output_done(struct output *output)
{
    collect_done(&output->out);
    collect_done(&output->err);
}
