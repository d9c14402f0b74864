/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/plan.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "plan/bytes.h"
#include "plan/limits.h"
#include "policy/origins.h"

#define STARTING 3 /* fds that init needs below the limit, for a moment */

/* The limits that the kernel holds for each process; the order is that of the plan. */
static const struct row {
    const char *name;
    uint32_t resource;
    size_t has, at; /* in Crib__Limits */
    uint64_t least; /* smaller is refused, with the reason */
    const char *why;
} rows[] = {
#define ROW(field, resource, least, why)                                                           \
    {                                                                                              \
#field, resource, offsetof(Crib__Limits, has_##field), offsetof(Crib__Limits, field),      \
            least, why                                                                             \
    }
    ROW(cpu_time, RLIMIT_CPU, 1, "no program could be started in it"),
    ROW(file_size, RLIMIT_FSIZE, 0, NULL),
    ROW(open_files, RLIMIT_NOFILE, 0, NULL),
    ROW(stack, RLIMIT_STACK, 131072, "the kernel needs as much to start a program"),
    ROW(address_space, RLIMIT_AS, 1048576, "no program could be started in less"),
    ROW(locked_memory, RLIMIT_MEMLOCK, 0, NULL),
#undef ROW
};

bool limit_preferred(const Crib__Limits *limits, const char *name)
{
    for (size_t i = 0; limits && i < limits->n_preferred; i++)
        if (strcmp(limits->preferred[i], name) == 0)
            return true;
    return false;
}

int limit_rule(struct planning *p, const char *name, char **ret)
{
    const Crib__Origins__Place *place = origins_limit(p->task->origins, name);

    if (!place)
        return 0;
    *ret = (char *)origins_text(place, p->arena);
    return *ret ? 0 : -ENOMEM;
}

/* The names that it may hold are the other fields of its message. */
static int check_preferred(struct planning *p, const Crib__Limits *limits)
{
    for (size_t i = 0; i < limits->n_preferred; i++) {
        const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field_by_name(
            &crib__limits__descriptor, limits->preferred[i]);

        if (!field || field->label == PROTOBUF_C_LABEL_REPEATED)
            return fail_text(p->err, -EINVAL, "limits.preferred", (int)i, limits->preferred[i],
                             "no limit has this name");
    }
    return 0;
}

static int receipt(struct planning *p, const char *name, uint64_t asked, const char *applied)
{
    char *mechanism = arena_printf(p->arena, "limits.%s", name);
    char *wish = arena_printf(p->arena, "%llu", (unsigned long long)asked);

    if (!mechanism || !wish || !applied)
        return plan_no_memory(p, "limits");
    return plan_receipt(p, mechanism, wish, applied);
}

static uint64_t host_hard(const struct planning *p, uint32_t resource)
{
    for (size_t i = 0; i < p->host->n_limits; i++)
        if (p->host->limits[i]->resource == resource)
            return p->host->limits[i]->hard;
    return UINT64_MAX;
}

int limit_add(struct planning *p, const char *name, uint32_t resource, uint64_t soft, uint64_t hard)
{
    Crib__LimitPlan *plan = ARENA_NEW(p->arena, crib__limit_plan, Crib__LimitPlan);

    if (!plan)
        return plan_no_memory(p, "limits");
    plan->name = (char *)name;
    plan->has_resource = plan->has_soft = plan->has_hard = true;
    plan->resource = resource;
    plan->soft = soft;
    plan->hard = hard;
    if (limit_rule(p, name, &plan->rule) < 0)
        return plan_no_memory(p, "limits");
    if (arena_push(p->arena, &p->plan->limits, &p->plan->n_limits, plan) < 0)
        return plan_no_memory(p, "limits");
    return 0;
}

/* The caller's hard limit cannot be passed by anybody below it. */
static int clamp(struct planning *p, const struct row *row, uint64_t asked, uint64_t most)
{
    uint64_t hard = most;
    uint64_t soft = row->resource == RLIMIT_CPU && most ? most - 1 : most;
    int r;

    if (!limit_preferred(p->policy->limits, row->name))
        return fail_text(p->err, -EOPNOTSUPP, "limits", -1, row->name,
                         "%llu is over the caller's own hard limit, %llu: ask for less, raise the "
                         "caller's, or name it in limits.preferred",
                         (unsigned long long)asked, (unsigned long long)most);
    r = limit_add(p, row->name, row->resource, soft, hard);
    if (r < 0 || row->resource == RLIMIT_CPU)
        return r;
    return receipt(
        p, row->name, asked,
        arena_printf(p->arena, "%llu, the caller's own hard limit", (unsigned long long)soft));
}

static uint64_t less(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/*
 * Of each process alone, and a second late, with SIGXCPU before SIGKILL: it stands behind the clock
 * of the whole task (cgroup.c), which is exact, and tells in the receipt.
 */
static int plan_cpu_time(struct planning *p, const struct row *row, uint64_t asked, uint64_t most)
{
    uint64_t seconds = asked / 1000 + (asked % 1000 != 0);

    if (asked == UINT64_MAX)
        return limit_add(p, row->name, row->resource, most, most);
    if (seconds > most)
        return clamp(p, row, asked, most);
    return limit_add(p, row->name, row->resource, less(seconds + 1, most), less(seconds + 2, most));
}

static int plan_row(struct planning *p, const struct row *row)
{
    const Crib__Limits *limits = p->policy->limits;
    uint64_t asked = *(const uint64_t *)((const char *)limits + row->at);
    uint64_t most = host_hard(p, row->resource);
    int r;

    if (asked < row->least)
        return fail_text(p->err, -EINVAL, "limits", -1, row->name, "%llu is too little: %s",
                         (unsigned long long)asked, row->why);
    if (row->resource == RLIMIT_CPU)
        return plan_cpu_time(p, row, asked, most);
    if (asked > most)
        return clamp(p, row, asked, most);
    r = limit_add(p, row->name, row->resource, asked, asked);
    if (r < 0)
        return r;
    return receipt(p, row->name, asked,
                   arena_printf(p->arena, "%llu each process", (unsigned long long)asked));
}

/* The highest number must be within it, and Landlock's ruleset and the filter's listener, which are
 * made when it holds already, must find free ones. */
static int check_open_files(struct planning *p)
{
    uint64_t asked = p->policy->limits->open_files;
    const Crib__Program *program = p->plan->program;
    const Crib__Stdio *last = program->stdio[program->n_stdio - 1];

    if (asked <= last->fd)
        return fail_text(p->err, -EINVAL, "limits", -1, "open_files",
                         "%llu is too little: the task gets fd %u", (unsigned long long)asked,
                         last->fd);
    if (asked < program->n_stdio + STARTING)
        return fail_text(p->err, -EINVAL, "limits", -1, "open_files",
                         "%llu is too little: the task gets %zu fds, and its start takes %d more",
                         (unsigned long long)asked, program->n_stdio, STARTING);
    return 0;
}

/*
 * 1 and not 0: where core_pattern is a pipe, 0 is ignored and 1 stops it; a file of one byte is
 * none either.
 */
static int plan_core(struct planning *p)
{
    const Crib__Limits *limits = p->policy->limits;
    uint64_t most = host_hard(p, RLIMIT_CORE);
    bool wanted = limits && limits->has_core && limits->core;
    uint64_t value = wanted || most == 0 ? most : 1;
    const char *applied = "none";
    int r = limit_add(p, "core", RLIMIT_CORE, value, value);

    if (r < 0)
        return r;
    if (most == 0)
        applied = "0, the caller's own hard limit; a core_pattern that is a pipe still gets them";
    else if (wanted)
        applied = "up to the caller's own hard limit";
    return plan_receipt(p, "limits.core", wanted ? "yes" : "no", applied);
}

int plan_limits(struct planning *p)
{
    const Crib__Limits *limits = p->policy->limits;
    int r;

    if (!limits)
        return plan_core(p);
    r = check_preferred(p, limits);
    for (size_t i = 0; r == 0 && i < sizeof(rows) / sizeof(rows[0]); i++)
        if (*(const protobuf_c_boolean *)((const char *)limits + rows[i].has))
            r = plan_row(p, &rows[i]);
    if (r == 0 && limits->has_open_files)
        r = check_open_files(p);
    return r < 0 ? r : plan_core(p);
}
