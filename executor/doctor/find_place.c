/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What we are inside of, and what has to be said to it so that crib can work there.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "doctor/diagnosing.h"

#define KIND(name) CRIB__SURVEY__PLACE__KIND__##name

static const struct place {
    Crib__Survey__Place__Kind kind;
    const char *name;
    const char *remedy[WALLS];
} places[] = {
    {KIND(crib),
     "crib",
     {"run crib outside of that task, which may make neither namespaces nor mounts, or have the "
      "task ask a cribd (docs/daemon.md)",
      NULL, "run crib outside of that task", "raise the limit in the policy around it",
      "run crib outside of that task"}},
    {KIND(kubernetes),
     "Kubernetes",
     {"in the pod, `securityContext: {seccompProfile: {type: Unconfined}, appArmorProfile: {type: "
      "Unconfined}}`",
      "in the pod, `hostUsers: false`, and in the container, `securityContext: {procMount: "
      "Unmasked}`",
      "on the node, `cgroup_writable = true` for the runtime in containerd's configuration (2.1)",
      "on the node, LimitNOFILE= and LimitNPROC= of the container runtime's service",
      "in the container, `securityContext: {allowPrivilegeEscalation: true}`"}},
    {KIND(docker),
     "Docker",
     {"`docker run --security-opt seccomp=unconfined --security-opt apparmor=unconfined …`, or a "
      "seccomp profile that allows clone, unshare, pivot_root and the mount calls",
      "`docker run --security-opt systempaths=unconfined …`",
      "`docker run --security-opt writable-cgroups=true …` (Docker 28)",
      "`docker run --ulimit nofile=65536 …`",
      "`docker run` without `--security-opt no-new-privileges`"}},
    {KIND(podman),
     "Podman",
     {"`podman run --security-opt seccomp=unconfined …`",
      "`podman run --security-opt unmask=ALL …`",
      "`podman run --security-opt unmask=/sys/fs/cgroup …`", "`podman run --ulimit nofile=65536 …`",
      "`podman run` without `--security-opt no-new-privileges`"}},
    {KIND(lxc),
     "LXC",
     {"`lxc config set NAME security.nesting true` (LXD and Incus), or in the container's "
      "configuration `lxc.include = /usr/share/lxc/config/nesting.conf`",
      "`lxc config set NAME security.nesting true` (LXD and Incus), or in the container's "
      "configuration `lxc.include = /usr/share/lxc/config/nesting.conf`",
      NULL, "in the container's configuration, `lxc.prlimit.nofile = 65536`"}},
    {KIND(nspawn),
     "systemd-nspawn",
     {"`systemd-nspawn --system-call-filter='@mount @process' …`, or run crib outside",
      "run crib outside of the container, whose proc cannot be uncovered", NULL,
      "`systemd-nspawn --rlimit=RLIMIT_NOFILE=65536 …`",
      "`systemd-nspawn --no-new-privileges=no …`"}},
    {KIND(container), "a container", {NULL}},
    {KIND(wsl), "WSL", {"move the distribution to WSL 2: `wsl --set-version NAME 2`"}},
    {KIND(chroot),
     "a chroot",
     {"the kernel gives no user namespace to who is in a chroot: enter that tree by pivot_root in "
      "a mount namespace of its own, as RootDirectory= of systemd does",
      "as root, mount a proc in it: `mount -t proc proc /proc`"}},
};

static const struct place *find(Crib__Survey__Place__Kind kind)
{
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        if (places[i].kind == kind)
            return &places[i];
    return NULL;
}

const char *remedy_of_place(const struct diagnosing *d, enum wall wall)
{
    for (size_t i = 0; i < d->survey->n_places; i++) {
        const struct place *place = find(d->survey->places[i]->kind);

        if (place && place->remedy[wall])
            return place->remedy[wall];
    }
    return NULL;
}

const char *remedy_of_call(struct diagnosing *d, const Crib__Survey__Attempt *attempt,
                           const char *since)
{
    const char *place = remedy_of_place(d, WALL_FILTER);

    if (attempt->code == -ENOSPC || attempt->code == -EUSERS)
        return "too many of them, or too deeply nested: as root, raise the limits in "
               "/proc/sys/user, or run crib outside";
    if ((attempt->code == -ENOSYS || attempt->code == -EINVAL) && !d->survey->filtered)
        return arena_printf(d->arena, "boot %s or later, which has it", since);
    if (place && (d->survey->filtered || attempt->code == -EPERM || attempt->code == -EACCES))
        return place;
    if (d->survey->filtered || attempt->signal)
        return "a seccomp filter around crib forbids it: start what is around crib with one that "
               "allows it";
    if (d->survey->lsm && strcmp(d->survey->lsm, "capability") != 0)
        return arena_printf(d->arena,
                            "a security module may forbid it (%s): see the kernel's log, and allow "
                            "it for crib",
                            d->survey->lsm);
    return "a container or a security module forbids it: run crib outside of it";
}

void find_place(struct diagnosing *d)
{
    const char *what = NULL;

    for (size_t i = 0; i < d->survey->n_places; i++) {
        const Crib__Survey__Place *there = d->survey->places[i];
        const struct place *place = find(there->kind);

        what = arena_printf(d->arena, "%s%s (%s)", what ? what : "inside ",
                            place ? place->name : "", there->sign);
        if (what && i + 1 < d->survey->n_places)
            what = arena_printf(d->arena, "%s, ", what);
        if (!what)
            break;
    }
    if (d->survey->n_places == 0)
        what = "no container and no chroot is seen";
    found_ok(d, "place", NULL, what);
}
