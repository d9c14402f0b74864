/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was denied: a line for each call, and one for the reason where it is another than before. Of
 * a flood only the start and, at the end, how many there were.
 *
 * Runs in: cli.
 */
#ifndef CLI_DENIALS_H
#define CLI_DENIALS_H

#include "crib/crib.h"

#define DENIALS_SHOWN  10  /* lines */
#define DENIALS_FILES  200 /* lines of refusals of files, which --why asks for */
#define DENIALS_REASON 600 /* bytes of a reason; more is cut */

struct denials {
    char who[32];                /* put before each line of a call; "" nothing */
    unsigned lines;              /* without those of reasons and of files */
    unsigned files;              /* refusals of files, shown or not */
    uint64_t calls;              /* told of by those lines */
    char reason[DENIALS_REASON]; /* the last one */
};

void denials_show(struct denials *denials, const struct crib_denial *denial);

/* @all: how many calls were denied in the task's life. */
void denials_end(const struct denials *denials, uint64_t all);

#endif
