/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/slim.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Init has the conditions, and says which answer fitted. */
static int slim_answers(const Crib__SyscallsPlan *from, Crib__SyscallsPlan *to,
                        struct arena *scratch)
{
    for (size_t i = 0; i < from->n_answers; i++) {
        Crib__SyscallsPlan__Answer *answer =
            ARENA_NEW(scratch, crib__syscalls_plan__answer, Crib__SyscallsPlan__Answer);

        if (!answer || arena_push(scratch, &to->answers, &to->n_answers, answer) < 0)
            return -ENOMEM;
        answer->has_action = from->answers[i]->has_action;
        answer->action = from->answers[i]->action;
        answer->rule = from->answers[i]->rule;
    }
    return 0;
}

/* Edits are made in the manner of the entries that have conditions. */
static int slim_allow(const Crib__SyscallsPlan *from, Crib__SyscallsPlan *to, struct arena *scratch)
{
    for (size_t i = 0; i < from->n_allow; i++)
        if (strchr(from->allow[i], '(') &&
            arena_push(scratch, &to->allow, &to->n_allow, from->allow[i]) < 0)
            return -ENOMEM;
    return 0;
}

static int slim_syscalls(const Crib__SyscallsPlan *from, Crib__SyscallsPlan *to,
                         struct arena *scratch)
{
    to->has_trace = from->has_trace;
    to->trace = from->trace;
    to->policy = from->policy;
    return slim_answers(from, to, scratch) < 0 || slim_allow(from, to, scratch) < 0 ? -ENOMEM : 0;
}

static int slim_mounts(const Crib__Plan *from, Crib__Plan *to, struct arena *scratch)
{
    for (size_t i = 0; i < from->n_mounts; i++) {
        Crib__MountPlan *mount = arena_alloc(scratch, sizeof(*mount));

        if (!mount || arena_push(scratch, &to->mounts, &to->n_mounts, mount) < 0)
            return -ENOMEM;
        *mount = *from->mounts[i];
        mount->has_content = false;
    }
    return 0;
}

static int slim(const Crib__Plan *from, Crib__Plan *to, Crib__SyscallsPlan *syscalls,
                struct arena *scratch)
{
    to->life = from->life;
    to->limits = from->limits;
    to->n_limits = from->n_limits;
    to->receipt = from->receipt;
    to->n_receipt = from->n_receipt;
    to->cgroup = from->cgroup;
    to->output = from->output;
    to->bounds = from->bounds;
    to->n_bounds = from->n_bounds;
    if (!from->syscalls)
        return 0;
    to->syscalls = syscalls;
    if (slim_syscalls(from->syscalls, syscalls, scratch) < 0)
        return -ENOMEM;
    if (!syscalls->has_trace)
        return 0;
    to->ids = from->ids;
    to->namespaces = from->namespaces;
    to->caps = from->caps;
    to->landlock = from->landlock;
    return slim_mounts(from, to, scratch);
}

Crib__Plan *slim_plan(const Crib__Plan *plan, struct arena *arena)
{
    Crib__SyscallsPlan syscalls = CRIB__SYSCALLS_PLAN__INIT;
    Crib__Plan slimmed = CRIB__PLAN__INIT, *copy = NULL;
    struct arena scratch;
    uint8_t *data = NULL;

    arena_init(&scratch, 0);
    if (slim(plan, &slimmed, &syscalls, &scratch) == 0)
        data = malloc(crib__plan__get_packed_size(&slimmed) + 1);
    if (data)
        copy = crib__plan__unpack(&arena->pb, crib__plan__pack(&slimmed, data), data);
    free(data);
    arena_done(&scratch);
    return copy;
}
