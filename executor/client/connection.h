/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is in a struct rpc: shared by its life on the loop (rpc.c), its waiting half (wait.c), what
 * is asked (requests.c) and what is answered (deliver.c).
 *
 * Runs in: library, cli; on the loop's thread.
 */
#ifndef CLIENT_CONNECTION_H
#define CLIENT_CONNECTION_H

#include <stdbool.h>

#include "client/rpc.h"
#include "wire/ttrpc.h"

#define CONNECTION_BUCKETS  64         /* a power of two */
#define CONNECTION_MAX_KEPT (64 << 20) /* bytes of answers for the loop that came during waits */

/* Where rpc_wait() gets its answer. */
struct connection_wait {
    struct arena *arena;
    ProtobufCMessage *message;
    struct crib_error error; /* code 0: message is set */
    bool answered;
};

/* Under way, from the call to the answer. */
struct connection_request {
    struct connection_request *next;
    uint32_t stream;
    enum rpc_method method;
    uint64_t due_us; /* clock_us() when it is late; 0: never */
    rpc_cb done;     /* may be NULL */
    void *data;
    struct connection_wait *wait; /* of rpc_wait(); NULL */
};

/* An answer that came while somebody waited for another one. */
struct connection_kept {
    struct connection_kept *next;
    struct connection_request *request;
    size_t len;
    uint8_t payload[];
};

struct rpc {
    uv_loop_t *loop; /* NULL: none */
    uv_poll_t poll;
    uv_timer_t clock; /* now, where something is to be told; or the first deadline */
    int handles;      /* how many of these exist */
    int watching;     /* events asked of the loop */
    int sock;
    struct ttrpc_reader *reader;
    struct ttrpc_writer *writer;
    uint32_t stream; /* the next one */
    uint64_t due_us; /* no request is late before; 0: none can be */
    struct connection_request *requests[CONNECTION_BUCKETS];
    struct connection_kept *kept, **kept_last;
    size_t kept_bytes;
    struct crib_error broken; /* code 0: it is not */
    bool told;                /* and everybody knows */
    bool closing;
    void (*lost)(struct rpc *rpc, void *data);
    void *lost_data;
    void (*closed)(void *data);
    void *closed_data;
};

/**
 * connection_ask() - Queue a request, and send what the socket takes
 * @ret: the request, owned by @rpc
 *
 * Return: 0; as rpc_call()
 */
int connection_ask(struct rpc *rpc, enum rpc_method method, const ProtobufCMessage *request,
                   uint64_t timeout_ms, struct connection_request **ret);

/* Requests that are late break it. */
void connection_expire(struct rpc *rpc);

/* Return: a request taken out of those under way, the caller's to free; NULL. */
struct connection_request *connection_take(struct rpc *rpc, uint32_t stream);
struct connection_request *connection_take_any(struct rpc *rpc);
void connection_put_back(struct rpc *rpc, struct connection_request *request);

/* Sends what the socket takes. */
void connection_flush(struct rpc *rpc);

/**
 * connection_read() - Receive once, and answer what can be
 * @on_loop: tell answers at once; else only the one that is waited for, and keep the others
 *
 * Return: whether more may be there
 */
bool connection_read(struct rpc *rpc, bool on_loop);

/* The end of it; the first reason counts. Whoever waits is answered at once, the others from the
 * loop. */
void connection_break(struct rpc *rpc, const struct crib_error *error);

/* From the loop: tells what came during waits; that it is broken, once. */
void connection_tell_kept(struct rpc *rpc);
void connection_tell_broken(struct rpc *rpc);

/* Nobody hears of anything that is under way or kept. */
void connection_drop_all(struct rpc *rpc);

/* Lets the loop look at what has changed. */
void connection_watch(struct rpc *rpc);

#endif
