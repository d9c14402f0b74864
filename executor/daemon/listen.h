/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The socket that clients connect to: handed over by systemd (LISTEN_FDS), or our own.
 *
 * Runs in: daemon.
 * Owns: its socket, and the file of it that it made.
 * Source: sd_listen_fds(3), sd_notify(3), unix(7), flock(2)
 */
#ifndef DAEMON_LISTEN_H
#define DAEMON_LISTEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct listener {
    int sock;          /* listening, non-blocking, CLOEXEC, SOCK_STREAM; -1 none */
    char *path;        /* ours to remove; NULL */
    int lock;          /* PATH.lock, held by flock(2) as long as we live; -1 */
    uint64_t dev, ino; /* of the file at path */
};

/**
 * listen_inherited() - Take the one socket of LISTEN_FDS, and clear the variables
 *
 * Return: 1; 0 there is none (LISTEN_PID is another's, or nothing set); -EINVAL more than one, or
 * it does not listen on a Unix stream socket
 */
int listen_inherited(struct listener *ret, struct crib_error *err);

/**
 * listen_path() - Make one
 * @mode: of the socket file
 *
 * A socket file that a dead daemon left behind is replaced, one that somebody listens on is
 * -EADDRINUSE: who holds the lock decides, so two starting at once cannot both win. Anything else
 * at the path is left alone: -EEXIST. A directory where others than us and root may rename it away
 * is refused (-EPERM), /tmp and its like (sticky) excepted.
 *
 * The umask is changed for a moment: no other thread may be making files.
 *
 * Return: 0; negative errno
 */
int listen_path(const char *path, unsigned mode, struct listener *ret, struct crib_error *err);

/* Closes; removes the file if it is still ours. Accepts a zeroed one whose fds are -1. */
void listen_done(struct listener *listener);

/* Tells systemd (NOTIFY_SOCKET), where it listens: "READY=1", "STOPPING=1". Return: 0; negative
 * errno. */
int listen_notify(const char *state);

#endif
