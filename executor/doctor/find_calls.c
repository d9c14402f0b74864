/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls that starting a task takes, whatever the policy.
 */
#include <errno.h>

#include "doctor/diagnosing.h"

static void find_required(struct diagnosing *d)
{
    const Crib__Survey__Attempt *attempt = tried(d, "calls");

    if (!attempt)
        return;
    if (tried_well(d, "calls"))
        found_ok(d, "calls", NULL, "the system calls that a start takes are there");
    else
        found_missing(d, "calls", NULL, refusal(d, attempt),
                      remedy_of_call(d, attempt, "Linux 5.12"));
}

/* Only where groups of version 2 are; without it a task is moved there as its first act. */
static void find_clone3(struct diagnosing *d)
{
    const Crib__Survey__Attempt *attempt = tried(d, "clone3");

    if (!attempt)
        return;
    if (tried_well(d, "clone3"))
        found_ok(d, "clone3", "limits", "a task can be born in its cgroup");
    else
        found_limited(d, "clone3", "limits",
                      arena_printf(d->arena, "%s: a task moves to its cgroup once it is born",
                                   refusal(d, attempt)),
                      remedy_of_call(d, attempt, "Linux 5.7"));
}

static void find_memfd(struct diagnosing *d)
{
    const Crib__Survey__Attempt *attempt = tried(d, "memfd");
    bool forbidden = attempt && (attempt->code == -EACCES || attempt->code == -EPERM);

    if (!attempt)
        return;
    if (tried_well(d, "memfd"))
        found_ok(d, "memfd", NULL, "crib-init can be executed from memory");
    else if (forbidden && d->survey->init_installed)
        found_ok(d, "memfd", NULL,
                 "nothing may be executed from memory: the installed crib-init is used");
    else if (forbidden && d->survey->memfd_noexec == 2)
        found_missing(
            d, "memfd", NULL,
            "nothing may be executed from memory (vm.memfd_noexec is 2), and no copy of "
            "crib-init is installed",
            "install crib (`cmake --install`), or as root run `sysctl vm.memfd_noexec=1`");
    else
        found_missing(d, "memfd", NULL, refusal(d, attempt),
                      remedy_of_call(d, attempt, "Linux 3.17"));
}

void find_calls(struct diagnosing *d)
{
    find_required(d);
    find_clone3(d);
    find_memfd(d);
}
