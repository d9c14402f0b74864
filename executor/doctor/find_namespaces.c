/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Namespaces, and what a new one needs to be of use.
 */
#include <errno.h>
#include <string.h>

#include "doctor/diagnosing.h"

static const struct row {
    const char *attempt, *needed_by;
    const char *limit;  /* below /proc/sys/user */
    const char *option; /* of the kernel's configuration */
} rows[] = {
    {"namespaces.mount", "namespaces.mount", "max_mnt_namespaces", NULL},
    {"namespaces.pid", NULL, "max_pid_namespaces", "CONFIG_PID_NS"},
    {"namespaces.net", "namespaces.net", "max_net_namespaces", "CONFIG_NET_NS"},
    {"namespaces.ipc", "namespaces.ipc", "max_ipc_namespaces", "CONFIG_IPC_NS"},
    {"namespaces.uts", "namespaces.uts", "max_uts_namespaces", "CONFIG_UTS_NS"},
    {"namespaces.cgroup", "namespaces.cgroup", "max_cgroup_namespaces", "CONFIG_CGROUPS"},
};

/* The host's own sentence is about its switches. What is forbidden without one, a place may lift.
 */
static void find_user(struct diagnosing *d)
{
    const Crib__Host *host = d->survey->host;
    const char *why = host->user_namespaces_why, *what, *remedy;
    const char *place = remedy_of_place(d, WALL_FILTER);

    if (host->user_namespaces) {
        found_ok(d, "user_namespaces", NULL, "can be made, and give rights inside");
        return;
    }
    remedy = found_split(d, why ? why : "user namespaces cannot be made", &what,
                         "boot a kernel that has them");
    if (place && !strstr(remedy, "sysctl"))
        remedy = place;
    found_missing(d, "user_namespaces", NULL, what, remedy);
}

static void find_one(struct diagnosing *d, const struct row *row,
                     const Crib__Survey__Attempt *attempt)
{
    const char *remedy;

    if (attempt->code == -ENOSPC)
        remedy = arena_printf(d->arena, "as root, run `sysctl user.%s=15000`", row->limit);
    else if (attempt->code == -EINVAL && row->option)
        remedy = arena_printf(d->arena, "boot a kernel with %s", row->option);
    else
        remedy = remedy_of_call(d, attempt, "Linux 4.6");
    found_missing(d, row->attempt, row->needed_by, refusal(d, attempt), remedy);
}

static void find_others(struct diagnosing *d)
{
    size_t well = 0, asked = 0;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const Crib__Survey__Attempt *attempt = tried(d, rows[i].attempt);

        if (!attempt)
            continue;
        asked++;
        if (tried_well(d, rows[i].attempt))
            well++;
        else
            find_one(d, &rows[i], attempt);
    }
    if (asked && asked == well)
        found_ok(d, "namespaces", NULL, "mount, pid, net, ipc, uts and cgroup can be made");
}

/* Not for want of the namespace itself: that has a line already. */
static void find_loopback(struct diagnosing *d)
{
    const Crib__Survey__Attempt *attempt = tried(d, "loopback");

    if (!attempt || (attempt->call && strcmp(attempt->call, "clone") == 0))
        return;
    if (tried_well(d, "loopback"))
        found_ok(d, "loopback", "net.loopback", "lo can be brought up in a new network");
    else
        found_missing(d, "loopback", "net.loopback", refusal(d, attempt),
                      remedy_of_call(d, attempt, "Linux 3.8"));
}

void find_namespaces(struct diagnosing *d)
{
    const Crib__Survey__Attempt *ambient = tried(d, "ambient");

    find_user(d);
    find_others(d);
    find_loopback(d);
    if (!ambient)
        return;
    if (tried_well(d, "ambient"))
        found_ok(d, "ambient_caps", NULL, "crib-init can keep the rights that it needs");
    else
        found_missing(d, "ambient_caps", NULL, refusal(d, ambient),
                      remedy_of_call(d, ambient, "Linux 4.3"));
}
