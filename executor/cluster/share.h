/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Round robin: connections are accepted here, and given to the workers of a socket in turn.
 *
 * Nobody is given more than CLUSTER_MAX_GIVEN that he has not taken, nor while another has taken
 * his; when all have that many, nothing is accepted, and who connects waits in the kernel.
 *
 * Runs in: library, on the loop's thread.
 */
#ifndef CLUSTER_SHARE_H
#define CLUSTER_SHARE_H

#include "cluster/cluster.h"

/* Return: 0; negative errno. The socket listens. */
int share_open(struct bound *bound);
void share_close(struct bound *bound);

/* Gives out what waits, and accepts where somebody has room. */
void share_serve(struct bound *bound);

/**
 * share_taken() - A worker answers a connection, over the channel
 *
 * Return: false: it was given no such one
 */
bool share_taken(struct part *part, uint64_t seq, bool accepted);

/* What the part was given goes to others. */
void share_return(struct part *part);

/* Takes in what a worker has said over its pair; share_serve() may have something to do then.
 * Return: 0; -EPIPE it has closed its end; -EPROTO nonsense; other negative errno: as closed. */
int share_hear(struct part *part);

/* Opens a pair of sockets for the part's connections. Return: the worker's end; negative errno. */
int share_pair(struct part *part);
void share_pair_close(struct part *part);

#endif
