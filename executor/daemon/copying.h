/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files that a client has copied into a task and out of it.
 *
 * Theory of operation: a source is opened by the opener, with the client's rights; what is to be
 * written is an fd of the client's own, since a daemon makes no files on the host. Both are held by
 * the daemon from the start on, so that a client that is gone does not matter.
 *
 * Runs in: daemon.
 * Owns: nothing; the fds are struct prepared's.
 */
#ifndef DAEMON_COPYING_H
#define DAEMON_COPYING_H

#include "daemon/prepare.h"

/* What of it can be refused at once; adds sources to the files that are to be opened. Return: 0;
 * -EACCES, -EINVAL, -E2BIG, -EOPNOTSUPP, -ENOMEM. */
int copying_prepare(const struct peer *peer, const Crib__SpawnRequest *request, struct prepared *p,
                    struct crib_error *err);

/* The plan is accepted: fills p->copies. @files: as prepare_fds(). Return: 0; -EBADF, -EINVAL,
 * -EFBIG and other negative errno. */
int copying_open(struct daemon *daemon, uint64_t owner, struct prepared *p, const int *files,
                 size_t count, struct crib_error *err);

/* Return: how many bytes of content the task's result may come to hold. */
size_t copying_contents(const struct prepared *p);

#endif
