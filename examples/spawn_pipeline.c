/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `ps ax | grep PATTERN` as two tasks, each in a sandbox of its own: ps sees the processes of the
 * host, grep may do nothing but compute. The pipe between them is the kernel's, no byte of it
 * passes through this program; what grep finds is streamed here.
 *
 *     spawn_pipeline [PATTERN]
 */
#include <crib/crib.h>
#include <stdio.h>
#include <stdlib.h>

static char ps_name[] = "ps", grep_name[] = "grep";

static void on_found(crib_stream *stream, const char *data, ssize_t len, void *user)
{
    (void)stream;
    (void)user;
    if (data)
        fwrite(data, 1, (size_t)len, stdout);
}

static void on_complaint(crib_stream *stream, const char *data, ssize_t len, void *user)
{
    (void)stream;
    if (data)
        fprintf(stderr, "%s: %.*s", (const char *)user, (int)len, data);
}

static void on_error(crib_task *task, const struct crib_error *error, void *data)
{
    char text[512];

    (void)task;
    fprintf(stderr, "%s: %s\n", (const char *)data, crib_error_text(error, text, sizeof(text)));
}

static void on_close(crib_task *task, const struct crib_result *result, void *data)
{
    (void)task;
    printf("(%s exited with %d)\n", (const char *)data, result->status);
}

static void must(int r, const struct crib_error *error)
{
    char text[512];

    if (r >= 0)
        return;
    fprintf(stderr, "spawn_pipeline: %s\n", crib_error_text(error, text, sizeof(text)));
    exit(EXIT_FAILURE);
}

/* The host's processes are what ps is to show, so it runs under `open`; without a right to see
 * them, the /proc of its sandbox would show it itself alone. */
static crib_task *start_ps(crib *ex)
{
    static const char *const args[] = {"ax", NULL};
    struct crib_error error = {0};
    struct crib_options options;
    crib_task *task = NULL;

    crib_options_init(&options);
    options.policy = "open";
    options.cwd = "/"; /* ours may be closed to the id that the task has */
    options.on.error = on_error;
    options.on.close = on_close;
    options.data = ps_name;
    must(crib_spawn(ex, "ps", args, &options, &task, &error), &error);
    crib_stream_close(crib_task_stream(task, 0));
    return task;
}

static crib_task *start_grep(crib *ex, crib_stream *input, const char *pattern)
{
    const struct crib_stdio stdio[] = {
        {.kind = CRIB_STREAM, .stream = input}, {.kind = CRIB_PIPE}, {.kind = CRIB_PIPE}};
    const char *const args[] = {"-e", pattern, NULL};
    struct crib_error error = {0};
    struct crib_options options;
    crib_task *task = NULL;

    crib_options_init(&options);
    options.policy = "strict";
    options.stdio = stdio;
    options.stdio_count = 3;
    options.on.error = on_error;
    options.on.close = on_close;
    options.data = grep_name;
    must(crib_spawn(ex, "grep", args, &options, &task, &error), &error);
    return task;
}

int main(int argc, char **argv)
{
    uv_loop_t *loop = uv_default_loop();
    struct crib_error error = {0};
    crib_task *ps, *grep;
    crib *ex;

    must(crib_open(&ex, loop, NULL, &error), &error);
    ps = start_ps(ex);
    grep = start_grep(ex, crib_task_stream(ps, 1), argc > 1 ? argv[1] : "node");

    crib_stream_read_start(crib_task_stream(ps, 2), on_complaint, ps_name);
    crib_stream_read_start(crib_task_stream(grep, 1), on_found, NULL);
    crib_stream_read_start(crib_task_stream(grep, 2), on_complaint, grep_name);
    uv_run(loop, UV_RUN_DEFAULT);

    crib_close(ex, NULL, NULL);
    uv_run(loop, UV_RUN_DEFAULT);
    return uv_loop_close(loop) < 0;
}
