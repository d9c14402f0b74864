/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "api/output.h"
#include "api/request.h"

/* From the start to the callback. */
struct exec {
    struct output output;
    crib_exec_cb done;
    void *data;
};

static void on_closed(crib_task *task, void *data)
{
    struct exec *exec = data;
    size_t out_len, err_len;
    const char *out = collect_text(&exec->output.out, &out_len);
    const char *err = collect_text(&exec->output.err, &err_len);
    struct crib_error error;
    bool failed = ending_error(&task->result, task->aborted, task->max_buffer, &error);

    if (exec->done)
        exec->done(task, failed ? &error : NULL, out, out_len, err, err_len, exec->data);
    output_done(&exec->output);
    free(exec);
}

static int attach(crib_task *task, crib_exec_cb done, struct crib_error *err)
{
    struct exec *exec = calloc(1, sizeof(*exec));
    int r;

    if (!exec)
        return fail_sys(err, -ENOMEM, "exec", -1, NULL, NULL);
    exec->done = done;
    exec->data = task->data;
    r = output_attach(&exec->output, task);
    if (r < 0) {
        free(exec);
        return fail_sys(err, r, "exec", -1, NULL, "watch the output");
    }
    task->on_closed = on_closed;
    task->closed_data = exec;
    return 0;
}

static int start(crib *ex, const struct request *request, crib_exec_cb done, crib_task **ret,
                 struct crib_error *err)
{
    crib_task *task;
    int r;

    if (request->options.stdio)
        return fail_text(err, -EINVAL, "stdio", -1, NULL,
                         "exec collects the output itself: leave it out, or use spawn");
    r = request_start(ex, ex->loop, request, &task, err);
    if (r < 0)
        return r;
    r = attach(task, done, err);
    if (r < 0) {
        task_discard(task);
        return r;
    }
    if (ret)
        *ret = task;
    return 0;
}

static const struct crib_stdio pipes[] = {{CRIB_PIPE}, {CRIB_PIPE}, {CRIB_PIPE}};

int crib_exec(crib *ex, const char *line, const struct crib_options *options, crib_exec_cb done,
              crib_task **ret, struct crib_error *err)
{
    struct request request;
    int r = request_init_line(&request, line, options, pipes, 3, err);

    if (r == 0)
        r = start(ex, &request, done, ret, err);
    request_done(&request);
    return r;
}

int crib_exec_file(crib *ex, const char *file, const char *const *args,
                   const struct crib_options *options, crib_exec_cb done, crib_task **ret,
                   struct crib_error *err)
{
    struct request request;
    int r = request_init(&request, file, args, options, pipes, 3, err);

    if (r == 0)
        r = start(ex, &request, done, ret, err);
    request_done(&request);
    return r;
}
