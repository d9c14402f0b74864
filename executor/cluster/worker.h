/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One worker's life.
 *
 * Runs in: library, on the loop's thread.
 */
#ifndef CLUSTER_WORKER_H
#define CLUSTER_WORKER_H

#include "cluster/cluster.h"

/* Starts one. Return: 0; as crib_fork(). */
int worker_start(crib_cluster *cluster, crib_worker **ret, struct crib_error *err);

/* What it says (talk.h). */
void worker_online(crib_worker *worker);
void worker_asks(crib_worker *worker, const struct ask *ask);
void worker_listening(crib_worker *worker, struct part *part);
void worker_leaves(crib_worker *worker);
void worker_ponged(crib_worker *worker, uint64_t seq);

/* It did something wrong: told by `error`, where that is new (complaint.h). */
void worker_complain(crib_worker *worker, const struct crib_error *error);

/**
 * worker_say() - Send it a message of the primary's
 * @fd: borrowed; -1: none
 *
 * A worker that reads none of them is ended: they are not kept without end.
 *
 * Return: 0; as crib_task_send()
 */
int worker_say(crib_worker *worker, const char *type, const void *data, size_t len, int fd);

/* Return: whether new connections may be given to it. */
bool worker_serves(const crib_worker *worker);

/* Tells it to leave. Return: 0; -ESRCH it is dead. */
int worker_retire(crib_worker *worker);

#endif
