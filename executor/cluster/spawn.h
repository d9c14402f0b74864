/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The options of a worker: the caller's, its number, and the sockets that it inherits.
 *
 * Runs in: library, on the loop's thread.
 */
#ifndef CLUSTER_SPAWN_H
#define CLUSTER_SPAWN_H

#include "cluster/cluster.h"

/* Sets worker->task. Return: 0; as crib_fork(). */
int spawn_worker(crib_worker *worker, const struct crib_events *events, struct crib_error *err);

#endif
