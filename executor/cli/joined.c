/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/joined.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "cli/say.h"

int joined_ask(struct crib_options *options, struct crib_error *err)
{
    unsigned rows, columns;
    int r = terminal_look(&rows, &columns, err);

    if (r < 0)
        return r;
    options->rows = (uint16_t)rows;
    options->columns = (uint16_t)columns;
    return 0;
}

/* Nobody types any more, or nobody looks: its terminal hangs up, as ours has. */
static void hang_up(struct joined *joined)
{
    input_close(&joined->input);
    crib_stream_close(crib_task_stream(joined->task, 0));
    crib_stream_close(crib_task_stream(joined->task, 1));
}

static void on_shown(crib_stream *stream, const char *data, ssize_t len, void *user)
{
    (void)stream;
    if (data && fd_write_all(STDOUT_FILENO, data, (size_t)len) < 0)
        hang_up(user);
}

static void on_written(crib_stream *stream, int status, void *user)
{
    struct joined *joined = user;

    (void)stream;
    if (status == 0)
        input_resume(&joined->input);
}

static void on_typed(struct input *input, const char *data, size_t len)
{
    struct joined *joined = input->data;
    crib_stream *stream = crib_task_stream(joined->task, 0);
    int r = stream ? crib_stream_write(stream, data, len, on_written, joined) : -1;

    if (r > 0)
        input_pause(input);
    else if (r < 0)
        input_close(input);
}

static void on_input_end(struct input *input, int status)
{
    (void)status; /* EIO is a terminal's way to say that it is gone */
    hang_up(input->data);
}

static void on_size(struct terminal *terminal, unsigned rows, unsigned columns)
{
    struct joined *joined = terminal->data;

    (void)crib_task_resize(joined->task, rows, columns); /* 0 and 0 where nobody knows */
}

int joined_show(struct joined *joined, crib_task *task, struct crib_error *err)
{
    crib_stream *stream = crib_task_stream(task, 1);
    int r = stream ? crib_stream_read_start(stream, on_shown, joined) : -ENOTTY;

    joined->task = task;
    return r < 0 ? fail_sys(err, r, "terminal", -1, NULL, "read what the task writes") : 0;
}

void joined_run(struct joined *joined, uv_loop_t *loop)
{
    int r;

    joined->terminal.size = on_size;
    joined->terminal.data = joined;
    joined->input.line = on_typed;
    joined->input.end = on_input_end;
    joined->input.data = joined;
    joined->input.raw = true;
    r = terminal_raw(&joined->terminal, loop);
    if (r == 0)
        r = input_open(&joined->input, loop, STDIN_FILENO, 0);
    if (r == 0)
        return;
    terminal_close(&joined->terminal);
    say("terminal: %s", strerror(-r));
    hang_up(joined);
}

void joined_close(struct joined *joined)
{
    input_close(&joined->input);
    terminal_close(&joined->terminal);
}
