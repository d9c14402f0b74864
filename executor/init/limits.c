/* SPDX-License-Identifier: Apache-2.0 */
#include "init/init.h"

#include <errno.h>
#include <sys/resource.h>

int set_limits(struct init *init)
{
    for (size_t i = 0; i < init->plan->n_limits; i++) {
        const Crib__LimitPlan *plan = init->plan->limits[i];
        struct rlimit limit = {.rlim_cur = plan->soft, .rlim_max = plan->hard};

        if (setrlimit((int)plan->resource, &limit) < 0)
            return failed(init, STEP_limits, -errno, (int)i);
        limit = (struct rlimit){~plan->soft, ~plan->hard};
        if (getrlimit((int)plan->resource, &limit) < 0 || limit.rlim_cur != plan->soft ||
            limit.rlim_max != plan->hard)
            return untrue(init, STEP_limits, (int)i);
    }
    return 0;
}
