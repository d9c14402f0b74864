/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process of a client's cluster (primary/primary.h), seen from the daemon.
 *
 * Theory of operation
 *
 *     LIVING ─▶ LEFT ─▶ (gone)
 *        └─────────────▲
 *
 * LIVING  Somebody talks with it. Left by primary_process_leave(), or when it ends: `lost`.
 * LEFT    Its socket is closed, and it should end; after a grace it is killed.
 * (gone)  Reaped, freed, its part of the quota given back.
 *
 * Runs in: daemon, on the loop's thread.
 * Owns: the process, its pidfd and socket.
 */
#ifndef DAEMON_PRIMARY_PROCESS_H
#define DAEMON_PRIMARY_PROCESS_H

#include <uv.h>

#include "daemon/daemon.h"

struct primary_process;

/* Called from the loop. */
struct primary_process_events {
    /* Of the socket, what primary_process_watch() asked for. */
    void (*ready)(struct primary_process *process);
    /* It has ended, without our doing. @code: the errno with which it could not be started; 0.
     * @signo: that ended it; 0. */
    void (*lost)(struct primary_process *process, int code, int signo);
};

struct primary_process {
    struct daemon *daemon;
    void *owner; /* NULL: it is LEFT */
    const struct primary_process_events *on;
    uid_t uid;
    int sock, pidfd; /* -1 */
    pid_t pid;
    uv_poll_t talk, life;
    uv_timer_t timer;
    int watching; /* events asked of the loop */
    int handles;  /* that are not closed yet */
};

/**
 * primary_process_start() - Start one as a client
 * @path: borrows; the daemon's own socket, absolute
 * @on:   keeps
 *
 * Return: 0; -EDQUOT, -ENOSPC over the quota of clusters; -EAGAIN, -EMFILE, -ENOMEM, …
 */
int primary_process_start(struct daemon *daemon, const struct peer *peer, const char *path,
                          const struct primary_process_events *on, void *owner,
                          struct primary_process **ret);

/* @events: UV_READABLE, UV_WRITABLE; 0: none now. */
void primary_process_watch(struct primary_process *process, int events);

/* Nobody talks with it any more. `lost` will not be called. */
void primary_process_leave(struct primary_process *process);

#endif
