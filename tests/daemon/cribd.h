/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A real cribd in a directory of its own, and clients of it: good ones (client/rpc.h) and those
 * that write whatever bytes they like.
 *
 *     struct cribd daemon;
 *
 *     cribd_start(&daemon, NULL);
 *     task = cribd_spawn(&daemon, "/bin/sh", (const char *[]){"-c", "echo hello", NULL}, NULL);
 *     assert_string_equal(cribd_output(&daemon, task, 1), "hello\n");
 *     cribd_stop(&daemon);
 *
 * Runs in: tests. CRIBD names the program; without it, cribd beside the test, or in the build tree.
 * Owns: the process, its directory, the connection.
 */
#ifndef DAEMON_CRIBD_H
#define DAEMON_CRIBD_H

#include "support/support.h"

#include <stdbool.h>
#include <sys/types.h>

#include "base/arena.h"
#include "client/rpc.h"
#include "ttrpc.pb-c.h"
#include "wire/ttrpc.h"

#define CRIBD_PATIENCE_MS 30000

struct cribd {
    pid_t pid;
    char *dir;          /* private, but everybody may enter it */
    char *socket;       /* DIR/s */
    char *log;          /* DIR/log: what it wrote to standard error */
    struct rpc *rpc;    /* a connection without a loop; tasks end with it */
    struct arena arena; /* of the answers, until cribd_stop() */
};

/* Starts one and waits until it listens. @site: text of a site file; NULL: none. */
void cribd_start(struct cribd *daemon, const char *site);

/* SIGTERM; fails the test unless it ends by itself with 0, and no process of it is left. */
void cribd_stop(struct cribd *daemon);

/* SIGKILL. The directory stays until cribd_stop(). */
void cribd_kill(struct cribd *daemon);

/* Starts it again in the same place after cribd_kill(). */
void cribd_restart(struct cribd *daemon);

/* A call that must succeed: its answer in daemon->arena. */
const void *cribd_call(struct cribd *daemon, enum rpc_method method, const void *request);

/* A call that must fail. Return: the errno (positive) of the answer; error filled. */
int cribd_refused(struct cribd *daemon, enum rpc_method method, const void *request,
                  struct crib_error *error);

/* Spawns with three pipes; @change may alter the request. Return: the task's number. */
uint64_t cribd_spawn(struct cribd *daemon, const char *file, const char *const *args,
                     void (*change)(Crib__SpawnRequest *request));

/* Waits until a state. Return: the last answer. */
const Crib__WaitResponse *cribd_wait(struct cribd *daemon, uint64_t task, Crib__TaskState until);

/* Return: a stream read to its end, with a NUL behind, in the arena. */
const char *cribd_output(struct cribd *daemon, uint64_t task, uint32_t stream);

/* Return: a connected socket, blocking, with a receive time-out of CRIBD_PATIENCE_MS. */
int cribd_connect(const struct cribd *daemon);

/* Writes every byte; a peer that closes meanwhile is no failure. Return: whether all were taken. */
bool cribd_bytes(int sock, const void *data, size_t len);

/* Writes a frame with a Request of @method (by name) in it. */
bool cribd_request(int sock, uint32_t stream, const char *method, const void *payload, size_t len);

/* Reads one frame. Return: false at the end of the connection. @payload: malloced. */
bool cribd_frame(int sock, struct ttrpc_frame *ret, uint8_t **payload);

/* Reads one response. Return: its gRPC code; -1 at the end of the connection. */
int cribd_code(int sock);

/* Return: whether the daemon answers Info to a new client within CRIBD_PATIENCE_MS. */
bool cribd_alive(const struct cribd *daemon);

/* Return: bytes resident, of VmRSS. */
size_t cribd_memory(const struct cribd *daemon);

/* Return: how many descriptors it has open. */
int cribd_fds(const struct cribd *daemon);

/* Waits, with generous patience, until @done; fails the test with @what otherwise. */
void cribd_until(bool (*done)(void *data), void *data, const char *what);

#endif
