/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a cluster is made of: workers, sockets, and a worker's part in each socket it serves.
 *
 * Theory of operation
 *
 * cluster.c starts workers until as many run as are wanted (respawn.h says when), restart.c
 * replaces them one by one. worker.c is one worker's life. What it says reaches it through talk.h,
 * in one of two languages. A worker that asks for an address gets a part (socket.c): a copy of the
 * socket, or, in round robin, a turn in what share.c accepts.
 *
 * A connection that was handed to a worker stays open here until the worker has taken it. If it
 * ends before that, another worker gets the connection; so nobody's request is lost to a restart.
 *
 * A socket stays bound while no worker is there, so that who connects then waits for the next one.
 * It is closed when the last worker that serves it closes it and goes on living, or when nobody
 * serves it and there is no room for another.
 *
 * Runs in: library, on the loop's thread.
 */
#ifndef CLUSTER_CLUSTER_H
#define CLUSTER_CLUSTER_H

#include "base/buf.h"
#include "cluster/address.h"
#include "cluster/complaint.h"
#include "cluster/respawn.h"
#include "crib/cluster.h"
#include "policy/listen.h"

#define CLUSTER_MAX_WORKERS 1024
#define CLUSTER_MAX_SOCKETS 256 /* of a cluster */
#define CLUSTER_MAX_PARTS   64  /* of a worker */
#define CLUSTER_TRIES       3   /* workers that may refuse a connection */
#define CLUSTER_MAX_GIVEN   16  /* connections that a worker was given and has not taken */
#define CLUSTER_MAX_HAND    64
#define CLUSTER_BACKLOG     511
#define CLUSTER_DATA        4096 /* bytes that the first worker of a socket leaves for the others */
#define CLUSTER_UNREAD      2048 /* messages to one that reads none: 16 for each part, and as many */

/* A worker that has closed its end of a pair, and lives so much longer, closed it on purpose. */
#define CLUSTER_SWEEP_MS 1000
/* Behind a deadline, for the loop to look once more: it may have been kept from it. */
#define CLUSTER_LATE_MS 250

/* An accepted connection that no worker has taken yet. */
struct connection {
    struct connection *next;
    int fd;
    uint64_t seq;                    /* of the worker that has it now */
    unsigned char byte;              /* the same, over a pair */
    unsigned tries;                  /* how often it was refused */
    uint64_t refused[CLUSTER_TRIES]; /* numbers of the parts by which it was */
};

struct queue {
    struct connection *first, **last;
};

/* A worker's part in a socket. */
struct part {
    struct part *next;       /* of the worker */
    struct part *next_there; /* of the socket */
    struct crib_worker *worker;
    struct bound *bound;
    uint64_t number;    /* unique in the cluster */
    int64_t seq;        /* of what asked for it */
    bool announced;     /* `listening` was told */
    bool turns;         /* connections are handed to it */
    uint64_t shut_ms;   /* when its end of the pair was closed; 0: it is open */
    bool due;           /* that is long ago */
    struct queue given; /* in order of seq */
    unsigned n_given;
    struct watch *pair; /* over which they are handed; NULL: over the channel */
    int pair_fd;
    unsigned char byte; /* sent last */
};

/* A socket of the primary's. */
struct bound {
    struct bound *next;
    crib_cluster *cluster;
    struct listen_address asked, address; /* as asked for; as bound */
    int64_t index;                        /* tells sockets of port 0 apart */
    enum crib_sharing sharing;
    int fd;
    bool hand;
    struct address_file file; /* of a path */
    struct part *parts, *turn;
    struct queue waiting; /* accepted, and nobody's */
    struct watch *watch;  /* of round robin */
    struct buf data;      /* that the first worker of Node's gave; JSON */
};

/* What a worker asks for. */
struct ask {
    int64_t seq;
    struct listen_address address;
    enum crib_sharing sharing;
    int backlog;
    int64_t index;
    const char *data; /* borrowed */
    size_t data_len;
};

enum worker_waits {
    WAITS_NOTHING,
    WAITS_ONLINE,
    WAITS_PING,
    WAITS_PONG,
    WAITS_LATE, /* whether what is late has come while we were kept from looking */
    WAITS_GRACE,
    WAITS_DEAF, /* for the loop: it is ended */
};

enum worker_end {
    END_WELL,
    END_BRIEF, /* it served, and left by itself soon */
    END_CRASH,
};

/* Addresses that may be served. */
struct allowed {
    struct listen_address *list;
    size_t count;
};

struct crib_worker {
    crib_cluster *cluster;
    crib_worker *next, **link;
    unsigned id;
    enum crib_worker_state state;
    crib_task *task;
    const struct talk *talk;
    struct allowed own; /* where it has another policy than the others */
    bool has_own;
    struct part *parts;
    size_t n_parts;
    bool left;       /* by its own will, or it was told to */
    bool asked_to;   /* by the caller, or by us */
    bool connected;  /* its channel is there */
    bool spoke;      /* it knows that it is a worker */
    bool served;     /* it was listening once */
    bool deaf;       /* it reads nothing, and nothing more is said to it */
    unsigned unread; /* messages since there are too many */
    uint64_t started_ms, seq, pinged;
    struct complaints complaints;
    enum worker_waits waits; /* for what its timer runs */
    enum worker_waits late;
    uv_timer_t timer;
};

/* A crib_cluster_restart() under way. */
struct restart {
    bool on, again;
    unsigned before;    /* workers of lower numbers are old; 0: it has not begun */
    crib_worker *old;   /* that is being replaced */
    crib_worker *fresh; /* its successor; NULL while the old one leaves */
    bool late;          /* and that was seen once */
    uv_timer_t timer;   /* the beginning; then the successor's deadline */
};

/* What this process has run out of. */
struct want {
    int code;         /* negative errno; 0: nothing */
    bool told;        /* by `error` */
    uint64_t told_ms; /* when, last; 0: never */
    uint64_t end_ms;  /* of the pause in accepting; 0: there is none */
};

struct crib_cluster {
    crib *ex;
    uv_loop_t *loop;
    const char *module;
    const char *const *args;
    struct crib_cluster_options options; /* with the defaults filled in */
    struct crib_options worker;          /* of each worker, before `prepare` */
    bool node;                           /* the module is a script of Node's */
    struct allowed allowed;
    struct crib_worker *workers, **workers_last;
    struct bound *sockets;
    size_t n_sockets;
    size_t n_shut; /* parts whose worker has closed its end */
    uint64_t next_part;
    unsigned wanted, next_id;
    struct respawn respawn;
    uv_timer_t timer; /* the next start, the end of a pause, a look at what was shut */
    struct want want;
    struct restart restart;
    bool stopping, closing, torn;
    bool ended;     /* that is told, of this end */
    size_t handles; /* of libuv that are not closed */
    void (*closed)(void *data);
    void *closed_data;
};

uint64_t cluster_now(const crib_cluster *cluster); /* ms */

/* Starts what is to be started, ends what is too much. From the loop only, with nothing under way
 * that a callback could spoil: it may call `error` and `prepare`. */
void cluster_keep(crib_cluster *cluster);

/* The same, soon: for everybody else. */
void cluster_wake(crib_cluster *cluster);

/* Nothing is started any more. */
bool cluster_stops(const crib_cluster *cluster);

/* This process has run out of something: nothing is accepted for a while. */
void cluster_pause(crib_cluster *cluster, int code);

/* Reads which addresses workers of these options may serve. Return: 0; negative errno, and @ret is
 * as it was. */
int cluster_allow(crib_cluster *cluster, const struct crib_options *options, struct allowed *ret,
                  struct crib_error *err);

void cluster_error(crib_cluster *cluster, crib_worker *worker, const struct crib_error *error);

/* A worker is no more, and in no list. */
void cluster_ended(crib_cluster *cluster, const crib_worker *worker, enum worker_end end);

/* A handle of libuv was closed. */
void cluster_handle_closed(crib_cluster *cluster);

/* Return: whether it is one of those that are wanted. */
bool cluster_counts(const crib_worker *worker);

/* restart.c: somebody is online, or serves; somebody has ended. */
void restart_served(crib_cluster *cluster);
void restart_ended(crib_cluster *cluster, const crib_worker *worker);
void restart_cancel(crib_cluster *cluster);

/* Cancels one that is under way, and tells why. What was asked for meanwhile begins. */
void restart_fail(crib_cluster *cluster, const struct crib_error *why);

/* Return: how many more than are wanted may run meanwhile. */
unsigned restart_extra(const crib_cluster *cluster);

#endif
