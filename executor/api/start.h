/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The steps of a start that executors and the daemon have in common.
 *
 * Runs in: library, daemon; on the loop's thread.
 */
#ifndef API_START_H
#define API_START_H

#include "api/copies.h"
#include "api/request.h"
#include "api/stdio.h"

/* Return: a NEW task of the executor, with the events and data of the request; NULL. */
crib_task *start_new(crib *ex, uv_loop_t *loop, const struct request *request,
                     struct crib_error *err);

/* task_discard(); how far the start came is kept in ex->refused. */
void start_discard(crib *ex, crib_task *task);

/**
 * start_task() - From NEW with a compiled plan to STARTING
 * @stdio: borrows; entry i is fd i
 * @copies: what is copied out is taken on success; copies_done() in any case
 * @paths: borrows; of the plan
 *
 * On an error call task_discard().
 *
 * Return: 0; negative errno
 */
int start_task(crib_task *task, const struct crib_stdio *stdio, size_t count,
               struct dialect_want channel, struct copies *copies, const struct host_fds *paths,
               struct crib_error *err);

/* The parent's ends of @set become the task's streams and channel. Return: 0; negative errno. */
int start_ends(crib_task *task, struct stdio_set *set, struct dialect_want channel,
               struct crib_error *err);

/* plan.c: what crib_plan_text() does here. */
int plan_here(crib *ex, const struct request *request, char **ret_text, struct crib_error *err);

#endif
