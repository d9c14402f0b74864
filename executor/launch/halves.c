/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/halves.h"

#include <string.h>

static bool is_policys(const Crib__MountPlan *mount)
{
    return mount->from && strcmp(mount->from, "policy") == 0;
}

/* A task's own mounts, its program and its terminal come behind those of the policy. */
static size_t count_head(const Crib__Plan *plan)
{
    size_t count = 0;

    while (count < plan->n_mounts && is_policys(plan->mounts[count]))
        count++;
    return count;
}

/* Fds of the task's own are below. */
static uint32_t find_lowest(const Crib__Program *program)
{
    uint32_t lowest = 3;

    for (size_t i = 0; i < program->n_stdio; i++)
        if (program->stdio[i]->fd >= lowest)
            lowest = program->stdio[i]->fd + 1;
    return lowest;
}

static bool by_tree(const Crib__MountPlan *mount)
{
    return mount->type != CRIB__MOUNT_PLAN__TYPE__bind || mount->tree >= 0;
}

static bool all_by_trees(const Crib__Plan *plan)
{
    for (size_t i = 0; i < plan->n_mounts; i++)
        if (!by_tree(plan->mounts[i]))
            return false;
    return true;
}

/* Lists that are for people, and what only the parent does, stay here. */
static void put_sandbox(const Crib__Plan *plan, struct halves *halves)
{
    Crib__Plan *first = &halves->first;

    crib__plan__init(first);
    first->has_timing = true;
    first->timing = plan->timing;
    first->ids = plan->ids;
    first->namespaces = plan->namespaces;
    first->mounts = plan->mounts;
    first->n_mounts = halves->head;
    first->net = plan->net;
    first->limits = plan->limits;
    first->n_limits = plan->n_limits;
    first->caps = plan->caps;
    first->cgroup = plan->cgroup;
    first->has_lowest = true;
    first->lowest = find_lowest(plan->program);
    if (!plan->syscalls)
        return;
    halves->syscalls = *plan->syscalls;
    halves->syscalls.n_allow = halves->syscalls.n_deny = 0;
    halves->syscalls.n_kill = halves->syscalls.n_log = 0;
    first->syscalls = &halves->syscalls;
}

static void put_program(const Crib__Plan *plan, Crib__Plan *to)
{
    to->program = plan->program;
    to->files = plan->files;
    to->landlock = plan->landlock;
    to->life = plan->life;
}

void halves_whole(const Crib__Plan *plan, struct halves *ret)
{
    ret->head = plan->n_mounts;
    put_sandbox(plan, ret);
    put_program(plan, &ret->first);
    crib__plan__init(&ret->rest);
}

void halves_split(const Crib__Plan *plan, struct halves *ret)
{
    ret->head = count_head(plan);
    put_sandbox(plan, ret);
    ret->first.has_more = ret->first.more = true;
    ret->first.timing = true; /* whether anybody asks is not known before */
    ret->first.has_trees_only = true;
    ret->first.trees_only = all_by_trees(plan);
    crib__plan__init(&ret->rest);
    put_program(plan, &ret->rest);
    ret->rest.has_timing = true;
    ret->rest.timing = plan->timing;
    ret->rest.mounts = plan->mounts + ret->head;
    ret->rest.n_mounts = plan->n_mounts - ret->head;
}

/* What covers names of the host, or changes it, is made for one task. */
bool halves_apart(const Crib__Plan *plan)
{
    if (plan->life->detached)
        return false;
    for (size_t i = 0; i < plan->n_mounts; i++)
        if (plan->mounts[i]->type == CRIB__MOUNT_PLAN__TYPE__overlay ||
            plan->mounts[i]->type == CRIB__MOUNT_PLAN__TYPE__mask)
            return false;
    return true;
}
