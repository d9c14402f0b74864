/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clients that run inside a task of this very daemon.
 *
 * Theory of operation: when a client connects, its pid namespace is looked at, by one stat() of
 * /proc/PID/ns/pid. Mostly it is the daemon's own, and that is all. Otherwise it and the namespaces
 * above it are compared with those of the tasks that live. A namespace cannot be left, nor can its
 * tree be changed, so that nothing that a task does makes it look like an ordinary client.
 *
 * The number of a process says nothing when it has gone: another one may have it. So the process is
 * held by a pidfd, and what was read counts only if it still lives afterwards. One that has gone,
 * or cannot be looked at, is refused while there are tasks that it may have been in.
 *
 * Such a client gets no more than the task that it is in has: what it asks for is cut down to that
 * task's effective policy, also a policy that it names. Nothing is opened for it on the host beside
 * that policy, its tasks end with its connection, and it knows of no task but those it has asked
 * for.
 *
 * Runs in: daemon.
 * Owns: nothing.
 * Source: SO_PEERPIDFD of unix(7), pid_namespaces(7), ioctl_ns(2)
 */
#ifndef DAEMON_NESTED_H
#define DAEMON_NESTED_H

#include "daemon/daemon.h"

/**
 * nested_find() - Which task a peer runs in
 * @sock: borrows; the connection
 * @peer: peer_read() of it; `inside` is set
 *
 * Return: 0; -EACCES it cannot be told; -ENOMEM
 */
int nested_find(const struct daemon *daemon, int sock, struct peer *peer);

/* The same, of a process that is held already; -1: it has gone. */
int nested_look(const struct daemon *daemon, int pidfd, struct peer *peer);

/**
 * nested_note() - Remember what is needed of a task that has just been started
 * @entry: its pid is set
 * @task:  borrows; as it was planned
 * @plan:  borrows
 *
 * Return: 0; -ENOMEM
 */
int nested_note(struct entry *entry, const Crib__Task *task, const Crib__Plan *plan);

/**
 * nested_ceiling() - The policy of the task that a peer runs in
 * @ret: in @arena; NULL: it runs in none
 *
 * Return: 0; -EACCES the task has ended; -ENOMEM
 */
int nested_ceiling(const struct daemon *daemon, const struct peer *peer, struct arena *arena,
                   Crib__Policy **ret, struct crib_error *err);

/**
 * nested_cut() - Cut a policy down to what the task has in which a peer runs
 * @policy:  changed; @arena has what is new
 * @ret_cut: set where something was taken away; may be NULL
 *
 * Return: 0, also for a peer that runs in none; -EACCES, and errors of policy_intersect()
 */
int nested_cut(const struct daemon *daemon, const struct peer *peer, struct arena *arena,
               Crib__Policy **policy, bool *ret_cut, struct crib_error *err);

/* What such a client cannot have, whatever the policy. Return: 0; -EACCES. */
int nested_check(const Crib__SpawnRequest *request, struct crib_error *err);

/**
 * nested_check_plan() - Is a program shown that the policy would not show?
 * @ceiling: borrows
 *
 * Return: 0; -EACCES
 */
int nested_check_plan(const Crib__Plan *plan, const Crib__Policy *ceiling, struct crib_error *err);

#endif
