/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/plan.h"

#include <errno.h>
#include <stdbool.h>

#include "plan/bytes.h"

/* Where one word reads another's part, it stands behind it. */
static int (*const words[])(struct planning *p) = {
    plan_stdio, plan_output, plan_bounds,    plan_namespaces, plan_ids,     plan_limits, plan_env,
    plan_room,     plan_mounts,   plan_terminal,   plan_program, plan_net,    plan_caps,
    plan_syscalls, plan_net_again, plan_landlock,   plan_files, plan_life,    plan_always, plan_cgroup,
};

int plan_build(const Crib__Task *task, const Crib__Host *host, struct arena *arena,
               Crib__Plan **ret, struct crib_error *err)
{
    struct planning p = {task, task->policy, host, arena, NULL, err};

    if (!task->policy)
        return fail_text(err, -EINVAL, "policy", -1, NULL, "the task has no policy");
    p.plan = ARENA_NEW(arena, crib__plan, Crib__Plan);
    if (p.plan)
        p.plan->program = ARENA_NEW(arena, crib__program, Crib__Program);
    if (!p.plan || !p.plan->program)
        return plan_no_memory(&p, "plan");
    p.plan->has_timing = p.plan->timing = task->timing;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        int r = words[i](&p);

        if (r < 0)
            return r;
    }
    *ret = p.plan;
    return 0;
}
