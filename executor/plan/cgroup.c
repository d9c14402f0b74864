/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limits that cgroups hold: which leaf groups a task gets, and what is written into them. Where the
 * host has no controller for a limit, it is refused, or, when it is only preferred, kept as well as
 * can be without.
 *
 * Source: Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/
 */
#include "plan/plan.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "plan/bytes.h"
#include "plan/limits.h"
#include "policy/cpuset.h"

#define UNLIMITED    UINT64_MAX
#define MEMORY_LEAST (2u << 20) /* bytes; crib-init, page tables and a first program's stack */
#define PIDS_MOST    4194304    /* PID_MAX_LIMIT of the kernel */
#define CPUS_MOST    1048576000 /* thousandths; no kernel has more than 8192 processors */
#define BFQ_MOST     1000

/* What the steps share. */
struct limiting {
    struct planning *p;
    const Crib__Limits *limits;
    Crib__CgroupPlan *cgroup;
    bool pids; /* limited, or counted */
};

static const Crib__HostController *find(const struct limiting *l, const char *name)
{
    for (size_t i = 0; i < l->p->host->n_controllers; i++)
        if (strcmp(l->p->host->controllers[i]->name, name) == 0)
            return l->p->host->controllers[i];
    return NULL;
}

static const Crib__HostController *usable(const struct limiting *l, const char *name)
{
    const Crib__HostController *found = find(l, name);

    return found && found->has_dir ? found : NULL;
}

static const char *why_not(const struct limiting *l, const char *name)
{
    const Crib__HostController *found = find(l, name);

    return found && found->why ? found->why : "this host's cgroups were not looked at";
}

static bool has_name(const Crib__CgroupPlan__Group *group, const char *name)
{
    for (size_t i = 0; i < group->n_controllers; i++)
        if (strcmp(group->controllers[i], name) == 0)
            return true;
    return false;
}

static Crib__CgroupPlan__Group *new_group(struct limiting *l, const Crib__HostController *in)
{
    struct arena *arena = l->p->arena;
    Crib__CgroupPlan__Group *group =
        ARENA_NEW(arena, crib__cgroup_plan__group, Crib__CgroupPlan__Group);

    if (!group || arena_push(arena, &l->cgroup->groups, &l->cgroup->n_groups, group) < 0)
        return NULL;
    group->has_version = group->has_dir = true;
    group->version = in->version;
    group->dir = in->dir;
    return group;
}

/* The leaf that a controller is in, which has it from now on. Return: NULL: no memory. */
static Crib__CgroupPlan__Group *use(struct limiting *l, const Crib__HostController *in)
{
    Crib__CgroupPlan__Group *group = NULL;

    for (size_t i = 0; i < l->cgroup->n_groups; i++) {
        const ProtobufCBinaryData *dir = &l->cgroup->groups[i]->dir;

        if (dir->len == in->dir.len && memcmp(dir->data, in->dir.data, dir->len) == 0)
            group = l->cgroup->groups[i];
    }
    if (!group)
        group = new_group(l, in);
    if (group && !has_name(group, in->name) &&
        arena_push(l->p->arena, &group->controllers, &group->n_controllers, in->name) < 0)
        return NULL;
    return group;
}

/* A setting of a controller's leaf. */
static int set(struct limiting *l, const Crib__HostController *in, const char *limit,
               const char *file, const char *format, ...) __attribute__((format(printf, 5, 6)));

static int set(struct limiting *l, const Crib__HostController *in, const char *limit,
               const char *file, const char *format, ...)
{
    struct arena *arena = l->p->arena;
    Crib__CgroupPlan__Group *group = use(l, in);
    Crib__CgroupPlan__Setting *setting =
        ARENA_NEW(arena, crib__cgroup_plan__setting, Crib__CgroupPlan__Setting);
    char value[4096];
    va_list args;

    va_start(args, format);
    vsnprintf(value, sizeof(value), format, args);
    va_end(args);
    if (!group || !setting)
        return plan_no_memory(l->p, "cgroup");
    setting->file = (char *)file;
    setting->limit = (char *)limit;
    setting->value = arena_text(arena, value);
    if (!setting->value || arena_push(arena, &group->settings, &group->n_settings, setting) < 0)
        return plan_no_memory(l->p, "cgroup");
    return 0;
}

/* A number of bytes or processes; the largest is none. */
static int set_number(struct limiting *l, const Crib__HostController *in, const char *limit,
                      const char *file, uint64_t value)
{
    if (value < INT64_MAX)
        return set(l, in, limit, file, "%llu", (unsigned long long)value);
    return set(l, in, limit, file, "%s",
               in->version == 2 || strcmp(limit, "pids") == 0 ? "max" : "-1");
}

/* @asked: as the policy wrote it, in its own unit. */
static int note(struct limiting *l, const char *name, const char *asked, const char *applied)
{
    char *mechanism = arena_printf(l->p->arena, "limits.%s", name);

    if (!mechanism || !asked || !applied)
        return plan_no_memory(l->p, "cgroup");
    return plan_receipt(l->p, mechanism, asked, applied);
}

static const char *number(struct limiting *l, uint64_t value)
{
    if (value == UNLIMITED)
        return "unlimited";
    return arena_printf(l->p->arena, "%llu", (unsigned long long)value);
}

static int note_held(struct limiting *l, const Crib__HostController *by, const char *name,
                     const char *asked, const char *unit)
{
    return note(l, name, asked,
                arena_printf(l->p->arena, "%s%s%s, whole task, cgroup v%u", asked, *unit ? " " : "",
                             unit, by->version));
}

/* That it is lifted needs nobody to hold it. */
static int note_none(struct limiting *l, const char *name)
{
    return note(l, name, "unlimited", "unlimited");
}

/* No controller: an error, or a line that says what is done instead (NULL: nothing is). */
static int without(struct limiting *l, const char *name, const char *why, const char *asked,
                   const char *instead)
{
    if (!limit_preferred(l->limits, name))
        return fail_text(l->p->err, -EOPNOTSUPP, "limits", -1, name,
                         "no cgroup can hold it: %s; or name it in limits.preferred", why);
    return note(l, name, asked,
                arena_printf(l->p->arena, "not available: %s%s%s", why, instead ? "; " : "",
                             instead ? instead : ""));
}

static int too_much(struct limiting *l, const char *name, const char *asked, const char *why)
{
    return fail_text(l->p->err, -EINVAL, "limits", -1, name, "%s %s", asked, why);
}

static Crib__SampledPlan *sampled(struct limiting *l)
{
    Crib__LifePlan *life = l->p->plan->life;

    if (!life->sampled)
        life->sampled = ARENA_NEW(l->p->arena, crib__sampled_plan, Crib__SampledPlan);
    return life->sampled;
}

static int sample_memory(struct limiting *l, const char *asked)
{
    const char *instead = "its processes are added up now and then";
    int r;

    if (l->p->plan->life->detached || l->limits->memory == UNLIMITED)
        return without(l, "memory", why_not(l, "memory"), asked, NULL);
    r = without(l, "memory", why_not(l, "memory"), asked, instead);
    if (r < 0)
        return r;
    if (!sampled(l))
        return plan_no_memory(l->p, "cgroup");
    l->p->plan->life->sampled->has_memory = true;
    l->p->plan->life->sampled->memory = l->limits->memory;
    return 0;
}

/* The kernel counts pages, and a part of one is none. */
static uint64_t in_pages(uint64_t bytes)
{
    return bytes == UNLIMITED ? bytes : bytes - bytes % (uint64_t)sysconf(_SC_PAGESIZE);
}

static int note_bytes(struct limiting *l, const Crib__HostController *by, const char *name,
                      uint64_t asked, const char *unit)
{
    const char *held = number(l, in_pages(asked));

    return note(
        l, name, number(l, asked),
        held ? arena_printf(l->p->arena, "%s %s, whole task, cgroup v%u", held, unit, by->version)
             : NULL);
}

static bool limits_memory(const struct limiting *l)
{
    return l->limits->has_memory && l->limits->memory != UNLIMITED;
}

/* Version 1 counts memory and memory with swap; the smaller must be written first. */
static int set_swap(struct limiting *l, const Crib__HostController *in)
{
    uint64_t memory = in_pages(l->limits->memory);
    uint64_t swap = l->limits->has_swap ? in_pages(l->limits->swap) : 0;

    if (!in->swap || !limits_memory(l))
        return 0;
    if (in->version == 2)
        return set_number(l, in, "swap", "memory.swap.max", swap);
    return set_number(l, in, "swap", "memory.memsw.limit_in_bytes",
                      memory > UNLIMITED - swap ? UNLIMITED : memory + swap);
}

static int plan_memory(struct limiting *l)
{
    const Crib__HostController *in = usable(l, "memory");
    uint64_t asked = l->limits->memory;
    int r;

    if (!l->limits->has_memory)
        return 0;
    if (!in && asked == UNLIMITED)
        return note_none(l, "memory");
    if (asked < MEMORY_LEAST)
        return too_much(l, "memory", number(l, asked),
                        "bytes is too little: no program could be started in less than 2M");
    if (!in)
        return sample_memory(l, number(l, asked));
    r = set_number(l, in, "memory", in->version == 2 ? "memory.max" : "memory.limit_in_bytes",
                   in_pages(asked));
    if (r == 0)
        r = set_swap(l, in);
    if (r == 0 && in->version == 2)
        r = set(l, in, "memory", "memory.oom.group", "1");
    if (r < 0)
        return r;
    l->cgroup->has_memory = true;
    l->cgroup->memory = asked != UNLIMITED;
    return note_bytes(l, in, "memory", asked, in->swap ? "bytes" : "bytes without swap");
}

static int plan_swap(struct limiting *l)
{
    const Crib__HostController *in = usable(l, "memory");
    const char *asked;
    int r;

    if (!l->limits->has_swap)
        return 0;
    if (l->limits->swap == UNLIMITED && !limits_memory(l))
        return note_none(l, "swap");
    asked = number(l, l->limits->swap);
    if (!in)
        return without(l, "swap", why_not(l, "memory"), asked, NULL);
    if (!in->swap)
        return without(l, "swap", "this kernel does not count it (boot it with swapaccount=1)",
                       asked, NULL);
    if (!limits_memory(l) && in->version == 1)
        return without(l, "swap", "version 1 counts it with memory: set limits.memory too", asked,
                       NULL);
    r = limits_memory(l) ? 0
                         : set_number(l, in, "swap", "memory.swap.max", in_pages(l->limits->swap));
    return r < 0 ? r : note_bytes(l, in, "swap", l->limits->swap, "bytes");
}

/* The kernel counts processes of a user in a user namespace, and the task has its own. */
static int count_by_user(struct limiting *l, const char *asked)
{
    const Crib__IdsPlan *ids = l->p->plan->ids;
    uint64_t most = l->limits->pids + (ids->init_uid == ids->uid ? 2 : 0);
    int r = without(l, "pids", why_not(l, "pids"), asked,
                    "RLIMIT_NPROC refuses more, and the task goes on");

    if (r < 0 || l->limits->pids == UNLIMITED)
        return r;
    return limit_add(l->p, "pids", RLIMIT_NPROC, most, most);
}

/* Init and, where it answers a filter, the thread that looks for it: init makes it at once then. */
static uint32_t own_pids(const struct limiting *l)
{
    const Crib__SyscallsPlan *filter = l->p->plan->syscalls;

    return filter && filter->listener ? 2 : 1;
}

static int plan_pids(struct limiting *l)
{
    const Crib__HostController *in = usable(l, "pids");
    uint64_t asked = l->limits->pids;
    int r;

    if (!l->limits->has_pids)
        return 0;
    if (!in && asked == UNLIMITED)
        return note_none(l, "pids");
    if (asked == 0)
        return too_much(l, "pids", "0", "is too little: the program is a process");
    if (asked != UNLIMITED && asked > PIDS_MOST - 2)
        return too_much(l, "pids", number(l, asked),
                        "is more than a kernel has (4194302); write `unlimited`");
    if (!in)
        return count_by_user(l, number(l, asked));
    r = set_number(l, in, "pids", "pids.max", asked == UNLIMITED ? asked : asked + own_pids(l));
    if (r < 0)
        return r;
    l->cgroup->has_pids = true;
    l->cgroup->pids = asked != UNLIMITED && !l->p->plan->life->detached;
    return note_held(l, in, "pids", number(l, asked), "");
}

/* A period of 100 ms, as the kernel's own; the kernel takes no quota below 1 ms. */
static int plan_cpus(struct limiting *l)
{
    const Crib__HostController *in = usable(l, "cpu");
    uint64_t asked = l->limits->cpus;
    unsigned long long quota = asked * 100, period = 100000;
    const char *text;
    int r;

    if (!l->limits->has_cpus)
        return 0;
    if (asked == UNLIMITED)
        return note_none(l, "cpus");
    text = arena_printf(l->p->arena, "%llu.%03u", (unsigned long long)(asked / 1000),
                        (unsigned)(asked % 1000));
    if (asked == 0 || asked > CPUS_MOST)
        return too_much(l, "cpus", text, asked ? "is more than any host has" : "would stand still");
    if (!in)
        return without(l, "cpus", why_not(l, "cpu"), text, NULL);
    if (quota < 1000) {
        quota *= 10;
        period *= 10;
    }
    if (in->version == 2) {
        r = set(l, in, "cpus", "cpu.max", "%llu %llu", quota, period);
    } else {
        r = set(l, in, "cpus", "cpu.cfs_period_us", "%llu", period);
        if (r == 0)
            r = set(l, in, "cpus", "cpu.cfs_quota_us", "%llu", quota);
    }
    return r < 0 ? r : note_held(l, in, "cpus", text, "");
}

static int plan_cpuset(struct limiting *l)
{
    const Crib__HostController *in = usable(l, "cpuset");
    const char *asked = l->limits->cpuset, *online = l->p->host->cpus_online;
    struct cpuset wanted, there;
    char why[CPUSET_WHY];
    int r = 0, missing;

    if (!asked)
        return 0;
    if (cpuset_read(asked, &wanted, why) < 0)
        return fail_text(l->p->err, -EINVAL, "limits", -1, "cpuset", "%s", why);
    missing = online && cpuset_read(online, &there, why) == 0 ? cpuset_beyond(&wanted, &there) : -1;
    if (missing >= 0)
        return fail_text(l->p->err, -EINVAL, "limits", -1, "cpuset",
                         "processor %d is not there: this host has %s", missing, online);
    if (!in)
        return without(l, "cpuset", why_not(l, "cpuset"), asked, NULL);
    if (in->mems)
        r = set(l, in, "cpuset", "cpuset.mems", "%s", in->mems);
    if (r == 0)
        r = set(l, in, "cpuset", "cpuset.cpus", "%s", asked);
    return r < 0 ? r : note_held(l, in, "cpuset", asked, "");
}

static int plan_io_weight(struct limiting *l)
{
    const Crib__HostController *in = usable(l, "io");
    uint32_t asked = l->limits->io_weight;
    int r;

    if (!l->limits->has_io_weight)
        return 0;
    if (asked == 0 || asked > 10000)
        return too_much(l, "io_weight", number(l, asked), "is no weight, those are 1 to 10000");
    if (!in)
        return without(l, "io_weight", why_not(l, "io"), number(l, asked), NULL);
    if (asked > BFQ_MOST && strstr(in->file, "bfq"))
        return without(l, "io_weight", "this host's I/O scheduler takes at most 1000",
                       number(l, asked), NULL);
    r = set(l, in, "io_weight", in->file, "%u", asked);
    return r < 0 ? r : note_held(l, in, "io_weight", number(l, asked), "");
}

/* The parent looks at the clock of the whole task; RLIMIT_CPU (limits.c) stands behind it. */
static int plan_cpu_time(struct limiting *l)
{
    const Crib__HostController *in = usable(l, "cpuacct");
    const char *asked;

    if (!l->limits->has_cpu_time || l->limits->cpu_time == UNLIMITED)
        return 0;
    asked = number(l, l->limits->cpu_time);
    if (l->p->plan->life->detached)
        return without(l, "cpu_time", "a detached task has no parent to keep it", asked,
                       "RLIMIT_CPU ends each process");
    if (!in) {
        int r = without(l, "cpu_time", why_not(l, "cpuacct"), asked,
                        "RLIMIT_CPU ends each process, and all are added up now and then");

        if (r < 0)
            return r;
        if (!sampled(l))
            return plan_no_memory(l->p, "cgroup");
        l->p->plan->life->sampled->has_cpu_time = true;
        l->p->plan->life->sampled->cpu_time = l->limits->cpu_time;
        return 0;
    }
    if (!use(l, in))
        return plan_no_memory(l->p, "cgroup");
    l->cgroup->has_cpu_time = true;
    l->cgroup->cpu_time = l->limits->cpu_time;
    return note_held(l, in, "cpu_time", asked, "ms");
}

/* Where there is a leaf in any case, what it counts comes at little cost. */
static int count_too(struct limiting *l)
{
    static const char *const counted[] = {"memory", "pids", "cpuacct"};

    for (size_t i = 0; i < sizeof(counted) / sizeof(counted[0]); i++) {
        const Crib__HostController *in = usable(l, counted[i]);

        if (in && !use(l, in))
            return plan_no_memory(l->p, "cgroup");
    }
    l->cgroup->has_own_pids = true;
    l->cgroup->own_pids = own_pids(l);
    l->p->plan->cgroup = l->cgroup;
    return 0;
}

bool plan_wants_controllers(const Crib__Policy *policy)
{
    const Crib__Limits *limits = policy->limits;

    return limits &&
           (limits->has_memory || limits->has_swap || limits->has_pids || limits->has_cpus ||
            limits->cpuset || limits->has_io_weight || limits->has_cpu_time);
}

int plan_cgroup(struct planning *p)
{
    static int (*const limits[])(struct limiting *) = {
        plan_memory, plan_swap, plan_pids, plan_cpus, plan_cpuset, plan_io_weight, plan_cpu_time,
    };
    struct limiting l = {.p = p, .limits = p->policy->limits};

    if (!plan_wants_controllers(p->policy))
        return 0;
    l.cgroup = ARENA_NEW(p->arena, crib__cgroup_plan, Crib__CgroupPlan);
    if (!l.cgroup)
        return plan_no_memory(p, "cgroup");
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        int r = limits[i](&l);

        if (r < 0)
            return r;
    }
    return l.cgroup->n_groups ? count_too(&l) : 0;
}
