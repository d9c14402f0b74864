/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection to a daemon: requests out, responses in, on a loop or waiting for one.
 *
 * Theory of operation
 *
 *     OPEN ─▶ BROKEN ─▶ CLOSED
 *       └───────────────▲        rpc_close()
 *
 * OPEN    Requests are sent, answers told.
 * BROKEN  The peer is gone, has said what is no answer to anything, or has not answered by a
 *         deadline: nothing of what it says later counts. Every request under way is answered with
 *         that error from the loop, then lost() is called; new ones are -ENOTCONN.
 * CLOSED  No callback but closed().
 *
 * A daemon that is alive answers every request that has a deadline by then, if only with code 4.
 * So one that has not after RPC_GRACE_MS more is given up.
 *
 * Runs in: library, cli; on the loop's thread.
 * Owns: its socket; requests under way.
 */
#ifndef CLIENT_RPC_H
#define CLIENT_RPC_H

#include <stdbool.h>
#include <uv.h>

#include "base/arena.h"
#include "base/error.h"
#include "executor.pb-c.h"

/* Methods by their place in the service's descriptor. */
enum rpc_method {
    RPC_INFO,
    RPC_SPAWN,
    RPC_WAIT,
    RPC_KILL,
    RPC_RESIZE,
    RPC_READ,
    RPC_WRITE,
    RPC_CLOSE_STDIN,
    RPC_SEND,
    RPC_RECEIVE,
    RPC_LIST,
    RPC_INSPECT,
    RPC_FORGET,
    RPC_POLICY_CHECK,
    RPC_PLAN,
    RPC_ATTACH,
    RPC_CLUSTER,
};

#define RPC_GRACE_MS    2000       /* that an answer may be late */
#define RPC_MAX_PENDING (16 << 20) /* bytes that may wait to be sent */

struct rpc;

/* An answer. @response: borrowed for the call; NULL with an error. @error: NULL; else its code is
 * that of the crib.Error detail, or the nearest one of the gRPC code. Called once, from the loop.
 */
typedef void (*rpc_cb)(struct rpc *rpc, const ProtobufCMessage *response,
                       const struct crib_error *error, void *data);

/**
 * rpc_open() - Connect
 * @loop: keeps; must outlive it; NULL: only rpc_wait() is used
 * @path: of the socket
 * @lost: told once from the loop when the connection is lost, after the answers of all requests
 *        under way (-ECONNRESET); may be NULL
 *
 * It holds the loop: rpc_unref().
 *
 * Return: 0; negative errno: ENOENT, ECONNREFUSED, EACCES with a sentence of what to do; -ETIMEDOUT
 *         no connection within 30 s
 */
int rpc_open(uv_loop_t *loop, const char *path, void (*lost)(struct rpc *rpc, void *data),
             void *data, struct rpc **ret, struct crib_error *err);

/* Requests under way are never answered; @closed from the loop (at once without one); may be NULL.
 */
void rpc_close(struct rpc *rpc, void (*closed)(void *data), void *data);

/* Return: whether requests cannot be made any more, as far as the kernel knows by now: takes in
 * what has arrived, as rpc_wait() does. */
bool rpc_broken(struct rpc *rpc);

/* Lets the loop end while nothing but this connection is left (no request under way holds it). */
void rpc_unref(struct rpc *rpc);
void rpc_ref(struct rpc *rpc);

/**
 * rpc_call() - Ask
 * @timeout_ms: the call's deadline; 0: none
 * @done:       may be NULL; then nobody hears of the answer
 *
 * Return: 0; -ENOTCONN; -EMSGSIZE over 4 MiB; -EAGAIN over RPC_MAX_PENDING; -ENOMEM
 */
int rpc_call(struct rpc *rpc, enum rpc_method method, const ProtobufCMessage *request,
             uint64_t timeout_ms, rpc_cb done, void *data);

/* Nobody hears of the answers to requests with this @data any more. */
void rpc_forget(struct rpc *rpc, const void *data);

/**
 * rpc_wait() - Ask, and wait here for the answer
 * @timeout_ms: as above; never 0
 * @arena:      where *ret lives
 *
 * Answers of other requests that arrive meanwhile are kept and told from the loop later. Handled
 * signals change nothing.
 *
 * Return: 0; the answer's error; -ENOTCONN; -ECONNRESET, -EPROTO, -ETIMEDOUT: it is broken now
 */
int rpc_wait(struct rpc *rpc, enum rpc_method method, const ProtobufCMessage *request,
             uint64_t timeout_ms, struct arena *arena, ProtobufCMessage **ret,
             struct crib_error *err);

/* The fd side of the same daemon, blocking: short answers of a local daemon are waited for, but not
 * over RPC_FDS_MS. After an error that is no answer it is broken: all else is -ENOTCONN. */
#define RPC_FDS_MS 30000

struct rpc_fds;

int rpc_fds_open(const char *path, struct rpc_fds **ret, struct crib_error *err);
void rpc_fds_close(struct rpc_fds *side); /* accepts NULL */

/* How long answers are waited for, instead. */
void rpc_fds_patience(struct rpc_fds *side, uint64_t ms);

/* Registers fds (borrowed) under names that no other client of this uid uses: *ret_names gets a
 * list of @count names in @arena. Return: 0; negative errno. */
int rpc_fds_register(struct rpc_fds *side, const int *fds, size_t count, struct arena *arena,
                     char ***ret_names, struct crib_error *err);

/* Does not wait for the answer. Return: 0; negative errno. */
int rpc_fds_release(struct rpc_fds *side, char *const *names, size_t count);

/* Return: whether it is broken, and everything registered with it gone. */
bool rpc_fds_broken(const struct rpc_fds *side);

/* FdTake. @ret_fds: filled, CLOEXEC, the caller's; room for FRAME_MAX_FDS. Return: their number;
 * negative errno. */
int rpc_fds_take(struct rpc_fds *side, const Crib__FdTake *take, int *ret_fds,
                 struct crib_error *err);

#endif
