/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seccomp filters, their listener, and Landlock.
 */
#include <errno.h>
#include <string.h>

#include "doctor/diagnosing.h"

#define LANDLOCK_NEEDS "landlock,net.connect_ports,net.bind_ports,net.abstract_sockets"

static void find_filter(struct diagnosing *d)
{
    const Crib__Survey__Attempt *attempt = tried(d, "filter");

    if (!attempt)
        return;
    if (tried_well(d, "filter"))
        found_ok(d, "filter", "syscalls", "seccomp filters can be loaded");
    else
        found_missing(d, "filter", "syscalls", refusal(d, attempt),
                      attempt->code == -EINVAL && !d->survey->filtered
                          ? "boot a kernel with CONFIG_SECCOMP_FILTER"
                          : remedy_of_call(d, attempt, "Linux 3.17"));
}

static void find_listener(struct diagnosing *d)
{
    const Crib__Survey__Attempt *attempt = tried(d, "listener");

    if (!attempt || !tried_well(d, "filter"))
        return;
    if (tried_well(d, "listener"))
        found_ok(d, "listener", "syscalls.reasons", "refused calls can be told, with their reason");
    else if (attempt->code == -EBUSY)
        found_limited(
            d, "listener", "syscalls.reasons",
            "something around crib listens to refused calls already: they are refused all "
            "the same, and not told",
            "run it outside of the other crib, or of the container whose filter notifies");
    else
        found_limited(d, "listener", "syscalls.reasons", refusal(d, attempt),
                      attempt->code == -EINVAL ? "boot Linux 5.0 or later, which has listeners"
                                               : remedy_of_call(d, attempt, "Linux 5.0"));
}

/* What each ABI of Landlock brought, of what crib uses. */
static const struct abi {
    unsigned number;
    const char *brought, *since;
} abis[] = {
    {2, "moving files between directories", "Linux 5.19"},
    {3, "truncating", "Linux 6.2"},
    {4, "TCP ports", "Linux 6.7"},
    {5, "ioctl on devices", "Linux 6.10"},
    {6, "abstract sockets and signals", "Linux 6.12"},
};

static void find_abi(struct diagnosing *d)
{
    unsigned abi = d->survey->host->landlock_abi;
    const char *what = arena_printf(d->arena, "ABI %u", abi), *newest = NULL;

    for (size_t i = 0; what && i < sizeof(abis) / sizeof(abis[0]); i++)
        if (abi < abis[i].number) {
            what = arena_printf(d->arena, "%s%s%s", what, newest ? ", " : ": knows nothing of ",
                                abis[i].brought);
            newest = abis[i].since;
        }
    if (newest)
        found_limited(d, "landlock", LANDLOCK_NEEDS, what,
                      arena_printf(d->arena, "boot %s or later, which knows all", newest));
    else
        found_ok(d, "landlock", LANDLOCK_NEEDS, what);
}

static void find_landlock(struct diagnosing *d)
{
    const Crib__Survey__Attempt *attempt = tried(d, "landlock");
    const char *lsm = d->survey->lsm;

    if (tried_well(d, "landlock") && d->survey->host->landlock_abi)
        find_abi(d);
    else if (attempt && attempt->code == -EOPNOTSUPP)
        found_missing(d, "landlock", LANDLOCK_NEEDS, "switched off when the kernel was booted",
                      lsm ? arena_printf(d->arena, "boot with `lsm=landlock,%s`", lsm)
                          : "boot with `lsm=landlock,…`, and behind it the modules of "
                            "/sys/kernel/security/lsm");
    else if (attempt && attempt->code == -ENOSYS && !d->survey->filtered)
        found_missing(d, "landlock", LANDLOCK_NEEDS, "this kernel has none",
                      "boot Linux 5.13 or later with CONFIG_SECURITY_LANDLOCK");
    else if (attempt)
        found_missing(d, "landlock", LANDLOCK_NEEDS, refusal(d, attempt),
                      remedy_of_call(d, attempt, "Linux 5.13"));
}

void find_filters(struct diagnosing *d)
{
    find_filter(d);
    find_listener(d);
    find_landlock(d);
}
