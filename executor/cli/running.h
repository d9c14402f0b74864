/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One task from start to end on a loop of its own: signals passed on, denials told, the result
 * written, the exit status found.
 *
 * Runs in: cli.
 * Owns: the loop and the executor, for the time of the call.
 */
#ifndef CLI_RUNNING_H
#define CLI_RUNNING_H

#include "cli/denials.h"
#include "cli/joined.h"
#include "cli/request.h"

#define RUNNING_SIGNALS 3

struct running {
    struct request *request;
    uv_loop_t loop;
    crib *ex;
    crib_task *task;
    uv_signal_t signals[RUNNING_SIGNALS];
    bool watched[RUNNING_SIGNALS];
    struct denials denials;
    struct joined joined; /* for --terminal */
    int status;           /* exit status */
    bool failed; /* crib itself failed at something: STATUS_FAILED whatever the task says */
    void *more;  /* the command's own */
    /* Called once when the task is over, also when it never started; may be NULL. */
    void (*ended)(struct running *running);
};

/**
 * running_task() - Start a task and stay with it to the end
 * @running: zeroed but for request, more and ended. Of request->options.on the command may have
 *           set message, drain, disconnect; their data is @running
 * @start:   starts the task on running->ex, into running->task
 *
 * Return: the exit status
 */
int running_task(struct running *running,
                 int (*start)(struct running *running, struct crib_error *err));

#endif
