/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An executor: its loop, its tasks, the policies it has read.
 *
 * Runs in: library, on the loop's thread.
 * Owns: its tasks, until each has told its `close`; the policies.
 */
#ifndef API_EXECUTOR_H
#define API_EXECUTOR_H

#include "api/policies.h"
#include "crib/crib.h"
#include "supervise/task.h"

struct request;

/* Where an executor's tasks run: here (executor_here), or under a daemon (client/). */
struct executor_way {
    /* As request_start() and crib_plan_text(). */
    int (*start)(crib *ex, uv_loop_t *loop, const struct request *request, crib_task **ret,
                 struct crib_error *err);
    int (*plan)(crib *ex, const struct request *request, char **ret_text, struct crib_error *err);
    /* All tasks are closed: close the rest, then executor_closed(), at once or from the loop. */
    void (*close)(crib *ex);
};

extern const struct executor_way executor_here;

struct crib {
    uv_loop_t *loop;
    const struct executor_way *way;
    void *remote;      /* client/: its own */
    uv_timer_t handle; /* never started: lets the loop call us when all is closed */
    crib_task *tasks;  /* crib_task::next; unordered */
    struct policies policies;
    struct pool *pool; /* sandboxes made ahead; NULL: none */
    struct laps refused; /* of the last start that came to nothing; begun 0: there was none, or
                          * nobody asked */
    size_t holders;      /* clusters: it is not freed before they are */
    bool closing;
    void (*closed)(void *data); /* may be NULL */
    void *data;
};

/* Return: 0; -EINVAL no loop; -ENOMEM. @way: keeps. crib_open() of client/open.c chooses it. */
int executor_new(crib **ret, uv_loop_t *loop, const struct executor_way *way,
                 struct crib_error *err);

/* For a way's close(). */
void executor_closed(crib *ex);

/* Whoever starts tasks later on keeps it from being freed until then. */
void executor_hold(crib *ex);
void executor_release(crib *ex);

/* Puts a task into the executor's list; it leaves by itself when it is freed. */
void executor_add(crib *ex, crib_task *task);

#endif
