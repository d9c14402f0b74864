/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon that a command asks, and how its answers become words and exit statuses.
 *
 * Runs in: cli.
 * Owns: struct asked: the connection, and the answers.
 */
#ifndef CLI_REMOTE_H
#define CLI_REMOTE_H

#include "cli/request.h"
#include "client/rpc.h"

#define REMOTE_MS      30000 /* that an answer may take, unless it is waited for */
#define REMOTE_POLL_MS 20000 /* that a long poll waits at a time */

struct asked {
    struct rpc *rpc;
    const char *path;
    struct arena arena; /* of the answers */
};

/**
 * remote_path() - The socket that was named
 *
 * Return: what --socket says, else CRIB_SOCKET; NULL when that is nothing or empty
 */
const char *remote_path(const struct request *request);

/* The same as an address for crib_open(), in the request's arena. Return: 0; -ENOMEM. */
int remote_address(struct request *request, const char **ret, struct crib_error *err);

/**
 * remote_open() - Connect, for a command that is of no use without a daemon
 * @loop: as rpc_open()
 *
 * Where no socket is named it is the one where a daemon would listen: $XDG_RUNTIME_DIR/crib.sock if
 * that is there, else /run/crib.sock.
 *
 * Return: 0; negative errno, and the person has been told
 */
int remote_open(struct asked *asked, struct request *request, uv_loop_t *loop,
                void (*lost)(struct rpc *rpc, void *data), void *data);

/* With a loop it needs a further turn. Accepts one that could not be opened. */
void remote_close(struct asked *asked);

/**
 * remote_ask() - Ask and wait for the answer
 *
 * Return: the answer, in asked->arena; NULL, and the person has been told
 */
const void *remote_ask(struct asked *asked, enum rpc_method method, const void *request);

/* Reads a task's number. Return: 0; -EINVAL, and the person has been told. */
int remote_task(const char *word, uint64_t *ret);

/* As remote_task() for each operand, then @each, whatever became of the others. Return: the exit
 * status. */
int remote_each(struct request *request,
                int (*each)(struct asked *asked, uint64_t task, const struct request *request));

/* Return: the exit status for a task that has ended so; what went wrong has been told. */
int remote_outcome(const Crib__Result *result);

/* Tells of denials and errors among events. Return: the number of the last event; @after without.
 */
uint64_t remote_events(const Crib__WaitResponse *response, uint64_t after, bool quiet);

/* A message on standard output: YAML, or one line of JSON. Return: the exit status. */
int remote_show(const void *message, bool json);

#endif
