/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One opener process, seen from the daemon.
 *
 * Theory of operation
 *
 *     LIVING ─▶ DYING ─▶ (gone)
 *
 * LIVING  Takes asks, one after the other. Left when the process ends, by itself or by somebody's
 *         SIGKILL, when its socket ends or fails, or by opener_process_kill().
 * DYING   The socket is closed and SIGKILL sent. A process that waits for a file system may stay so
 *         for as long as it likes; nobody waits for it.
 * (gone)  Reaped. `gone` has been called, and the memory is freed.
 *
 * Runs in: daemon, on the loop's thread.
 * Owns: the process, its pidfd and socket.
 * Source: pidfd_open(2), waitid(2)
 */
#ifndef DAEMON_OPENER_PROCESS_H
#define DAEMON_OPENER_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "daemon/peer.h"

struct opener_process;

/* All are called from the loop. */
struct opener_process_events {
    /* There is an answer to be read at the socket. */
    void (*readable)(struct opener_process *process);
    /* LIVING is over, without our doing. */
    void (*lost)(struct opener_process *process);
    /* What opener_process_alarm() was for. */
    void (*alarm)(struct opener_process *process);
    /* Freed when this returns. */
    void (*gone)(struct opener_process *process);
};

struct opener_process {
    void *owner; /* its own list, request and so on */
    const struct opener_process_events *on;
    int sock, pidfd; /* -1 */
    pid_t pid;
    bool living;
    uv_poll_t talk, life;
    uv_timer_t timer;
    int handles; /* that are not closed yet */
};

/**
 * opener_process_start() - Fork
 * @peer:   borrows; whom the process becomes
 * @change: set all ids; needs the capabilities for it
 * @on:     keeps
 *
 * Return: 0; -EAGAIN, -EMFILE, -ENOMEM, …
 */
int opener_process_start(uv_loop_t *loop, const struct peer *peer, bool change,
                         const struct opener_process_events *on, void *owner,
                         struct opener_process **ret);

/* Sends a packet; a failure shows as `lost`, later. */
void opener_process_send(struct opener_process *process, const void *data, size_t len);

/* Calls alarm() once, in @ms; 0: not at all. */
void opener_process_alarm(struct opener_process *process, uint64_t ms);

/* SIGKILL. `lost` will not be called. */
void opener_process_kill(struct opener_process *process);

/* A DYING process is left to itself: `gone` comes at once, from the loop, and nobody reaps it. */
void opener_process_abandon(struct opener_process *process);

#endif
