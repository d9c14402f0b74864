/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crib_cluster: a primary that keeps sandboxed workers of one module alive, and owns the sockets
 * that they serve, the way Node's cluster does.
 *
 * Runs in: the user's program, as crib/crib.h.
 * Owns: a cluster owns its workers and its sockets. A worker lives until its `exit` callback has
 * returned.
 *
 * Theory of operation
 *
 * A worker asks for an address over its channel (crib_child_listen(), or server.listen() of a stock
 * Node script). The primary binds it once, if it is on the list of what may be served, and hands it
 * over. So a worker needs no right to the network at all: the socket was made outside.
 *
 * What may be served is what the workers' policy lists under `listen`, and `listen` of the options.
 *
 *     fork ─▶ online ─▶ listening (for each address) ─▶ disconnect ─▶ exit
 *
 * A worker that ends is replaced: at once where it left by itself or was told to (after
 * `back_off_ms`, where it left within its first second), after a growing while where it crashed.
 * Where workers crash more often than `crash_limit`, no more are started: `error` with -ELOOP;
 * crib_cluster_restart() begins anew.
 *
 * `ended` is told once when the last worker has gone and no other will come, and once more after a
 * crib_cluster_restart() or crib_cluster_stop() that follows a giving up. Where the executor is
 * closed, with its last worker. The cluster is still there, to be closed; where it was closed
 * before, `closed` tells that, and `ended` nothing.
 *
 * `ended` is told when the last worker has gone and no other will come. The cluster is still there,
 * to be closed; where it was closed before, `closed` tells that, and `ended` is not told. After a
 * giving up the sockets stay bound, and a crib_cluster_restart() or crib_cluster_stop() leads to
 * another end, told again. Closing the executor is an end, too, if there are workers then.
 *
 * What a worker does wrong (an address that is not allowed, a thousand sockets, nonsense on its
 * channel) is told once by `error`, of each kind a few times, and harms nobody else. What is shared
 * as a socket is in each worker's hands: who does not trust them lets the primary accept.
 *
 * Callbacks come from the loop, never out of a call (`prepare` of the first worker excepted).
 * Every function here may be called from a callback.
 */
#ifndef CRIB_CLUSTER_H
#define CRIB_CLUSTER_H

#include "crib/crib.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct crib_cluster crib_cluster;
typedef struct crib_worker crib_worker;

enum crib_worker_state {
    CRIB_WORKER_STARTING = 1,
    CRIB_WORKER_ONLINE,    /* it runs, and has opened its channel */
    CRIB_WORKER_LISTENING, /* it serves an address */
    CRIB_WORKER_LEAVING,   /* nothing new is given to it */
    CRIB_WORKER_DEAD,
};

/* How the workers share one address. */
enum crib_sharing {
    CRIB_SHARE_ANY = 0,   /* as the worker asks; Node's ask for round robin, others for a socket */
    CRIB_SHARE_SOCKET,    /* all accept from one socket */
    CRIB_SHARE_REUSEPORT, /* a socket each, over which the kernel spreads; TCP only. What waits at
                           * one when its worker ends is lost */
    CRIB_SHARE_ROUND_ROBIN, /* the primary accepts, and hands connections to each in turn */
};

/* An address that workers may serve. */
struct crib_listen {
    const char *address; /* `tcp:127.0.0.1:8080`, `tcp:[::1]:0`, `tcp:*:80`, `unix:/run/app.sock`;
                          * port 0: any free one, the same for all workers */
    enum crib_sharing sharing;
    bool hand; /* bound at once, and inherited by every worker as systemd does it (LISTEN_FDS) */
};

struct crib_cluster_events {
    void (*fork)(crib_worker *worker, void *data);
    void (*online)(crib_worker *worker, void *data);
    void (*listening)(crib_worker *worker, const char *address, void *data);
    void (*message)(crib_worker *worker, struct crib_message *message, void *data);
    void (*disconnect)(crib_worker *worker, void *data);
    void (*denied)(crib_worker *worker, const struct crib_denial *denial, void *data);
    void (*exit)(crib_worker *worker, const struct crib_result *result, void *data);
    /* @worker: NULL: of the whole cluster */
    void (*error)(crib_cluster *cluster, crib_worker *worker, const struct crib_error *error,
                  void *data);
    void (*restarted)(crib_cluster *cluster, void *data); /* a crib_cluster_restart() is done */
    /* No worker is left, and none will be started any more: after crib_cluster_stop(), with the
     * sockets closed, or after the cluster has given up (-ELOOP). Told once of each end. */
    void (*ended)(crib_cluster *cluster, void *data);
};

struct crib_cluster_options {
    size_t size; /* sizeof(struct crib_cluster_options) */

    const struct crib_options *worker; /* of each; NULL: the defaults, with policy `worker`, or
                                        * `node` for a script. Its callbacks are not called */
    unsigned workers;                  /* 0: one for each processor that the caller may run on */
    const struct crib_listen *listen;
    size_t listen_count; /* at most 64 */

    /* Milliseconds; 0: the default. */
    uint64_t ping_ms;  /* between pings; default none: a worker must read its channel for it */
    uint64_t pong_ms;  /* within which one is answered; 5,000. A worker that does not is killed */
    uint64_t ready_ms; /* within which a new worker is listening, in a restart, or online, where
                        * there are pings; 30,000 */
    uint64_t grace_ms; /* within which a leaving worker ends, else it is killed; 10,000 */
    uint64_t back_off_ms;     /* after a first crash, then twice that, …; 100 */
    uint64_t back_off_max_ms; /* 30,000 */
    unsigned crash_limit;     /* so many crashes of all workers within crash_window_ms; 10, or 3
                               * for each worker. UINT_MAX: any number is borne */
    uint64_t crash_window_ms; /* 60,000 */

    /* Called before each worker starts; @options is a copy, to be changed. Where the policy is
     * another one, so is what this worker may serve. May be NULL. */
    void (*prepare)(crib_cluster *cluster, unsigned id, struct crib_options *options, void *data);
    struct crib_cluster_events on;
    void *data; /* handed to every callback */
};

CRIB_API void crib_cluster_options_init(struct crib_cluster_options *options);

/**
 * crib_cluster_open() - Start a cluster
 * @module:  as crib_fork(); borrows until the cluster is closed, as @args, and what @options names
 * @options: borrows; NULL: the defaults
 *
 * The worker finds its number in CRIB_WORKER_ID (a stock Node script in NODE_UNIQUE_ID). The first
 * one is started at once, the others from the loop.
 *
 * Return: 0; -EADDRINUSE, -EACCES, … an address with `hand` cannot be bound; -EINVAL; -ENOMEM;
 *         as crib_fork() where not one worker can be started
 */
CRIB_API int crib_cluster_open(crib *ex, const char *module, const char *const *args,
                               const struct crib_cluster_options *options, crib_cluster **ret,
                               struct crib_error *err);

/* More or fewer workers, from the loop; those that are too many leave, the oldest first. Return: 0;
 * -EINVAL over 1,024; -ESHUTDOWN the cluster stops. */
CRIB_API int crib_cluster_scale(crib_cluster *cluster, unsigned workers);

/**
 * crib_cluster_restart() - Replace every worker, one after the other
 *
 * The policy is read again. Each old worker goes on until its successor serves what it serves.
 * Where it cannot be read, or a successor fails, the old ones stay: `error`, and no `restarted`.
 *
 * Return: 0; -EALREADY one is under way: it begins anew when that is done, or has failed;
 *         -ESHUTDOWN
 */
CRIB_API int crib_cluster_restart(crib_cluster *cluster);

/* All workers leave; nothing is started any more. `ended` follows, also where there is no worker;
 * the sockets are closed then. */
CRIB_API void crib_cluster_stop(crib_cluster *cluster);

/**
 * crib_cluster_close() - End all workers at once, and free the cluster
 * @closed: called when the last `exit` has been; may be NULL
 *
 * Accepts NULL; a second call does nothing. An executor that is closed meanwhile ends the workers,
 * and is freed after the cluster.
 */
CRIB_API void crib_cluster_close(crib_cluster *cluster, void (*closed)(void *data), void *data);

/* Return: the next worker after @worker, in the order of their start; NULL: the first, and no
 * more. */
CRIB_API crib_worker *crib_cluster_next(const crib_cluster *cluster, const crib_worker *worker);

/* How many run, starting ones too and leaving ones not; and how many are wanted. */
CRIB_API unsigned crib_cluster_count(const crib_cluster *cluster);
CRIB_API unsigned crib_cluster_wanted(const crib_cluster *cluster);

CRIB_API unsigned crib_worker_id(const crib_worker *worker); /* from 1 on, never used again */
CRIB_API enum crib_worker_state crib_worker_state(const crib_worker *worker);
CRIB_API crib_cluster *crib_worker_cluster(const crib_worker *worker);

/* For crib_task_pid(), crib_task_send(), crib_task_stream(), … */
CRIB_API crib_task *crib_worker_task(const crib_worker *worker);

/* Return: whether it left by itself or was told to: Node's exitedAfterDisconnect. */
CRIB_API bool crib_worker_left(const crib_worker *worker);

/* Nothing new is given to it, its channel is ended, and it has grace_ms to finish. Return: 0;
 * -ESRCH. */
CRIB_API int crib_worker_disconnect(crib_worker *worker);

/* As crib_task_kill(); it counts as told to leave. */
CRIB_API int crib_worker_kill(crib_worker *worker, int signo);

#ifdef __cplusplus
}
#endif
#endif
