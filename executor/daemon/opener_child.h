/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The opener itself: a fork of the daemon that has become the client.
 *
 * Theory of operation: it reads one OpenerAsk, a packet, and answers it with one OpenerTold, until
 * the daemon's end of the socket is closed. It holds no state between two asks. An answer holds as
 * many paths as fit; the daemon asks for the others again. So no packet is large, and no more fds
 * are under way than one packet takes.
 *
 * Out of its memory, which is a copy of the daemon's, the client can get nothing: the process is
 * not dumpable, from before it takes the client's id, and opens no file of its own in proc.
 *
 * Runs in: opener; forked, without another thread, by the daemon.
 * Source: credentials(7), prctl(2) on PR_SET_DUMPABLE, openat2(2)
 */
#ifndef DAEMON_OPENER_CHILD_H
#define DAEMON_OPENER_CHILD_H

#include "daemon/peer.h"

#define OPENER_FDS PACKET_MAX_FDS /* with one answer */

struct opener_start {
    int sock;                /* one end of a SOCK_SEQPACKET pair */
    const struct peer *peer; /* whom to become */
    bool change;             /* by setting every id; else they are the same already */
    pid_t parent;            /* with which to end */
};

/* Called in the forked process, all signals blocked. */
void opener_child(const struct opener_start *start) __attribute__((noreturn));

#endif
