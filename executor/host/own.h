/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An id for one task alone.
 *
 * Theory of operation: who has an id holds its lock, and the lock is an open file: the kernel lets
 * go of it when the last process that has it open is gone, however it went. Parent and crib-init
 * have it open, the task does not. A privileged caller's lock is one byte, at the place of the id,
 * of a file that only root may open (OFD locks); an ordinary caller's is the name of an abstract
 * socket, since no directory is both its own and always the same. Which of the free ones is taken
 * is by chance, so that an id is not soon somebody else's.
 *
 * Runs in: library.
 * Owns: struct host_fds owns the lock.
 * Source: fcntl(2) ("Open file description locks"), unix(7) ("abstract")
 */
#ifndef HOST_OWN_H
#define HOST_OWN_H

#include "host/host.h"

/* The file of the locks; the same for every crib of a machine. */
#define OWN_LOCKS "/run/crib-ids.lock"

/**
 * own_take() - Take a pair of @host->sub_ids
 * @locks:   the file; only a privileged caller uses it
 * @ret_own: uid and gid, or why none could be had
 * @ret_fd:  set to the lock, above 2, where there is one
 *
 * Return: 0, also where there is none; -ENOMEM
 */
int own_take(const Crib__Host *host, const char *locks, struct arena *arena, Crib__HostOwn *ret_own,
             int *ret_fd);

#endif
