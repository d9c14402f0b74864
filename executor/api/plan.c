/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "api/start.h"
#include "base/buf.h"
#include "text/text.h"

static int write_plan(const Crib__Plan *plan, char **ret, struct crib_error *err)
{
    struct buf text = {0};
    int r = text_write_yaml(&plan->base, &text);

    if (r == 0)
        r = buf_append(&text, "", 1);
    if (r == 0 && !(*ret = strdup((const char *)text.data)))
        r = -ENOMEM;
    buf_done(&text);
    return r < 0 ? fail_sys(err, r, "plan", -1, NULL, "write it") : 0;
}

int plan_here(crib *ex, const struct request *request, char **ret_text, struct crib_error *err)
{
    struct host_fds paths = {0};
    struct arena arena;
    Crib__Plan *plan;
    int r;

    arena_init(&arena, 0);
    r = request_plan(ex, request, &arena, NULL, &plan, &paths, err);
    if (r == 0) {
        r = write_plan(plan, ret_text, err);
        host_fds_done(&paths);
    }
    arena_done(&arena);
    return r;
}

int crib_plan_text(crib *ex, const char *file, const char *const *args,
                   const struct crib_options *options, char **ret_text, struct crib_error *err)
{
    static const struct crib_stdio pipes[] = {{CRIB_PIPE}, {CRIB_PIPE}, {CRIB_PIPE}};
    struct request request;
    int r = request_init(&request, file, args, options, pipes, 3, err);

    if (r == 0)
        r = ex->way->plan(ex, &request, ret_text, err);
    request_done(&request);
    return r;
}
