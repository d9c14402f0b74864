/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a request to a STARTING task. Everything that can be refused is, before a task exists.
 */
#include <errno.h>

#include "api/policy.h"
#include "api/request.h"
#include "api/stdio.h"
#include "base/auto.h"

static int get_policy(crib *ex, const struct crib_options *options, struct arena *arena,
                      Crib__Policy **ret, struct crib_error *err)
{
    if (options->policy_message) {
        *ret = options->policy_message->policy;
        return 0;
    }
    return policies_get(&ex->policies, options->policy ? options->policy : "default", arena, ret,
                        err);
}

int request_plan(crib *ex, const struct request *request, struct arena *arena, Crib__Plan **ret,
                 struct host_fds *ret_paths, struct crib_error *err)
{
    const char *const *paths;
    Crib__Policy *policy;
    Crib__Task *task;
    Crib__Host *host;
    size_t count;
    int r = get_policy(ex, &request->options, arena, &policy, err);

    if (r == 0)
        r = request_task(request, policy, arena, &task, err);
    if (r < 0)
        return r;
    r = host_look(arena, &host);
    if (r < 0)
        return fail_sys(err, r, "host", -1, NULL, "look at it");
    r = plan_paths(task, host, arena, &paths, &count, err);
    if (r < 0)
        return r;
    r = host_paths(paths, count, arena, host, ret_paths);
    if (r < 0)
        return fail_sys(err, r, "host", -1, NULL, "look at the paths");
    r = plan_build(task, host, arena, ret, err);
    if (r == 0)
        r = plan_compile(*ret, arena, err);
    if (r < 0)
        host_fds_done(ret_paths);
    return r;
}

/* The parent's ends become the task's streams and channel. */
static int add_ends(crib_task *task, struct stdio_set *set, size_t max_message,
                    struct crib_error *err)
{
    for (size_t i = 0; i < set->count; i++) {
        struct stdio_end *end = &set->end[i];
        int r;

        if (end->ours < 0)
            continue;
        r = end->is_channel ? task_add_channel(task, end->ours, max_message)
                            : task_add_stream(task, end->number, end->ours, end->writes);
        if (r < 0)
            return fail_sys(err, r, "stdio", end->number, NULL, "watch the parent's end");
        fd_take(&end->ours);
    }
    return 0;
}

static int launch(crib_task *task, const struct request *request, const struct host_fds *paths,
                  struct crib_error *err)
{
    int fds[PLAN_MAX_STDIO];
    struct stdio_set set;
    int r = stdio_open(request->stdio, request->stdio_count, &set, err);

    if (r < 0)
        return r;
    stdio_own(&set, task->plan->ids);
    r = stdio_list(&set, task->plan->program, fds, err);
    if (r == 0)
        r = add_ends(task, &set, request->options.max_message, err);
    if (r == 0)
        r = task_start(task, paths, fds, err);
    if (r == 0)
        stdio_given(&set);
    stdio_done(&set);
    return r;
}

int request_start(crib *ex, uv_loop_t *loop, const struct request *request, crib_task **ret,
                  struct crib_error *err)
{
    struct host_fds paths = {0};
    crib_task *task;
    int r;

    if (ex->closing)
        return fail_text(err, -ESHUTDOWN, "executor", -1, NULL, "it is being closed");
    task = task_new(loop);
    if (!task)
        return fail_sys(err, -ENOMEM, "task", -1, NULL, NULL);
    executor_add(ex, task);
    task->on = request->options.on;
    task->data = request->options.data;
    task->max_buffer = request->options.max_buffer;
    r = request_plan(ex, request, &task->arena, &task->plan, &paths, err);
    if (r == 0) {
        r = launch(task, request, &paths, err);
        host_fds_done(&paths);
    }
    if (r < 0) {
        task_discard(task);
        return r;
    }
    *ret = task;
    return 0;
}
