/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cribd as a whole: what its parts share, and its life from start to the last byte.
 *
 * Theory of operation
 *
 *     SERVING ─▶ DRAINING ─▶ ENDING ─▶ (gone)
 *         SIGTERM    all tasks ended, or the grace is over: what runs is killed
 *
 * SERVING   Connections are taken, tasks started.
 * DRAINING  The listening socket is closed; whoever is connected goes on, but Spawn is Unavailable.
 * ENDING    Everything is killed and closed; the loop runs dry. What cannot be killed is left.
 *
 * Killed by SIGKILL instead, every crib-init sees its parent's pidfd end, and ends its sandbox.
 *
 * Runs in: daemon, all of it on one thread.
 * Owns: everything.
 */
#ifndef DAEMON_DAEMON_H
#define DAEMON_DAEMON_H

#include <uv.h>

#include "api/executor.h"
#include "daemon/entry.h"
#include "daemon/fdside.h"
#include "daemon/listen.h"
#include "daemon/metrics.h"
#include "daemon/opener.h"
#include "daemon/quota.h"
#include "daemon/site.h"
#include "daemon/turns.h"
#include "daemon/window.h"

/* A site as long as anybody uses it, also when a newer one has been read. */
struct held_site {
    struct site *site;
    unsigned users; /* the daemon is one, while it is the newest */
};

struct daemon {
    uv_loop_t *loop;
    crib *ex;
    struct held_site *held;
    struct quota *quota;
    struct openers *openers;
    struct fdside *fdside;
    struct turns turns;
    struct windows windows;
    struct entries entries;
    struct connection *connections; /* connection::next; unordered */
    struct cluster *clusters;       /* cluster_call.c's; unordered */
    struct metrics metrics;
    struct metrics_side *metrics_side;
    uint64_t instance;
    uid_t uid;
    unsigned prepared; /* sandboxes kept ready at most, as the site says */
    bool draining;
    bool ending;
    const char *config, *policies; /* borrowed: read again on SIGHUP; may be NULL */

    struct listener listener;
    uv_poll_t listen_poll;
    bool listening;
    uv_timer_t grace, sweep, accept_again, retry;
    bool closing; /* the parts */
    int open;     /* of them, how many still have to */
    void (*ended)(struct daemon *daemon);
};

/* Return: 0; negative errno. Everything but the listening socket. @loop, @config, @policies: keeps.
 */
int daemon_open(struct daemon *daemon, uv_loop_t *loop, const char *config, const char *policies,
                struct crib_error *err);

/* Begins to accept. @listener: takes. Return: 0; negative errno. */
int daemon_serve(struct daemon *daemon, struct listener *listener, struct crib_error *err);

/* Reads site file and policies anew; keeps the old ones when the new are wrong. */
int daemon_reload(struct daemon *daemon, struct crib_error *err);

/* One more user of the newest site, and one less of any; accepts NULL. */
struct held_site *daemon_hold_site(struct daemon *daemon);
void daemon_drop_site(struct daemon *daemon, struct held_site *held);

/* Takes no new tasks; daemon_end() follows when the last has ended, or after the site's grace. */
void daemon_drain(struct daemon *daemon);

/* Kills what runs, closes everything, then ended() from the loop. */
void daemon_end(struct daemon *daemon);

/* Charges what waits for its client, or for a task. That may be three quarters of a quota of queued
 * bytes: the rest is for requests and answers, without which nothing would ever be given back.
 * Return: 0; -EDQUOT, -ENOSPC over the uid's or all; -ENOMEM. quota_release() gives it back. */
int daemon_charge(struct daemon *daemon, uid_t uid, size_t n);

/* Return: whether nothing more of it may be charged. */
bool daemon_crowded(const struct daemon *daemon, uid_t uid);

/* A mailbox waits for room: soon it looks again. */
void daemon_retry(struct daemon *daemon);

/* A task or connection is gone: whoever waits for that looks again. */
void daemon_settle(struct daemon *daemon);

#endif
