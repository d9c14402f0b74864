/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crib_open: where an executor's tasks run.
 */
#include <errno.h>

#include "api/executor.h"
#include "base/error.h"

int crib_open(crib **ret, uv_loop_t *loop, const char *address, struct crib_error *err)
{
    if (address)
        return fail_text(err, -EOPNOTSUPP, "address", -1, address,
                         "tasks run under this process only, so far: leave the address out");
    return executor_new(ret, loop, &executor_here, err);
}
