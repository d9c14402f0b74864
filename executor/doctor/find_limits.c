/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What limits can be held by: cgroups, and resource limits.
 */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "doctor/diagnosing.h"

static const struct controller {
    const char *name, *finding, *needed_by;
} controllers[] = {
    {"memory", "cgroup.memory", "limits.memory,limits.swap"},
    {"pids", "cgroup.pids", "limits.pids"},
    {"cpu", "cgroup.cpu", "limits.cpus"},
    {"cpuset", "cgroup.cpuset", "limits.cpuset"},
    {"io", "cgroup.io", "limits.io_weight"},
    {"cpuacct", "cgroup.cpuacct", "limits.cpu_time"},
};

static const Crib__HostController *controller_of(const struct diagnosing *d, const char *name)
{
    const Crib__Host *host = d->survey->host;

    for (size_t i = 0; i < host->n_controllers; i++)
        if (host->controllers[i]->name && strcmp(host->controllers[i]->name, name) == 0)
            return host->controllers[i];
    return NULL;
}

static void find_absent(struct diagnosing *d, const struct controller *row, const char *why)
{
    const char *place = remedy_of_place(d, WALL_CGROUP), *what;
    const char *remedy = found_split(d, why, &what,
                                     "mount a cgroup hierarchy that has it, or boot without "
                                     "`cgroup_disable=`");

    /* In a container that is what it has done; on a host, something to be mended there. */
    if (place && (strstr(why, "read-only") || strstr(why, "no mounted")))
        remedy = place;
    found_missing(d, row->finding, row->needed_by, what, remedy);
}

static void find_controller(struct diagnosing *d, const struct controller *row)
{
    const Crib__HostController *there = controller_of(d, row->name);
    const char *what;

    if (!there || there->why) {
        find_absent(d, row, there ? there->why : "no cgroup hierarchy has this controller");
        return;
    }
    what = arena_printf(d->arena, "version %u, below %.*s", there->version, (int)there->dir.len,
                        (const char *)there->dir.data);
    if (strcmp(row->name, "memory") != 0 || there->swap)
        found_ok(d, row->finding, row->needed_by, what);
    else
        found_limited(d, row->finding, row->needed_by,
                      what ? arena_printf(d->arena, "%s; swap is not counted", what) : NULL,
                      "boot with `swapaccount=1`, or switch swap off: `swapoff -a`");
}

void find_controllers(struct diagnosing *d)
{
    for (size_t i = 0; i < sizeof(controllers) / sizeof(controllers[0]); i++)
        find_controller(d, &controllers[i]);
}

/* Hard limits of the caller, which hold for every task; less is seldom meant. */
static const struct rlimit_row {
    uint32_t resource;
    uint64_t least;
    const char *finding, *needed_by, *unit, *limits_conf;
} rlimits[] = {
    {RLIMIT_NOFILE, 1024, "open_files", "limits.open_files", "LimitNOFILE", "nofile"},
    {RLIMIT_NPROC, 64, "processes", NULL, "LimitNPROC", "nproc"},
    {RLIMIT_MEMLOCK, 65536, "locked_memory", "limits.locked_memory", "LimitMEMLOCK", "memlock"},
};

static uint64_t hard_of(const struct diagnosing *d, uint32_t resource)
{
    const Crib__Host *host = d->survey->host;

    for (size_t i = 0; i < host->n_limits; i++)
        if (host->limits[i]->resource == resource)
            return host->limits[i]->hard;
    return UINT64_MAX;
}

static void find_rlimit(struct diagnosing *d, const struct rlimit_row *row)
{
    uint64_t hard = hard_of(d, row->resource);
    const char *place = remedy_of_place(d, WALL_LIMIT);
    char what[64] = "no hard limit";

    if (hard != UINT64_MAX)
        snprintf(what, sizeof(what), "hard limit %llu", (unsigned long long)hard);
    if (hard >= row->least) {
        found_ok(d, row->finding, row->needed_by, what);
        return;
    }
    if (!place || row->resource != RLIMIT_NOFILE)
        place = arena_printf(d->arena,
                             "raise it to %llu at least: %s= of a systemd service, or `* hard %s "
                             "%llu` in /etc/security/limits.conf",
                             (unsigned long long)row->least, row->unit, row->limits_conf,
                             (unsigned long long)row->least);
    found_limited(d, row->finding, row->needed_by, what, place);
}

/* A limit of 0 stops files, but not a handler at the end of a pipe; 1 stops both. */
static void find_cores(struct diagnosing *d)
{
    const char *pattern = d->survey->core_pattern;
    bool piped = pattern && pattern[0] == '|';

    if (piped && hard_of(d, RLIMIT_CORE) == 0)
        found_limited(
            d, "core_dumps", "limits.core",
            "the hard limit is 0, which the handler in kernel.core_pattern does not heed: "
            "it gets the memory of tasks that crash",
            "raise the hard limit to 1 at least (LimitCORE= of a systemd service), or as "
            "root run `sysctl kernel.core_pattern=core`");
    else
        found_ok(d, "core_dumps", "limits.core",
                 piped ? "kept from the handler in kernel.core_pattern" : "kept from the host");
}

void find_limits(struct diagnosing *d)
{
    for (size_t i = 0; i < sizeof(rlimits) / sizeof(rlimits[0]); i++)
        find_rlimit(d, &rlimits[i]);
    find_cores(d);
}
