/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fork of the daemon gives up what is the daemon's, and becomes a client.
 *
 * Out of its memory, which is a copy of the daemon's, the client can get nothing: the process is
 * not dumpable, from before it takes the client's id.
 *
 * Runs in: opener, and a primary until it is executed; forked, without another thread.
 * Source: credentials(7), prctl(2) on PR_SET_DUMPABLE
 */
#ifndef DAEMON_BECOME_H
#define DAEMON_BECOME_H

#include <stdbool.h>

#include "daemon/peer.h"

/* Nothing stays open but the socket, as @at (3 or more); those below are /dev/null, so that no file
 * of a client gets there. All are CLOEXEC. */
void become_leave_fds(int sock, int at);

/* Every signal is as a program expects it: none blocked, none ignored, also of those which may have
 * come ignored. */
void become_leave_signals(void);

/**
 * become_peer() - Take the client's ids, and nothing else
 * @change: set every id; else they are the same already
 * @parent: with which this process is to end
 *
 * Without capabilities (root's aside), new privileges, a terminal; in /.
 *
 * Return: 0; negative errno: this process is nobody who could do anything
 */
int become_peer(const struct peer *peer, bool change, pid_t parent);

#endif
