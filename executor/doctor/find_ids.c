/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who tasks can be.
 */
#include <stddef.h>

#include "doctor/diagnosing.h"

#define NEEDS "ids.own,ids.groups"

static void find_own(struct diagnosing *d)
{
    const Crib__Host *host = d->survey->host;

    if (host->privileged)
        found_ok(d, "ids", NULL,
                 arena_printf(d->arena, "tasks of root have the id %u", CRIB_TASK_ID));
    else if (host->uid != 0)
        found_ok(d, "ids", NULL,
                 arena_printf(d->arena, "tasks keep uid %u and gid %u", host->uid, host->gid));
    else if (!d->survey->ids_mapped)
        found_missing(
            d, "ids", NULL,
            arena_printf(d->arena,
                         "root of a user namespace that has no id %u for tasks, or denies "
                         "setgroups",
                         CRIB_TASK_ID),
            "give the namespace a map of 65536 ids (newuidmap, newgidmap), or run crib as "
            "an ordinary user");
    else
        found_missing(d, "ids", NULL, "root without CAP_SYS_ADMIN, CAP_SETUID or CAP_SETGID",
                      "give it all three (`--cap-add SYS_ADMIN` of Docker and Podman), or run crib "
                      "as an ordinary user");
}

/* Return: how many uids, or gids, there are. */
static unsigned long long count(const Crib__Host *host, bool groups)
{
    unsigned long long all = 0;

    for (size_t i = 0; i < host->n_sub_ids; i++)
        if ((bool)host->sub_ids[i]->groups == groups)
            all += host->sub_ids[i]->count;
    return all;
}

/* Return: whether the caller has ids beside its own. */
static bool find_ranges(struct diagnosing *d)
{
    const Crib__Host *host = d->survey->host;
    const char *what, *remedy;

    if (host->n_sub_ids) {
        found_ok(d, "id_ranges", NEEDS,
                 arena_printf(d->arena, "%llu uids and %llu gids can be given to tasks%s",
                              count(host, false), count(host, true),
                              host->privileged ? "" : ", by newuidmap and newgidmap"));
        return true;
    }
    if (d->survey->no_new_privs && !host->privileged) {
        remedy = remedy_of_place(d, WALL_RIGHTS);
        found_missing(d, "id_ranges", NEEDS,
                      "no_new_privs is set, with which newuidmap and newgidmap get no rights",
                      remedy ? remedy : "start crib without it (in a unit, `NoNewPrivileges=no`)");
        return false;
    }
    if (!host->sub_ids_why)
        return false;
    remedy = found_split(d, host->sub_ids_why, &what, "install newuidmap and newgidmap anew");
    found_missing(d, "id_ranges", NEEDS, what, remedy);
    return false;
}

static void find_groups(struct diagnosing *d, bool ranges)
{
    const Crib__Host *host = d->survey->host;

    if (host->groups == 0)
        found_ok(d, "groups", "ids.groups", "no supplementary groups to clear");
    else if (host->privileged)
        found_ok(d, "groups", "ids.groups",
                 arena_printf(d->arena, "%u supplementary groups are cleared", host->groups));
    else if (ranges)
        found_ok(d, "groups", "ids.groups",
                 arena_printf(d->arena,
                              "%u supplementary groups, which `groups: required` clears by "
                              "newgidmap",
                              host->groups));
    else
        found_limited(d, "groups", "ids.groups",
                      arena_printf(d->arena,
                                   "%u supplementary groups stay with every task, and open files",
                                   host->groups),
                      "mend id_ranges, or run crib as root or as a user without such groups");
}

void find_ids(struct diagnosing *d)
{
    bool ranges;

    find_own(d);
    ranges = find_ranges(d);
    find_groups(d, ranges);
}
