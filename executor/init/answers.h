/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers to the calls that the filter hands to init. Nothing of this is made before the first.
 *
 * Runs in: sandbox.
 * Owns: the table of what is to be told, and the thread that looks.
 */
#ifndef INIT_ANSWERS_H
#define INIT_ANSWERS_H

#include <stdbool.h>
#include <stdint.h>

#include "init/init.h"
#include "init/look.h"
#include "init/seen.h"
#include "init/told.h"

struct answers {
    struct init *init;
    struct seccomp_notif *request; /* of the running kernel's size */
    struct seccomp_notif_resp *response;
    struct seccomp_notif_sizes sizes;
    uint32_t *first, *next; /* the answers of a call, in order; END: no more */
    struct told *told;
    struct look *look;
    struct seen *seen; /* of Task.trace `all`; NULL */
    struct sighting sighting;
    bool killed;
    bool patient; /* what is told waits for room */
    bool ended;   /* the task's first process has */
};

/* Return: NULL when it cannot be had, and nothing can be answered. */
struct answers *answers_new(struct init *init);
void answers_free(struct answers *answers);

/* Takes the next call and answers it. */
void answers_next(struct answers *answers);

/* Return: milliseconds until answers_flush() has something to do; -1: nothing waits. */
int answers_due(const struct answers *answers);
void answers_flush(struct answers *answers);

/* Tells all that is left. Return: how many calls are not told. */
uint64_t answers_finish(struct answers *answers);

/* Sends one at once. Return: 0; negative errno: it was not sent. */
int answers_tell(struct answers *answers, const struct sighting *sighting, uint64_t count);

/* Looks at a call that is let through, as Task.trace asks, and tells it. @by: its answer. */
void answers_trace(struct answers *answers, int by);

#endif
