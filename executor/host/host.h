/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts about this host and this caller, found by trying and never by version.
 *
 * Runs in: library.
 * Owns: struct host_fds owns its descriptors.
 */
#ifndef HOST_HOST_H
#define HOST_HOST_H

#include "base/arena.h"
#include "base/error.h"
#include "plan.pb-c.h"

/* O_PATH descriptors of Host.paths, by index; -1 where there is nothing. */
struct host_fds {
    int *fd;
    size_t count;
    int own; /* the lock of the task's own id, above 2; 0: none */
};

/**
 * host_look() - Find everything but paths
 * @ret: a new Host in @arena, paths empty
 *
 * What cannot change while the process lives is found once and kept. Safe from several threads.
 * The environment is read as getenv() would read it: nobody may change it meanwhile.
 *
 * Return: 0; -ENOMEM
 */
int host_look(struct arena *arena, Crib__Host **ret);

/**
 * host_try_namespaces() - Find whether user namespaces can be made, and why not
 *
 * host_look() does so for ordinary callers; for privileged ones it takes for granted what only a
 * filter or a switch could refuse, since a start shows it too.
 *
 * Return: 0; -ENOMEM
 */
int host_try_namespaces(Crib__Host *host, struct arena *arena);

/**
 * host_controllers() - Find which cgroup controllers can hold a task, and where
 * @host: its controllers and cpus_online are filled
 *
 * Makes a group and removes it. Where this process has a group of version 2 to itself, it moves
 * itself into a new one below, so that groups can be made beside it. Kept while it stays in the
 * same groups. Safe from several threads.
 *
 * Return: 0, also where there are none (their `why` tells); -ENOMEM
 */
int host_controllers(struct arena *arena, Crib__Host *host);

/**
 * host_paths() - Look at paths with the caller's own rights
 * @paths: borrows; absolute; each opened O_PATH by openat2 without magic links
 * @count: how many
 * @host:  its paths are appended in the same order
 * @fds:   filled; the object at the end of symlinks, opened; close with host_fds_done()
 *
 * A kernel without openat2 makes every path `unreadable` with code -ENOSYS: there is no weaker way.
 *
 * Return: 0, also where paths are missing (their kind says so); -EINVAL a path is not absolute;
 *         -ENOMEM, -EMFILE, -ENFILE: nothing is left open
 * Source: openat2(2), proc(5) on /proc/PID/fd
 */
int host_paths(const char *const *paths, size_t count, struct arena *arena, Crib__Host *host,
               struct host_fds *fds);

/**
 * host_own() - Take an id for a task, where its policy wants one
 * @policy: borrows
 * @host:   sub_ids, and own or what stands in the way, are filled
 * @fds:    the lock is put there; after host_paths(), which overwrites it
 *
 * Does nothing for a policy that asks for none.
 *
 * Return: 0, also where there is none (`why` tells); -ENOMEM
 */
int host_own(const Crib__Policy *policy, struct arena *arena, Crib__Host *host,
             struct host_fds *fds);

/* Closes what host_paths() and host_own() opened. Accepts one that is all zero. */
void host_fds_done(struct host_fds *fds);

#endif
