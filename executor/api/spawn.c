/* SPDX-License-Identifier: Apache-2.0 */
#include "api/request.h"

int crib_spawn(crib *ex, const char *file, const char *const *args,
               const struct crib_options *options, crib_task **ret, struct crib_error *err)
{
    static const struct crib_stdio pipes[] = {{CRIB_PIPE}, {CRIB_PIPE}, {CRIB_PIPE}};
    struct request request;
    crib_task *task;
    int r = request_init(&request, file, args, options, pipes, 3, err);

    if (r == 0)
        r = request_start(ex, ex->loop, &request, &task, err);
    request_done(&request);
    if (r == 0 && ret)
        *ret = task;
    return r;
}
