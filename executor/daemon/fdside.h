/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fd side: connections whose first byte was 0xFD, and the named fds that they register.
 *
 * Theory of operation: a registered fd is found by its owner's uid and its name, from any
 * connection of that uid, and lives until it is released or the connection that brought it is
 * closed. Frames are those of wire/frame.h, their types and payloads those of executor.proto.
 * Every request is answered in order. A peer that does not read its answers is not read from. What
 * is registered or released is so whole, or not at all.
 *
 * Directories and O_PATH fds are refused, and so is a file that another process may stand behind
 * (foreign.h): such a one is closed when it arrives, before anything else could be held up by it.
 *
 * Runs in: daemon, on the loop's thread.
 * Owns: its connections and the fds registered with them.
 */
#ifndef DAEMON_FDSIDE_H
#define DAEMON_FDSIDE_H

#include <uv.h>

#include "base/error.h"
#include "daemon/peer.h"
#include "executor.pb-c.h"

#define FDSIDE_MAX_NAME 63 /* bytes: letters, digits, . _ - */

struct fdside;

/* What the fd side asks of others. */
struct fdside_asks {
    /* May this uid hold n more (or, negative, fewer) fds? Return: 0; -EDQUOT. Giving back never
     * fails. */
    int (*charge)(uid_t uid, int n, void *data);
    /* FdTake. Return: 0 and fds for the peer (*ret_fds malloced; both are the caller's, to be
     * closed when sent); a positive gRPC code, with *ret_why static. */
    int (*take)(const struct peer *peer, const Crib__FdTake *take, int **ret_fds, size_t *ret_count,
                const char **ret_why, void *data);
    /* A connection is over; its quota can be given back. */
    void (*closed)(const struct peer *peer, void *data);
};

/* Return: 0; -ENOMEM. @loop, @asks: keeps. */
int fdside_new(uv_loop_t *loop, const struct fdside_asks *asks, void *data, struct fdside **ret);

/* Closes every connection; @closed is told from the loop. */
void fdside_close(struct fdside *fdside, void (*closed)(void *data), void *data);

/**
 * fdside_add() - A connection whose first byte, 0xFD, has been read
 * @sock: takes, also on an error; non-blocking
 * @peer: borrows; copied
 *
 * Return: 0; negative errno
 */
int fdside_add(struct fdside *fdside, int sock, const struct peer *peer);

/* Return: an fd, borrowed until the loop goes on; -ENOENT there is none of that name for this owner
 * (peer_owner()).
 */
int fdside_find(const struct fdside *fdside, uint64_t owner, const char *name);

#endif
