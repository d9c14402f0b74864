/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a request to a STARTING task. Everything that can be refused is, before a task exists.
 */
#include <errno.h>
#include <string.h>

#include "api/policy.h"
#include "api/request.h"
#include "api/start.h"
#include "api/stdio.h"
#include "base/auto.h"
#include "policy/vars.h"
#include "supervise/timing.h"

static int get_policy(crib *ex, const struct crib_options *options, struct arena *arena,
                      Crib__Policy **ret, Crib__Origins **ret_origins, struct crib_error *err)
{
    if (options->policy_message) {
        *ret = options->policy_message->policy;
        *ret_origins = options->policy_message->origins;
        return 0;
    }
    return policies_get(&ex->policies, options->policy ? options->policy : "default", arena, ret,
                        ret_origins, err);
}

int request_plan(crib *ex, const struct request *request, struct arena *arena, struct laps *laps,
                 Crib__Plan **ret, struct host_fds *ret_paths, struct crib_error *err)
{
    const char *const *paths;
    Crib__Policy *policy;
    Crib__Origins *origins;
    Crib__Task *task;
    Crib__Host *host;
    size_t count;
    int r = get_policy(ex, &request->options, arena, &policy, &origins, err);

    laps_mark(laps, "policy.read");
    if (r == 0)
        r = request_task(request, policy, arena, &task, err);
    if (r < 0)
        return r;
    laps_mark(laps, "api.task");
    task->origins = origins;
    r = policy_expand_vars(policy, task->vars, task->n_vars, arena, &task->policy, err);
    laps_mark(laps, "policy.vars");
    if (r < 0)
        return r;
    r = host_look(arena, &host);
    if (r == 0 && plan_wants_controllers(task->policy))
        r = host_controllers(arena, host);
    laps_mark(laps, "host.look");
    if (r < 0)
        return fail_sys(err, r, "host", -1, NULL, "look at it");
    r = plan_paths(task, host, arena, &paths, &count, err);
    if (r < 0)
        return r;
    r = host_paths(paths, count, arena, host, ret_paths);
    laps_mark(laps, "host.paths");
    if (r < 0)
        return r == -EMFILE || r == -ENFILE
                   ? fail_text(err, r, "host", -1, NULL,
                               "look at the paths: too many files are open: raise the limit "
                               "(`ulimit -n`)")
                   : fail_sys(err, r, "host", -1, NULL, "look at the paths");
    r = host_own(task->policy, arena, host, ret_paths);
    if (r < 0)
        fail_sys(err, r, "ids.own", -1, NULL, NULL);
    laps_mark(laps, "host.own");
    if (r == 0)
        r = plan_build(task, host, arena, ret, err);
    laps_mark(laps, "plan.build");
    if (r == 0)
        r = plan_compile_laps(*ret, arena, laps, err);
    if (r < 0)
        host_fds_done(ret_paths);
    return r;
}

int start_ends(crib_task *task, struct stdio_set *set, struct dialect_want channel,
               struct crib_error *err)
{
    int r;

    for (size_t i = 0; i < set->count; i++) {
        struct stdio_end *end = &set->end[i];

        if (end->ours < 0)
            continue;
        if (end->relay >= 0)
            r = task_add_relay(task, end->number, end->ours, end->relay);
        else if (end->is_channel)
            r = task_add_channel(task, end->ours, channel);
        else
            r = task_add_stream(task, end->number, end->ours, end->writes);
        if (r < 0)
            return fail_sys(err, r, "stdio", end->number, NULL, "watch the parent's end");
        fd_take(&end->ours);
    }
    if (set->reader >= 0) {
        r = task_add_terminal(task, set->writer, set->reader);

        if (r < 0)
            return fail_sys(err, r, "stdio", set->reader, NULL, "make the terminal's streams");
    }
    return 0;
}

/* Behind the stdio, as launch_start() has it. */
static int add_copies(crib_task *task, struct copies *copies, int *fds, struct crib_error *err)
{
    size_t n_in = task->plan->files ? task->plan->files->n_in : 0;

    if (n_in != copies->n_in)
        return fail_text(err, -EPROTO, "copy_in", -1, NULL, "the plan has %zu files, not %zu", n_in,
                         copies->n_in);
    memcpy(fds + task->plan->program->n_stdio, copies->in, copies->n_in * sizeof(*fds));
    if (left_new(task, copies->out, copies->n_out) == 0)
        return 0;
    return fail_sys(err, -ENOMEM, "copy_out", -1, NULL, NULL);
}

int start_task(crib_task *task, const struct crib_stdio *stdio, size_t count,
               struct dialect_want channel, struct copies *copies, const struct host_fds *paths,
               struct crib_error *err)
{
    int fds[PLAN_MAX_STDIO + FILES_MAX];
    struct stdio_set set;
    int r = stdio_open(stdio, count, &set, err);

    if (r < 0)
        return r;
    r = stdio_relay(&set, task->plan->output, err);
    stdio_own(&set, task->plan->ids);
    if (r == 0)
        r = stdio_list(&set, task->plan->program, fds, err);
    if (r == 0)
        r = start_ends(task, &set, channel, err);
    if (r == 0)
        r = add_copies(task, copies, fds, err);
    laps_mark(task->laps, "api.stdio");
    if (r == 0)
        r = task_start(task, paths, fds, err);
    if (r == 0)
        stdio_given(&set);
    stdio_done(&set);
    return r;
}

static int start_here(crib *ex, uv_loop_t *loop, const struct request *request, crib_task **ret,
                      struct crib_error *err)
{
    struct host_fds paths = {0};
    struct copies copies = {0};
    crib_task *task = start_new(ex, loop, request, err);
    int r;

    if (!task)
        return -ENOMEM;
    r = request_plan(ex, request, &task->arena, task->laps, &task->plan, &paths, err);
    if (r == 0) {
        r = copies_open(&request->options, &copies, err);
        if (r == 0)
            r = start_task(task, request->stdio, request->stdio_count, request_channel(request),
                           &copies, &paths, err);
        copies_done(&copies);
        host_fds_done(&paths);
    }
    if (r < 0) {
        start_discard(ex, task);
        return r;
    }
    *ret = task;
    return 0;
}

const struct executor_way executor_here = {start_here, plan_here, executor_closed};

static int begin_timing(crib_task *task, const struct request *request)
{
    struct laps laps = {.begun = request->begun};

    laps_mark(&laps, "api.request");
    return timing_begin(task, &laps);
}

crib_task *start_new(crib *ex, uv_loop_t *loop, const struct request *request,
                     struct crib_error *err)
{
    crib_task *task = task_new(loop);

    if (!task) {
        fail_sys(err, -ENOMEM, "task", -1, NULL, NULL);
        return NULL;
    }
    executor_add(ex, task);
    if (request->options.timing)
        (void)begin_timing(task, request);
    task->may_look = true;
    task->pool = ex->pool;
    task->on = request->options.on;
    task->data = request->options.data;
    task->max_buffer = request->options.max_buffer;
    return task;
}

void start_discard(crib *ex, crib_task *task)
{
    if (task->laps)
        ex->refused = *task->laps;
    task_discard(task);
}

int request_start(crib *ex, uv_loop_t *loop, const struct request *request, crib_task **ret,
                  struct crib_error *err)
{
    if (ex->closing)
        return fail_text(err, -ESHUTDOWN, "executor", -1, NULL, "it is being closed");
    return ex->way->start(ex, loop, request, ret, err);
}
