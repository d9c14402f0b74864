/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One case from its start to its end, on the loop: files in, a task, its output, messages and
 * denials kept.
 *
 * Runs in: crib.
 * Owns: an attempt owns its box and its findings.
 */
#ifndef HARNESS_ATTEMPT_H
#define HARNESS_ATTEMPT_H

#include "crib/crib.h"
#include "harness/findings.h"
#include "harness/suite.h"

struct attempt {
    struct attempt *next; /* of those that run */
    const struct item *item;
    crib_task *task;
    struct box box;
    struct findings findings;
    size_t sent;                           /* messages */
    size_t most_output;                    /* bytes */
    bool over;                             /* it said more than it may */
    void (*done)(struct attempt *attempt); /* called once, from the loop, when it is over */
    void *data;
};

/**
 * attempt_start() - Start a case
 * @attempt: zeroed but for item, done and data; must not move
 *
 * Return: 0 done() will come; 1 it is over already, set-up failed or nothing could be made: done()
 *         will not come
 */
int attempt_start(struct attempt *attempt, crib *ex, struct boxes *boxes);

/* Kills what runs; done() comes as ever. */
void attempt_stop(struct attempt *attempt);

/* Removes the box, frees the findings. */
void attempt_end(struct attempt *attempt);

#endif
