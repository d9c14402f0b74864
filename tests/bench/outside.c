/* SPDX-License-Identifier: Apache-2.0 */
#include "outside.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

static void on_closed(uv_handle_t *handle)
{
    ((struct outside *)handle->data)->open--;
}

static void on_exit_event(uv_process_t *process, int64_t status, int signo)
{
    struct outside *outside = process->data;

    outside->status = signo ? signo : (int)status;
    uv_close((uv_handle_t *)process, on_closed);
    outside_close_in(outside);
}

static void on_room(uv_handle_t *handle, size_t wanted, uv_buf_t *ret)
{
    struct outside *outside = handle->data;
    char *text = realloc(outside->text, outside->len + wanted + 1);

    if (!text)
        abort();
    outside->text = text;
    *ret = uv_buf_init(text + outside->len, (unsigned)wanted);
}

static void on_data(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct outside *outside = stream->data;

    (void)buf;
    outside->len += n > 0 ? (size_t)n : 0;
    outside->text[outside->len] = '\0';
    if (n < 0)
        uv_close((uv_handle_t *)stream, on_closed);
}

int outside_start(struct outside *outside, uv_loop_t *loop, const char *const *args)
{
    uv_stdio_container_t stdio[3] = {
        {.flags = UV_CREATE_PIPE | UV_READABLE_PIPE, .data.stream = (uv_stream_t *)&outside->in},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&outside->out},
        {.flags = UV_INHERIT_FD, .data.fd = 2}};
    uv_process_options_t options = {.file = args[0],
                                    .args = (char **)args,
                                    .exit_cb = on_exit_event,
                                    .stdio = stdio,
                                    .stdio_count = 3};
    int r;

    *outside = (struct outside){.open = 3, .text = calloc(1, 1)};
    if (!outside->text)
        abort();
    uv_pipe_init(loop, &outside->in, 0);
    uv_pipe_init(loop, &outside->out, 0);
    outside->process.data = outside->in.data = outside->out.data = outside;
    r = uv_spawn(loop, &outside->process, &options);
    if (r == 0) {
        uv_read_start((uv_stream_t *)&outside->out, on_room, on_data);
        return 0;
    }
    uv_close((uv_handle_t *)&outside->process, on_closed);
    uv_close((uv_handle_t *)&outside->out, on_closed);
    outside_close_in(outside);
    return r;
}

bool outside_wrote(struct outside *outside, unsigned lines)
{
    for (;;) {
        unsigned count = 0;

        for (const char *at = outside->text; (at = strchr(at, '\n')); at++)
            count++;
        if (count >= lines || outside->open == 0)
            return count >= lines;
        uv_run(outside->process.loop, UV_RUN_ONCE);
    }
}

void outside_close_in(struct outside *outside)
{
    if (!outside->in_closed)
        uv_close((uv_handle_t *)&outside->in, on_closed);
    outside->in_closed = true;
}

void outside_wait(struct outside *outside)
{
    while (outside->open > 0)
        uv_run(outside->process.loop, UV_RUN_ONCE);
}

void outside_stop(struct outside *outside)
{
    if (outside->open > 0 && uv_is_active((uv_handle_t *)&outside->process))
        uv_process_kill(&outside->process, SIGTERM);
    outside_wait(outside);
    free(outside->text);
    outside->text = NULL;
}
