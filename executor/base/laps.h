/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When each step of a start was done. A lap lasts from the mark before it to its own; steps that
 * nobody marks count for the next mark.
 *
 * Names are static, or live as long as the laps: `mounts`, or with the room that was at it
 * `launch.clone`.
 *
 * Runs in: any process; allocates nothing.
 */
#ifndef BASE_LAPS_H
#define BASE_LAPS_H

#include <stddef.h>
#include <stdint.h>

#define LAPS_MOST 48 /* what comes behind is dropped */

struct lap {
    const char *name;
    uint64_t at; /* nanoseconds of CLOCK_MONOTONIC */
};

struct laps {
    uint64_t begun; /* as `at`: from here on the first lap lasts */
    unsigned count;
    struct lap lap[LAPS_MOST];
};

/* Empties it; the first lap begins now. */
void laps_begin(struct laps *laps);

void laps_add(struct laps *laps, const char *name, uint64_t at);
void laps_add_now(struct laps *laps, const char *name);

/* The step @name is done. @laps: NULL where nobody asked. */
static inline void laps_mark(struct laps *laps, const char *name)
{
    if (laps)
        laps_add_now(laps, name);
}

/* Return: the moment of the newest mark, or of the beginning. */
uint64_t laps_newest(const struct laps *laps);

#endif
