/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An fd that is watched for reading.
 *
 * Runs in: library, on the loop's thread.
 */
#ifndef CLUSTER_WATCH_H
#define CLUSTER_WATCH_H

#include "cluster/cluster.h"

struct watch;

/* Watches nothing yet. @fd: borrowed; open until watch_close(). Return: 0; negative errno. */
int watch_new(crib_cluster *cluster, int fd, void (*ready)(void *owner), void *owner,
              struct watch **ret);

void watch_set(struct watch *watch, bool on);

/* Accepts NULL. @ready is not called any more. */
void watch_close(struct watch *watch);

#endif
