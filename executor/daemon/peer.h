/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is at the other end of a connection, as the kernel says it.
 *
 * Runs in: daemon.
 * Owns: the list of groups.
 * Source: SO_PEERCRED and SO_PEERGROUPS of unix(7)
 */
#ifndef DAEMON_PEER_H
#define DAEMON_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PEER_MAX_GROUPS 65536 /* NGROUPS_MAX of the kernel */

struct peer {
    pid_t pid;
    uid_t uid;
    gid_t gid;
    gid_t *groups; /* supplementary ones */
    size_t n_groups;
    uint64_t inside; /* number of the task of this daemon that it runs in; 0: none. nested.h */
};

/**
 * peer_read() - The process that connected, as it was at that moment
 * @sock: borrows; a connected Unix socket
 *
 * Return: 0; -ENOTCONN; other negative errno. Release with peer_done().
 */
int peer_read(int sock, struct peer *ret);

/* Return: 0; -ENOMEM. */
int peer_copy(const struct peer *from, struct peer *ret);

/* Return: whether uid, gid and groups (in this order) are the same. */
bool peer_same(const struct peer *one, const struct peer *other);

/* Return: whose the fds are that it registers: its uid's, or the task's that it runs in. */
uint64_t peer_owner(const struct peer *peer);

/* Accepts a zeroed one. */
void peer_done(struct peer *peer);

#endif
