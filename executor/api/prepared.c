/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sandboxes made ahead of their tasks: launch/pool.h, for an executor.
 */
#include <errno.h>

#include "api/request.h"
#include "api/start.h"
#include "launch/halves.h"
#include "launch/pool.h"

static int check(const crib *ex, unsigned most, struct crib_error *err)
{
    if (ex->way != &executor_here)
        return fail_text(err, -EOPNOTSUPP, "prepared", -1, NULL,
                         "a daemon's site file says how many sandboxes it keeps ready");
    if (most > POOL_MOST)
        return fail_text(err, -EINVAL, "prepared", -1, NULL, "%u sandboxes, at most %d", most,
                         POOL_MOST);
    return 0;
}

int crib_set_prepared(crib *ex, unsigned most, unsigned idle_ms, struct crib_error *err)
{
    struct pool *pool = NULL;
    int r = check(ex, most, err);

    if (r < 0)
        return r;
    if (most && !(pool = pool_new(most, idle_ms)))
        return fail_sys(err, -ENOMEM, "prepared", -1, NULL, NULL);
    pool_free(ex->pool);
    ex->pool = pool;
    return 0;
}

static int want(crib *ex, const Crib__Plan *plan, struct crib_error *err)
{
    struct halves halves;
    int r;

    if (!halves_apart(plan))
        return fail_text(err, -EOPNOTSUPP, "prepared", -1, NULL,
                         "a task with overlays, masks, an id of its own, or detached, is never "
                         "prepared");
    halves_split(plan, &halves);
    r = pool_want(ex->pool, &halves.first);
    return r < 0 ? fail_sys(err, r, "prepared", -1, NULL, "have it made") : 0;
}

static int prepare_here(crib *ex, const struct request *request, struct crib_error *err)
{
    struct host_fds paths = {0};
    struct arena arena;
    Crib__Plan *plan;
    int r;

    arena_init(&arena, 0);
    r = request_plan(ex, request, &arena, NULL, &plan, &paths, err);
    if (r == 0) {
        r = want(ex, plan, err);
        host_fds_done(&paths);
    }
    arena_done(&arena);
    return r;
}

int crib_prepare(crib *ex, const char *file, const char *const *args,
                 const struct crib_options *options, struct crib_error *err)
{
    static const struct crib_stdio pipes[] = {{CRIB_PIPE}, {CRIB_PIPE}, {CRIB_PIPE}};
    struct request request;
    int r;

    if (!ex->pool)
        return fail_text(err, -EINVAL, "prepared", -1, NULL, "crib_set_prepared() comes first");
    r = request_init(&request, file, args, options, pipes, 3, err);
    if (r == 0)
        r = prepare_here(ex, &request, err);
    request_done(&request);
    return r;
}

unsigned crib_prepared(const crib *ex)
{
    return ex->pool ? pool_ready(ex->pool) : 0;
}
