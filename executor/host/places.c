/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: of version 1 groups are made in this process's own. Version 2 has one
 * hierarchy, and a rule: a group with processes cannot give controllers to groups below it. So
 * where this process is alone in its group, as under `systemd-run --scope -p Delegate=yes`, it
 * moves itself into a group HOST below it, which changes nothing of what it may have; else groups
 * are made beside its own, if the group above allows it and gives controllers already. Nothing is
 * enabled in a group with processes: controllers with threads would allow it, and make every group
 * below invalid.
 *
 * Source: Documentation/admin-guide/cgroup-v2.rst ("No Internal Process Constraint", "Delegation")
 */
#include "host/places.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/facts.h"
#include "host/tried.h"

#define HOST "crib-host" /* the group of a process that had one to itself */

static const char *sentence(int code, const struct hierarchy *in, struct arena *arena)
{
    const char *dir = in->dir;

    if (code == -EROFS)
        return arena_printf(arena,
                            "%s is mounted read-only, as containers have it: start the container "
                            "with a cgroup mount that may be written, or run crib outside",
                            dir);
    if (code == -EBUSY)
        return arena_printf(arena,
                            "%s has other processes in it and gives no controllers to groups below "
                            "it: give crib a group of its own, `systemd-run --scope -p "
                            "Delegate=yes crib …` (an ordinary user: `systemd-run --user --scope`)",
                            dir);
    if ((code == -EACCES || code == -EPERM) && in->version == 1)
        return arena_printf(arena,
                            "%s is not this user's: have root make a group in it that is (mkdir, "
                            "chown) and start crib there, or run crib as root",
                            dir);
    if (code == -EACCES || code == -EPERM)
        return arena_printf(arena,
                            "%s is not this user's: run crib in a delegated group, `systemd-run "
                            "--user --scope -p Delegate=yes crib …`, or as root",
                            dir);
    return arena_printf(arena, "no group can be made in %s: %s", dir, strerror(-code));
}

static char *parent_of(const char *dir, struct arena *arena)
{
    const char *slash = strrchr(dir, '/');

    return arena_copy(arena, dir, slash ? (size_t)(slash - dir) : 0);
}

static bool is_named(const char *dir, const char *name)
{
    const char *slash = strrchr(dir, '/');

    return slash && strcmp(slash + 1, name) == 0;
}

bool place_names(const char *dir, const char *file, const char *word)
{
    char text[512];
    char *rest, *one;

    if (facts_read(dir, file, text, sizeof(text)) < 0)
        return false;
    for (one = strtok_r(text, " \n", &rest); one; one = strtok_r(NULL, " \n", &rest))
        if (strcmp(one, word) == 0)
            return true;
    return false;
}

/* Version 2: has the group give what it has to those below, as far as it will. */
static void give_controllers(const char *dir)
{
    static const char *const given[] = {"memory", "pids", "cpu", "cpuset", "io"};

    for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++) {
        char word[32];

        if (!place_names(dir, "cgroup.controllers", given[i]) ||
            place_names(dir, "cgroup.subtree_control", given[i]))
            continue;
        snprintf(word, sizeof(word), "+%s", given[i]);
        tried_write(dir, "cgroup.subtree_control", word);
    }
}

/* Whether this process is the only one in its group. */
static bool is_alone(const char *dir)
{
    char text[64], own[24];

    snprintf(own, sizeof(own), "%d\n", (int)getpid());
    return facts_read(dir, "cgroup.procs", text, sizeof(text)) == 0 && strcmp(text, own) == 0;
}

static int move_below(const char *dir)
{
    char path[TRIED_PATH];

    if (snprintf(path, sizeof(path), "%s/" HOST, dir) >= (int)sizeof(path))
        return -ENAMETOOLONG;
    if (mkdir(path, 0755) < 0 && errno != EEXIST)
        return -errno;
    return tried_write(path, "cgroup.procs", "0");
}

/* The rule is not for the root of all, which has no type. */
static bool has_to_be_empty(const char *dir)
{
    char text[16];

    return facts_read(dir, "cgroup.type", text, sizeof(text)) == 0 &&
           facts_read(dir, "cgroup.procs", text, sizeof(text)) == 0 && text[0];
}

static bool may_give(const char *dir, struct arena *arena)
{
    const char *path = arena_printf(arena, "%s/cgroup.subtree_control", dir);

    return path && access(path, W_OK) == 0;
}

/* Beside a group that has processes: only what the one above gives already. */
static int try_beside(struct place *place, const char *dir, struct arena *arena)
{
    const char *above = place->in->top ? NULL : parent_of(dir, arena);
    int probe;

    if (!above || !*above ||
        (!place_names(above, "cgroup.subtree_control", "memory") &&
         !place_names(above, "cgroup.subtree_control", "pids")))
        return -EBUSY;
    probe = tried_make(above);
    if (probe < 0)
        return -EBUSY;
    place->probe = probe;
    place->dir = above;
    return 0;
}

/* Empties the group, if need be, and has it give what it has. Return: 0; negative errno: other
 * processes are in it, or it is not to be changed. */
static int prepare_two(const char *dir, struct arena *arena)
{
    int r = 0;

    if (!may_give(dir, arena))
        return -EACCES;
    if (has_to_be_empty(dir))
        r = is_alone(dir) ? move_below(dir) : -EBUSY;
    if (r == 0)
        give_controllers(dir); /* what could not be given will be missing in the probe */
    return r;
}

static int try_two(struct place *place, struct arena *arena)
{
    const char *dir = place->in->dir;
    int r;

    if (is_named(dir, HOST))
        dir = parent_of(dir, arena);
    if (!dir)
        return -ENOMEM;
    r = place->probe = tried_make(dir);
    if (r >= 0)
        r = prepare_two(dir, arena);
    if (r >= 0 && tried_is(place->probe, "cgroup.type", "domain")) {
        place->dir = dir;
        return 0;
    }
    tried_drop(&place->probe, dir);
    return try_beside(place, dir, arena) == 0 ? 0 : r < 0 ? r : -EBUSY;
}

int place_try(struct place *place, struct arena *arena)
{
    int r;

    if (!place->in->dir) {
        place->why = arena_printf(arena,
                                  "this process's group is not beneath %s, as in a container that "
                                  "shows another's: run crib outside, or mount its own",
                                  place->in->mount);
        return place->why ? 0 : -ENOMEM;
    }
    if (place->in->version == 2) {
        r = try_two(place, arena);
    } else {
        r = place->probe = tried_make(place->in->dir);
        place->dir = r < 0 ? NULL : place->in->dir;
    }
    if (r >= 0)
        return 0;
    place->why = sentence(r, place->in, arena);
    return place->why ? 0 : -ENOMEM;
}
