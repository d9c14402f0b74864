/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Network namespaces that are used again: docs/decisions/0016-networks.md has why, and for whom.
 *
 * Theory of operation: the maker enters a new namespace, brings its lo up, keeps an fd of it and one
 * of its table of unix sockets, and goes home. A sandbox is cloned from within it, and has no rights
 * over it, since it is its maker's. When all of the sandbox is gone, the table tells whether a socket
 * has stayed: then the namespace is let go of. A plan says whether it may be used so (net_again):
 * where the filter lets nothing be made but unix sockets, there is nothing else that could stay.
 *
 * Runs in: library, any thread.
 * Owns: those that nobody uses, until the process ends.
 */
#ifndef LAUNCH_NETS_H
#define LAUNCH_NETS_H

struct net;

/* Return: one for a single sandbox; NULL: none can be had, and the sandbox has to make its own. */
struct net *nets_take(void);

/* All that was in it is gone. Accepts NULL. */
void nets_give_back(struct net *net);

/* Something may still be in it. Accepts NULL. */
void nets_drop(struct net *net);

/**
 * nets_enter() - Go into it, with the calling thread, for a clone
 *
 * All signals are to be blocked until nets_leave().
 *
 * Return: home, an fd for nets_leave(); negative errno, and nothing has changed
 */
int nets_enter(const struct net *net);

/* Comes back, or does not return. */
void nets_leave(int home);

#endif
