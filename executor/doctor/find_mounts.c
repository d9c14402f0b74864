/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a root of one's own takes.
 */
#include <errno.h>
#include <string.h>

#include "doctor/diagnosing.h"

#define SHOWN 4 /* covers that are named */

static bool no_namespace(const Crib__Survey__Attempt *attempt)
{
    return !attempt || (attempt->call && strcmp(attempt->call, "clone") == 0);
}

static void find_root(struct diagnosing *d)
{
    const Crib__Survey__Attempt *attempt = tried(d, "mounts");

    if (no_namespace(attempt))
        return;
    if (tried_well(d, "mounts"))
        found_ok(d, "mounts", "mounts", "a root of one's own can be made");
    else
        found_missing(d, "mounts", "mounts", refusal(d, attempt),
                      remedy_of_call(d, attempt, "Linux 5.12"));
}

/* `/proc/sys, /proc/kcore and 3 more` */
static const char *name_covers(struct diagnosing *d)
{
    const Crib__Survey *survey = d->survey;
    const char *text = "";

    for (size_t i = 0; text && i < survey->n_covers && i < SHOWN; i++)
        text = arena_printf(d->arena, "%s%s%s", text, i ? ", " : "",
                            (const char *)survey->covers[i].data);
    if (text && survey->n_covers > SHOWN)
        text = arena_printf(d->arena, "%s and %zu more", text, survey->n_covers - SHOWN);
    return text;
}

/* All, as words of a command. The last comes first: it may lie below another. */
static const char *list_covers(struct diagnosing *d)
{
    const char *text = "";

    for (size_t i = d->survey->n_covers; text && i-- > 0;)
        text = arena_printf(d->arena, "%s %s", text, (const char *)d->survey->covers[i].data);
    return text;
}

static void find_covers(struct diagnosing *d)
{
    const char *remedy = remedy_of_place(d, WALL_PROC), *names, *all;

    if (d->survey->n_covers == 0) {
        found_missing(d, "proc", "mounts",
                      "no whole proc is mounted at /proc, and who has none may mount none",
                      remedy ? remedy
                             : "as root, run `mount -t proc proc /proc`; of a systemd service, "
                               "switch off ProcSubset=");
        return;
    }
    names = name_covers(d);
    all = list_covers(d);
    if (remedy)
        remedy = arena_printf(d->arena, "%s; or, as root, run `umount%s`", remedy, all ? all : "");
    else
        remedy = arena_printf(d->arena,
                              "as root, run `umount%s`; of a systemd service, switch off "
                              "ProtectKernelTunables= and ProtectKernelLogs=",
                              all ? all : "");
    found_missing(d, "proc", "mounts",
                  arena_printf(d->arena,
                               "mounted over: %s; that keeps a new proc from being mounted",
                               names ? names : ""),
                  remedy);
}

static void find_proc(struct diagnosing *d)
{
    const Crib__Survey__Attempt *attempt = tried(d, "proc");

    if (no_namespace(attempt))
        return;
    if (tried_well(d, "proc"))
        found_ok(d, "proc", "mounts", "a new proc can be mounted");
    else if (attempt->code == -EPERM && (d->survey->n_covers || !d->survey->proc))
        find_covers(d);
    else
        found_missing(d, "proc", "mounts", refusal(d, attempt),
                      remedy_of_call(d, attempt, "Linux 5.2"));
}

static void find_devpts(struct diagnosing *d)
{
    const Crib__Survey__Attempt *attempt = tried(d, "devpts");

    if (no_namespace(attempt))
        return;
    if (tried_well(d, "devpts"))
        found_ok(d, "terminals", "terminal", "a task can have a terminal of its own");
    else
        found_missing(d, "terminals", "terminal", refusal(d, attempt),
                      attempt->code == -ENODEV ? "boot a kernel with CONFIG_UNIX98_PTYS"
                                               : remedy_of_call(d, attempt, "Linux 5.2"));
}

/* Overlays in user namespaces came with 5.11; before that they are refused to all but root. */
static void find_overlay(struct diagnosing *d)
{
    const Crib__Survey__Attempt *attempt = tried(d, "overlay");
    const char *remedy;

    if (no_namespace(attempt) || !tried_well(d, "mounts"))
        return;
    if (tried_well(d, "overlay")) {
        found_ok(d, "overlay", "mounts.overlay", "overlays can be mounted");
        return;
    }
    if (attempt->code == -ENODEV)
        remedy = "as root, run `modprobe overlay`, or boot a kernel with CONFIG_OVERLAY_FS";
    else if (attempt->code == -EINVAL)
        remedy = "boot Linux 5.11 or later, which has them in user namespaces";
    else
        remedy = remedy_of_call(d, attempt, "Linux 5.11");
    found_missing(d, "overlay", "mounts.overlay", refusal(d, attempt), remedy);
}

void find_mounts(struct diagnosing *d)
{
    find_root(d);
    find_proc(d);
    find_devpts(d);
    find_overlay(d);
}
