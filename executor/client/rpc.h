/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection to a daemon: requests out, responses in, on a loop or waiting for one.
 *
 * Runs in: library, cli; on the loop's thread.
 * Owns: its socket; requests under way.
 */
#ifndef CLIENT_RPC_H
#define CLIENT_RPC_H

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
};

struct rpc;

/* An answer. @code: 0, or a negative errno: that of the crib.Error detail, else the nearest one of
 * the gRPC code; @response borrowed for the call, NULL with an error. Called once, from the loop.
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
 * Return: 0; negative errno: ENOENT, ECONNREFUSED, EACCES with a sentence of what to do
 */
int rpc_open(uv_loop_t *loop, const char *path, void (*lost)(struct rpc *rpc, void *data),
             void *data, struct rpc **ret, struct crib_error *err);

/* Requests under way are never answered; @closed from the loop (at once without one); may be NULL.
 */
void rpc_close(struct rpc *rpc, void (*closed)(void *data), void *data);

/* Lets the loop end while nothing but this connection is left (no request under way holds it). */
void rpc_unref(struct rpc *rpc);
void rpc_ref(struct rpc *rpc);

/**
 * rpc_call() - Ask
 * @timeout_ms: the call's deadline; 0: none
 * @done:       may be NULL; then nobody hears of the answer
 *
 * Return: 0; -ENOTCONN; -EMSGSIZE over 4 MiB; -ENOMEM
 */
int rpc_call(struct rpc *rpc, enum rpc_method method, const ProtobufCMessage *request,
             uint64_t timeout_ms, rpc_cb done, void *data);

/**
 * rpc_wait() - Ask, and wait here for the answer
 * @arena: where *ret lives
 *
 * Answers of other requests that arrive meanwhile are kept and told from the loop later.
 *
 * Return: 0; the answer's error; -ENOTCONN, -ECONNRESET, -ETIMEDOUT
 */
int rpc_wait(struct rpc *rpc, enum rpc_method method, const ProtobufCMessage *request,
             uint64_t timeout_ms, struct arena *arena, ProtobufCMessage **ret,
             struct crib_error *err);

/* The fd side of the same daemon, blocking: short answers of a local daemon are waited for. */
struct rpc_fds;

int rpc_fds_open(const char *path, struct rpc_fds **ret, struct crib_error *err);
void rpc_fds_close(struct rpc_fds *side); /* accepts NULL */

/* Registers fds (borrowed) under names that no other client of this uid uses: *ret_names gets a
 * list of @count names in @arena. Return: 0; negative errno. */
int rpc_fds_register(struct rpc_fds *side, const int *fds, size_t count, struct arena *arena,
                     char ***ret_names, struct crib_error *err);
int rpc_fds_release(struct rpc_fds *side, char *const *names, size_t count);

/* FdTake. @ret_fds: filled, CLOEXEC, the caller's; room for FRAME_MAX_FDS. Return: their number;
 * negative errno. */
int rpc_fds_take(struct rpc_fds *side, const Crib__FdTake *take, int *ret_fds,
                 struct crib_error *err);

#endif
