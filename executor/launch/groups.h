/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The leaf groups of one task: one in each hierarchy that holds a controller it needs.
 *
 * Theory of operation: the leaves are made and their settings written while nothing is in them. The
 * cloned process is born in the leaf of version 2 (CLONE_INTO_CGROUP), and writes itself into those
 * of version 1 before it executes crib-init: a thread that moves itself makes nobody wait, while
 * moving another one stops every fork and exit of the host for a moment. A leaf is held by
 * flock(2): whoever gets the lock of one that is left over, because its owner was killed, may
 * remove it.
 *
 * Runs in: library.
 * Owns: the leaves, until groups_free().
 * Source: Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/
 */
#ifndef LAUNCH_GROUPS_H
#define LAUNCH_GROUPS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "plan.pb-c.h"

struct groups;

/* What the kernel has counted. Without a controller its figures are 0 and its `has_` is false. */
struct groups_facts {
    bool has_cpu, has_memory, has_pids, has_io;
    uint64_t cpu_us, user_us, system_us;
    uint64_t memory, peak_memory; /* bytes, with page cache and files in memory */
    uint64_t pids, peak_pids;     /* crib-init's own aside; peak 0: not known */
    uint64_t read_bytes, written_bytes;
    uint64_t oom_kills;    /* processes killed for want of memory */
    bool own_memory;       /* the group's own limit was reached, and not only the host's */
    uint64_t forks_denied; /* by the limit on pids */
};

/* Fds to be watched, borrowed; -1: none. */
struct groups_watch {
    int memory; /* readable when the limit was reached: some process was or will be killed, not all
                 */
    int pids;   /* has a priority event when a fork was denied */
};

/**
 * groups_new() - Make the leaves
 * @plan: borrows; keeps nothing of it
 *
 * Also removes what killed owners have left in the same directories.
 *
 * Return: 0; negative errno, err->step `cgroup` or `limits`, subject the limit's name
 */
int groups_new(const Crib__CgroupPlan *plan, struct groups **ret, struct crib_error *err);

/* Return: the leaf of version 2, to be cloned into; -1: there is none. */
int groups_into(const struct groups *groups);

/* In the cloned process, which shares our memory: joins the leaves. @into: also that of version 2,
 * where it could not be cloned into. Return: 0; negative errno. */
int groups_join(const struct groups *groups, bool into);

/* Nobody joins any more: what that took is closed, and an fd for each leaf is left. Accepts NULL.
 */
void groups_started(struct groups *groups);

struct groups_watch groups_watch(const struct groups *groups);

/* Return: whether denied forks are counted, but nobody tells of them: they have to be asked for. */
bool groups_silent_pids(const struct groups *groups);

/* Costs a few system calls. Accepts NULL: all is 0. */
void groups_measure(struct groups *groups, struct groups_facts *ret);

/* Kills everything inside, where the kernel does that at once (cgroup.kill). Accepts NULL. */
void groups_kill(struct groups *groups);

/* Removes the leaves, once nothing is in them; those of a task that goes on are left to it.
 * Accepts NULL. */
void groups_free(struct groups *groups);

#endif
