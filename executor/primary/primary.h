/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The primary of a cluster that a daemon runs for a client: a process of that client's own.
 *
 * Theory of operation: the daemon starts cribd anew with the client's ids, and relays between it
 * and the client. The sockets of the cluster are made here, so with the client's rights and never
 * with the daemon's; the workers are tasks that this process asks of the daemon, as any client
 * does, so that rules, quotas and policies of the site hold for them.
 *
 * What is said goes over a stream socket, in frames of ttrpc without meaning beyond this:
 *
 *     data, to us       a ClusterInput, as the client sent it
 *     data, from us     a ClusterEvent
 *     response, from us a crib.Error: the cluster cannot be started; the last thing
 *     data with REMOTE_CLOSED, from us: the cluster has ended; the last thing
 *
 * Then, and whenever the daemon closes the socket, everything ends: its own connection to the
 * daemon too, and with that every worker.
 *
 * Runs in: primary, a process of its own.
 */
#ifndef PRIMARY_PRIMARY_H
#define PRIMARY_PRIMARY_H

#define PRIMARY_OPTION "--primary"  /* the first argument; the second is the daemon's socket */
#define PRIMARY_SOCK   3            /* the fd that it is started with */
#define PRIMARY_CHUNK  (64 * 1024)  /* bytes of a message in one frame */
#define PRIMARY_FRAME  (128 * 1024) /* bytes of a frame, at most; a start's aside */

/* Return: an exit status. @path: the daemon's socket, absolute. */
int primary_main(const char *path);

#endif
