/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reaching a daemon's socket, and saying why it cannot be reached.
 *
 * Runs in: library, cli.
 * Source: connect(2), unix(7)
 */
#ifndef CLIENT_CONNECT_H
#define CLIENT_CONNECT_H

#include <stdint.h>

#include "base/error.h"

#define CONNECT_MS 30000 /* a daemon that takes no connection for so long is none */

/**
 * connect_path() - Connect to a Unix stream socket
 * @due_us: clock_us() when to give up, where the daemon's backlog is full
 *
 * Return: a non-blocking fd above 2, the caller's; -ENOENT, -ECONNREFUSED, -EACCES, -ETIMEDOUT,
 *         -ENAMETOOLONG, other negative errno; the sentence says what to do
 */
int connect_path(const char *path, uint64_t due_us, struct crib_error *err);

/**
 * connect_wait() - Wait until a socket can be read or written
 * @events: of poll(2)
 * @due_us: clock_us() when to give up
 *
 * A signal that is handled meanwhile changes nothing.
 *
 * Return: the events that came; -ETIMEDOUT; other negative errno
 */
int connect_wait(int sock, short events, uint64_t due_us);

#endif
