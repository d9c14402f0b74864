/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The blocking forms: the same task, on a loop of its own that runs until it is closed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/output.h"
#include "api/request.h"
#include "base/fd.h"

/* One blocking run. */
struct run {
    struct output output;
    struct crib_sync *ret;
    bool closed;
    bool no_memory; /* for what was copied out */
};

/* The list and the contents behind it, in one allocation. Return: 0; -ENOMEM. */
static int keep_copied(const crib_task *task, struct crib_sync *ret)
{
    size_t count = task->n_copied, size = count * sizeof(*ret->copied);
    char *data;

    if (count == 0)
        return 0;
    for (size_t i = 0; i < count; i++)
        size += task->copied[i]->content.len;
    ret->copied = calloc(1, size);
    if (!ret->copied)
        return -ENOMEM;
    ret->copied_count = count;
    data = (char *)(ret->copied + count);
    for (size_t i = 0; i < count; i++) {
        struct crib_copied *copied = &ret->copied[i];

        crib_task_copied(task, i, copied);
        if (!copied->data)
            continue;
        copied->data = memcpy(data, copied->data, copied->size);
        data += copied->size;
    }
    return 0;
}

static void on_closed(crib_task *task, void *data)
{
    struct run *run = data;
    struct crib_sync *ret = run->ret;

    ret->pid = task->pid;
    ret->result = task->result;
    ret->result.limit = strdup(task->result.limit); /* the task's own end with it */
    ret->result.call = strdup(task->result.call);
    ending_error(&task->result, task->aborted, task->max_buffer, &ret->error);
    ret->out = collect_take(&run->output.out, &ret->out_len);
    ret->err = collect_take(&run->output.err, &ret->err_len);
    run->no_memory = keep_copied(task, ret) < 0;
    run->closed = true;
}

static int check(const struct request *request, bool input, struct crib_error *err)
{
    bool pipe_in = request->stdio_count > 0 && request->stdio[0].kind == CRIB_PIPE;

    if (request->options.detached)
        return fail_text(err, -EINVAL, "detached", -1, NULL,
                         "a blocking call waits for the end of its task");
    if (input && !pipe_in)
        return fail_text(err, -EINVAL, "stdio", 0, NULL, "no pipe to write the input to");
    for (size_t i = 0; i < request->stdio_count; i++) {
        if (request->stdio[i].kind == CRIB_CHANNEL)
            return fail_text(err, -EINVAL, "stdio", (int)i, NULL,
                             "a channel: nobody answers on it while the call blocks");
        if (i == 0 && request->stdio[i].kind == CRIB_PTY)
            return fail_text(err, -EINVAL, "stdio", (int)i, NULL,
                             "a terminal: nobody types while the call blocks");
        if (i > 2 && request->stdio[i].kind == CRIB_PIPE)
            return fail_text(err, -EINVAL, "stdio", (int)i, NULL,
                             "a pipe: nobody reads it while the call blocks");
    }
    return 0;
}

static int feed(crib_task *task, const void *input, size_t len, struct crib_error *err)
{
    for (crib_stream *stream = task->streams; stream; stream = stream->next) {
        int r = stream->writes && len ? crib_stream_write(stream, input, len, NULL, NULL) : 0;

        if (r < 0)
            return fail_sys(err, r, "stdio", 0, NULL, "queue the input");
        if (stream->writes)
            crib_stream_close(stream);
    }
    return 0;
}

static int start(crib *ex, uv_loop_t *loop, struct request *request, struct run *run,
                 const void *input, size_t len, struct crib_error *err)
{
    crib_task *task;
    int r = check(request, input != NULL, err);

    memset(&request->options.on, 0, sizeof(request->options.on));
    if (r == 0)
        r = request_start(ex, loop, request, &task, err);
    if (r < 0)
        return r;
    r = output_attach(&run->output, task);
    if (r < 0)
        fail_sys(err, r, "exec", -1, NULL, "watch the output");
    if (r == 0)
        r = feed(task, input, len, err);
    if (r < 0) {
        task_discard(task);
        return r;
    }
    task->on_closed = on_closed;
    task->closed_data = run;
    return 0;
}

/*
 * Takes whatever of 0 to 2 the caller has closed, until release_standard(): libuv ends the process
 * when its own loop gets one of them.
 */
static int hold_standard(void)
{
    int held = 0, fd = -1;

    while ((fd = open("/dev/null", O_RDWR | O_CLOEXEC)) >= 0 && fd <= 2)
        held |= 1 << fd;
    fd_close(&fd);
    return held;
}

static void release_standard(int held)
{
    for (int fd = 0; fd <= 2; fd++)
        if (held >> fd & 1)
            close(fd);
}

static int run_on(crib *ex, uv_loop_t *loop, struct request *request, struct run *run,
                  const void *input, size_t len, struct crib_error *err)
{
    int r = uv_loop_init(loop);

    if (r < 0)
        return fail_sys(err, r, "loop", -1, NULL, "make one");
    r = start(ex, loop, request, run, input, len, err);
    uv_run(loop, UV_RUN_DEFAULT);
    uv_loop_close(loop);
    return r;
}

static int run_request(crib *ex, struct request *request, const void *input, size_t len,
                       struct crib_sync *ret, struct crib_error *err)
{
    struct crib_sync got = {0};
    struct run run = {.ret = &got};
    uv_loop_t loop;
    int held = hold_standard();
    int r = run_on(ex, &loop, request, &run, input, len, err);

    release_standard(held);
    output_done(&run.output);
    if (r == 0 &&
        (!got.out || !got.err || run.no_memory || !got.result.limit || !got.result.call)) {
        crib_sync_done(&got);
        r = fail_sys(err, -ENOMEM, "exec", -1, NULL, "keep the output");
    }
    if (r == 0)
        *ret = got;
    return r;
}

static const struct crib_stdio fed[] = {{CRIB_PIPE}, {CRIB_PIPE}, {CRIB_PIPE}};
static const struct crib_stdio unfed[] = {{CRIB_NULL}, {CRIB_PIPE}, {CRIB_PIPE}};

int crib_spawn_sync(crib *ex, const char *file, const char *const *args, const void *input,
                    size_t input_len, const struct crib_options *options, struct crib_sync *ret,
                    struct crib_error *err)
{
    struct request request;
    int r = request_init(&request, file, args, options, input ? fed : unfed, 3, err);

    if (r == 0)
        r = run_request(ex, &request, input, input_len, ret, err);
    request_done(&request);
    return r;
}

static int refuse_stdio(const struct crib_options *options, struct crib_error *err)
{
    if (!options || !options->stdio)
        return 0;
    return fail_text(err, -EINVAL, "stdio", -1, NULL,
                     "exec collects the output itself: leave it out, or use crib_spawn_sync");
}

int crib_exec_file_sync(crib *ex, const char *file, const char *const *args, const void *input,
                        size_t input_len, const struct crib_options *options, struct crib_sync *ret,
                        struct crib_error *err)
{
    int r = refuse_stdio(options, err);

    return r < 0 ? r : crib_spawn_sync(ex, file, args, input, input_len, options, ret, err);
}

int crib_exec_sync(crib *ex, const char *line, const void *input, size_t input_len,
                   const struct crib_options *options, struct crib_sync *ret,
                   struct crib_error *err)
{
    struct request request;
    int r = refuse_stdio(options, err);

    if (r < 0)
        return r;
    r = request_init_line(&request, line, options, input ? fed : unfed, 3, err);
    if (r == 0)
        r = run_request(ex, &request, input, input_len, ret, err);
    request_done(&request);
    return r;
}

void crib_sync_done(struct crib_sync *sync)
{
    free((char *)sync->result.limit);
    free((char *)sync->result.call);
    free(sync->out);
    free(sync->err);
    free(sync->copied);
    memset(sync, 0, sizeof(*sync));
}
