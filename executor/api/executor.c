/* SPDX-License-Identifier: Apache-2.0 */
#include "api/executor.h"

#include <errno.h>
#include <stdlib.h>

#include "base/error.h"
#include "launch/pool.h"

const char *crib_version(void)
{
    return CRIB_VERSION;
}

int executor_new(crib **ret, uv_loop_t *loop, const struct executor_way *way,
                 struct crib_error *err)
{
    crib *ex;

    if (!loop)
        return fail_text(err, -EINVAL, "loop", -1, NULL, "there is none");
    ex = calloc(1, sizeof(*ex));
    if (!ex)
        return fail_sys(err, -ENOMEM, "executor", -1, NULL, NULL);
    ex->loop = loop;
    ex->way = way;
    uv_timer_init(loop, &ex->handle);
    ex->handle.data = ex;
    *ret = ex;
    return 0;
}

static void on_closed(uv_handle_t *handle)
{
    crib *ex = handle->data;
    void (*closed)(void *) = ex->closed;
    void *data = ex->data;

    policies_done(&ex->policies);
    pool_free(ex->pool);
    free(ex);
    if (closed)
        closed(data);
}

void executor_closed(crib *ex)
{
    uv_close((uv_handle_t *)&ex->handle, on_closed);
}

static void close_if_empty(crib *ex)
{
    if (ex->closing && !ex->tasks && !ex->holders)
        ex->way->close(ex);
}

void executor_hold(crib *ex)
{
    ex->holders++;
}

void executor_release(crib *ex)
{
    ex->holders--;
    close_if_empty(ex);
}

static void on_task_freed(crib_task *task, void *owner)
{
    *task->link = task->next;
    if (task->next)
        task->next->link = task->link;
    close_if_empty(owner);
}

void executor_add(crib *ex, crib_task *task)
{
    task->on_freed = on_task_freed;
    task->owner = ex;
    task->next = ex->tasks;
    task->link = &ex->tasks;
    if (task->next)
        task->next->link = &task->next;
    ex->tasks = task;
}

void crib_close(crib *ex, void (*closed)(void *data), void *data)
{
    if (!ex || ex->closing)
        return;
    ex->closing = true;
    ex->closed = closed;
    ex->data = data;
    for (crib_task *task = ex->tasks; task; task = task->next)
        task_stop(task);
    close_if_empty(ex);
}
