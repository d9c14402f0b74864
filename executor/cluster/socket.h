/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sockets of a cluster, and who has part in them.
 *
 * Runs in: library, on the loop's thread.
 */
#ifndef CLUSTER_SOCKET_H
#define CLUSTER_SOCKET_H

#include "cluster/cluster.h"

/**
 * socket_join() - Give a worker part in what it asks for, binding it where it is not bound yet
 * @ret_fd: to be sent to the worker, and then closed; -1 where connections are handed out
 *
 * Return: 0; -EACCES not allowed; -EMFILE too many; -EADDRINUSE, other negative errno
 */
int socket_join(crib_worker *worker, const struct ask *ask, struct part **ret, int *ret_fd,
                struct crib_error *err);

/* Ends a part; what it was given and has not taken goes to others. @lives: it was the worker's own
 * wish, and a socket that nobody serves any more is closed. */
void part_leave(struct part *part, bool lives);

/* Nothing more is given to it; what it was given it may still take. */
void part_rest(struct part *part);

/* The worker's end of its pair is closed: it is dead, or wants no more. socket_sweep() knows. */
void part_shut(struct part *part);

/* Ends the parts of workers that outlived them. From the loop's timer only: parts are freed. */
void socket_sweep(crib_cluster *cluster);

/* Binds what is to be inherited. Return: 0; negative errno. */
int socket_hand(crib_cluster *cluster, const struct crib_listen *listen, struct crib_error *err);

/* Return: those sockets' fds, at most CLUSTER_MAX_HAND, in the order they were named. */
size_t socket_handed(const crib_cluster *cluster, int fds[CLUSTER_MAX_HAND]);

/* Closes all. No worker has part any more. */
void socket_close_all(crib_cluster *cluster);

#endif
