/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Denied calls, told one line each; of a flood only the start and, at the end, how many there were.
 *
 * Runs in: cli.
 */
#ifndef CLI_DENIALS_H
#define CLI_DENIALS_H

#include "crib/crib.h"

#define DENIALS_SHOWN 10 /* lines */

struct denials {
    unsigned lines;
    uint64_t calls; /* told of by those lines */
};

void denials_show(struct denials *denials, const struct crib_denial *denial);

/* @all: how many calls were denied in the task's life. */
void denials_end(const struct denials *denials, uint64_t all);

#endif
