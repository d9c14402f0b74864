/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cluster: a stream between a client and the process that runs its cluster (primary_process.h).
 *
 * Theory of operation: what the client says is looked at and handed on; what the process says is
 * the client's own, and handed on as it is, with `taken` behind it. At most CLUSTER_CREDIT events
 * are ahead of the client's `ack`, and at most as many inputs ahead of `taken`: so little is kept
 * here, and what a client does not take waits in its own process.
 *
 * When the stream ends, however that comes about, the process is left, and with it go the workers.
 *
 * Runs in: daemon.
 * Owns: one struct cluster of each such call.
 */
#ifndef DAEMON_CLUSTER_CALL_H
#define DAEMON_CLUSTER_CALL_H

#include "primary.pb-c.h"
#include "daemon/call.h"
#include "wire/ttrpc.h"

#define CLUSTER_CREDIT 32

struct cluster;

/* The call becomes a stream; @input is what came with the request, mostly nothing. */
void cluster_begin(struct call *call, const Crib__ClusterInput *input);

/* A data frame of the client. The call may be over when it returns. */
void cluster_data(struct call *call, const struct ttrpc_frame *frame);

/* The connection has room again. The call may be over when it returns. */
void cluster_push(struct call *call);

/* Accepts NULL. */
void cluster_free(struct cluster *cluster);

/* The daemon takes no new tasks: every cluster is told to stop. */
void clusters_drain(struct daemon *daemon);

#endif
