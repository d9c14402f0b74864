/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An executor whose tasks run under a daemon.
 *
 * Theory of operation: a task is the same struct crib_task as one of this process, with the same
 * states, streams and channel; only its place is another (task.c). The ends of its pipes and its
 * channel are made here, and the task's are handed to the daemon by the fd side: no byte of them
 * passes the daemon. What init would report comes as events from long polls (events.c).
 *
 *     executor ── link ── rpc, fd side ══ cribd
 *       task ──────┘
 *
 * An executor has one link, and a blocking form one of its own, since its loop is another. A link
 * whose connection is lost fails its tasks and goes when the last of them is closed; the next start
 * makes a new one.
 *
 * Runs in: library, on the loop's thread.
 * Owns: a struct remote is its executor's; a link is owned by the executor or its one start, until
 *       it is lost; then by its tasks. A struct remote_task lives in its task's arena.
 */
#ifndef CLIENT_REMOTE_H
#define CLIENT_REMOTE_H

#include "api/start.h"
#include "client/rpc.h"

#define REMOTE_DEADLINE_MS 28000 /* for what a caller waits for; RPC_GRACE_MS comes on top */

struct remote {
    char *path;
    uint64_t deadline_ms;
    struct remote_link *link; /* NULL: lost */
};

struct remote_link {
    struct remote *remote; /* NULL: it is not an executor's, or not any more */
    char *path;
    struct rpc *rpc;
    struct rpc_fds *fds; /* NULL until needed */
    uint64_t deadline_ms;
    size_t tasks;  /* that have not been closed */
    size_t alive;  /* of which something may still be heard: they hold the loop */
    bool released; /* goes with its last task */
};

struct remote_task {
    crib_task *task;
    struct remote_link *link;
    uint64_t number;  /* the daemon's */
    uint64_t after;   /* number of the last event */
    unsigned empties; /* answers in a row that told nothing */
    uint64_t asked;   /* nanoseconds from our request to the daemon's, where timing is asked */
    uint64_t heard;   /* calls that events told of, refused or not */
    bool ended;       /* its result has been told */
    bool alive;
    bool over;  /* the daemon has said that nothing of it is left */
    bool quiet; /* no more of its callbacks */
};

/* Return: 0; negative errno of connecting. @loop: keeps. */
int remote_link_open(struct remote *remote, uv_loop_t *loop, struct remote_link **ret,
                     struct crib_error *err);

/* It goes when its last task is closed. */
void remote_link_release(struct remote_link *link);

/* A task of it begins, or is closed. */
void remote_link_enter(struct remote_link *link, struct remote_task *remote_task);
void remote_link_leave(struct remote_link *link, struct remote_task *remote_task);

/* Nothing more will be heard of the task. */
void remote_link_silent(struct remote_task *remote_task);

/* Return: 0 and its fd side, opened when it is needed; negative errno. */
int remote_link_fds(struct remote_link *link, struct rpc_fds **ret, struct crib_error *err);

/* request.c */

/* A request on its way to a daemon. */
struct remote_request {
    const struct request *request; /* borrowed */
    struct arena *arena;
    struct policies *policies;
    bool planned; /* only its plan is wanted: pipes and channel are not made for it */
    Crib__SpawnRequest *message;
};

/**
 * remote_request_fill() - The request as a daemon takes it
 * @ask: request, arena and policies are set
 *
 * A policy's file is read here; a policy's name is the daemon's to know.
 *
 * Return: 0; as request_task(); -EINVAL a detached task with a pipe or channel
 */
int remote_request_fill(struct remote_request *ask, struct crib_error *err);

/**
 * remote_request_fds() - Register the task's fds and name them in the request
 * @set: borrows; of request->stdio
 * @ret_names, @ret_count: what to release when the request has been answered
 *
 * Return: 0; negative errno
 */
int remote_request_fds(struct remote_request *ask, struct rpc_fds *side,
                       const struct stdio_set *set, char ***ret_names, size_t *ret_count,
                       struct crib_error *err);

/* copies.c */

/* What is open for a start, and the names it has at the fd side. Zeroed: nothing. */
struct remote_copies {
    struct copies open;
    char **in, **out; /* in the request's arena */
    size_t n_in, n_out;
};

/* For a plan, which opens nothing. */
void remote_copies_plan(Crib__Task *task);

/* Opens and registers what is copied, and names it in the request. Return: 0; negative errno;
 * remote_copies_done() in any case. */
int remote_copies_open(struct remote_request *ask, struct rpc_fds *side, struct remote_copies *ret,
                       struct crib_error *err);
void remote_copies_done(struct rpc_fds *side, struct remote_copies *copies);

/* start.c: struct executor_way */
int remote_start(crib *ex, uv_loop_t *loop, const struct request *request, crib_task **ret,
                 struct crib_error *err);
int remote_plan(crib *ex, const struct request *request, char **ret_text, struct crib_error *err);

/* task.c */
extern const struct task_place remote_place;

/* The task is lost to us: `error`, and where it ran `exit`, killed; then nothing of it is left. */
void remote_task_lost(struct remote_task *remote_task, const struct crib_error *error);

/* events.c: asks for what happens next. Return: 0; as rpc_call(). */
int remote_task_ask(struct remote_task *remote_task);

/* result.c: fills the task's result, receipt and denials. Return: 0; -EPROTO; -ENOMEM. */
int remote_result(struct remote_task *remote_task, const Crib__Result *result);

/* Its last one, at close: with what came of the files copied out, and what has changed in its
 * overlays. Return: 0; -EPROTO; -ENOMEM. */
int remote_last_result(struct remote_task *remote_task, const Crib__Result *result);

#endif
