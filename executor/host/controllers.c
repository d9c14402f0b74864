/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which cgroup controllers can hold a task, and where its groups can be made. Of version 1 each is
 * looked for in its own hierarchy; one that both versions have is taken where it works.
 */
#include "host/host.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "host/facts.h"
#include "host/places.h"
#include "host/tried.h"

#define MAX_MOUNT (16u << 20) /* bytes of mountinfo */

static const struct row {
    const char *name, *other; /* ours, and that of version 1 */
    const char *file[3];      /* in a group of version 1, one of */
    const char *file2[3];     /* and of version 2 */
} rows[] = {
    {"memory", "memory", {"memory.limit_in_bytes"}, {"memory.max"}},
    {"pids", "pids", {"pids.max"}, {"pids.max"}},
    {"cpu", "cpu", {"cpu.cfs_quota_us"}, {"cpu.max"}},
    {"cpuset", "cpuset", {"cpuset.cpus"}, {"cpuset.cpus"}},
    {"io", "blkio", {"blkio.bfq.weight", "blkio.weight"}, {"io.weight", "io.bfq.weight"}},
    {"cpuacct", "cpuacct", {"cpuacct.usage"}, {"cpu.stat"}},
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

/* Return: the first of the files that a group has; NULL: none. */
static const char *find_file(int probe, const char *const *files)
{
    for (; *files; files++)
        if (faccessat(probe, *files, F_OK, 0) == 0)
            return *files;
    return NULL;
}

static int fill(Crib__HostController *found, const struct row *row, const struct place *place,
                struct arena *arena)
{
    bool two = place->in->version == 2;
    char mems[4096];

    found->has_version = found->has_dir = true;
    found->version = place->in->version;
    found->dir = arena_bytes(arena, place->dir, strlen(place->dir));
    found->has_swap = strcmp(row->name, "memory") == 0;
    found->swap = faccessat(place->probe, two ? "memory.swap.max" : "memory.memsw.limit_in_bytes",
                            F_OK, 0) == 0;
    found->file = arena_text(arena, find_file(place->probe, two ? row->file2 : row->file));
    if (strcmp(row->name, "cpuset") == 0 && !two) {
        if (facts_read(place->dir, "cpuset.effective_mems", mems, sizeof(mems)) < 0)
            return -EIO;
        mems[strcspn(mems, "\n")] = '\0';
        found->mems = arena_text(arena, mems);
    }
    return found->dir.data && found->file ? 0 : -ENOMEM;
}

/* Whether a hierarchy is the one for a controller; of version 2 the probe tells. */
static bool holds(const struct place *place, const struct row *row)
{
    if (place->in->version == 2)
        return place->probe >= 0 && find_file(place->probe, row->file2) != NULL;
    return cgroups_has(place->in->controllers, row->other);
}

/* `memory 0 1 0`: a controller, and last whether the kernel was started with it. */
static bool is_switched_off(const char *name)
{
    char text[4096], *rest, *line;
    size_t len = strlen(name);

    if (facts_read("/proc", "cgroups", text, sizeof(text)) < 0)
        return false;
    for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        if (strncmp(line, name, len) == 0 && line[len] == '\t')
            return line[strlen(line) - 1] == '0';
    return false;
}

static const char *why_none(const struct row *row, const struct place *places, size_t count,
                            struct arena *arena)
{
    if (is_switched_off(row->other))
        return arena_printf(arena,
                            "the kernel was started without the controller %s: boot it without "
                            "cgroup_disable=%s",
                            row->name, row->other);
    for (size_t i = 0; i < count; i++) {
        if (places[i].in->version == 2 && places[i].dir &&
            place_names(places[i].dir, "cgroup.controllers", row->name))
            return arena_printf(arena, "%s does not give %s to the groups below it", places[i].dir,
                                row->name);
        if (places[i].in->version == 2 && places[i].why)
            return places[i].why;
        if (places[i].in->version == 2 && places[i].dir && !places[i].in->top)
            return arena_printf(arena,
                                "%s was not given the controller %s: with systemd, `-p "
                                "Delegate=yes`, else +%s in cgroup.subtree_control of those above",
                                places[i].dir, row->name, row->name);
    }
    return arena_printf(arena,
                        "no mounted cgroup hierarchy has the controller %s: mount one, or boot "
                        "the kernel with it",
                        row->name);
}

static int look_for(const struct row *row, const struct place *places, size_t count,
                    struct arena *arena, Crib__HostController *found)
{
    const char *why = NULL;

    found->name = (char *)row->name;
    for (size_t i = 0; i < count; i++) {
        if (!holds(&places[i], row))
            continue;
        if (!places[i].dir)
            why = places[i].why;
        else if (find_file(places[i].probe, places[i].in->version == 2 ? row->file2 : row->file))
            return fill(found, row, &places[i], arena);
        else
            why = arena_printf(arena,
                               "groups in %s have no setting for it: no I/O scheduler with "
                               "weights (bfq, io.cost) is there",
                               places[i].dir);
    }
    found->why = (char *)(why ? why : why_none(row, places, count, arena));
    return found->why ? 0 : -ENOMEM;
}

static int try_all(const struct hierarchy *list, size_t count, struct arena *arena,
                   Crib__HostController **ret)
{
    struct place *places = arena_alloc(arena, (count + 1) * sizeof(*places));
    int r = places ? 0 : -ENOMEM;

    for (size_t i = 0; r == 0 && i < count; i++) {
        places[i] = (struct place){.in = &list[i], .probe = -1};
        r = place_try(&places[i], arena);
    }
    for (size_t i = 0; r == 0 && i < ROWS; i++) {
        ret[i] = ARENA_NEW(arena, crib__host_controller, Crib__HostController);
        r = ret[i] ? look_for(&rows[i], places, count, arena, ret[i]) : -ENOMEM;
    }
    for (size_t i = 0; places && i < count; i++)
        if (places[i].in)
            tried_drop(&places[i].probe, places[i].dir);
    return r;
}

/* What was found, kept as long as this process stays in the same groups. */
static struct {
    pthread_mutex_t lock;
    struct arena arena;
    char *own; /* /proc/self/cgroup; NULL: nothing found yet */
    uid_t uid;
    Crib__HostController *found[ROWS];
} kept = {.lock = PTHREAD_MUTEX_INITIALIZER};

static int find_all(const char *own, const char *mounts)
{
    struct hierarchy *list;
    long count;

    arena_done(&kept.arena);
    arena_init(&kept.arena, 0);
    kept.own = NULL;
    count = cgroups_read(own, mounts, &kept.arena, &list);
    return count < 0 ? (int)count : try_all(list, (size_t)count, &kept.arena, kept.found);
}

/* Moving oneself below changes where one is. */
static int keep(void)
{
    AUTO_FREE char *own = NULL, *mounts = NULL;
    int r = tried_read("/proc/self/cgroup", MAX_MOUNT, &own);

    if (r < 0)
        own = strdup("");
    if (kept.own && own && kept.uid == geteuid() && strcmp(kept.own, own) == 0)
        return 0;
    if (tried_read("/proc/self/mountinfo", MAX_MOUNT, &mounts) < 0)
        mounts = strdup("");
    r = own && mounts ? find_all(own, mounts) : -ENOMEM;
    if (r < 0)
        return r;
    free(own);
    own = NULL;
    if (tried_read("/proc/self/cgroup", MAX_MOUNT, &own) < 0 && !(own = strdup("")))
        return -ENOMEM;
    kept.uid = geteuid();
    kept.own = arena_text(&kept.arena, own);
    return kept.own ? 0 : -ENOMEM;
}

/* A copy, since what is kept may be found anew. */
static int copy_to(Crib__Host *host, struct arena *arena)
{
    for (size_t i = 0; i < ROWS; i++) {
        size_t len = crib__host_controller__get_packed_size(kept.found[i]);
        uint8_t *packed = arena_alloc(arena, len + 1);
        Crib__HostController *copy;

        if (!packed)
            return -ENOMEM;
        crib__host_controller__pack(kept.found[i], packed);
        copy = crib__host_controller__unpack(&arena->pb, len, packed);
        if (!copy || arena_push(arena, &host->controllers, &host->n_controllers, copy) < 0)
            return -ENOMEM;
    }
    return 0;
}

int host_controllers(struct arena *arena, Crib__Host *host)
{
    char cpus[4096];
    int r;

    if (facts_read("/sys/devices/system/cpu", "online", cpus, sizeof(cpus)) == 0) {
        cpus[strcspn(cpus, "\n")] = '\0';
        host->cpus_online = arena_text(arena, cpus);
        if (!host->cpus_online)
            return -ENOMEM;
    }
    pthread_mutex_lock(&kept.lock);
    r = keep();
    if (r == 0)
        r = copy_to(host, arena);
    pthread_mutex_unlock(&kept.lock);
    return r;
}
