/* SPDX-License-Identifier: Apache-2.0 */
#include "base/laps.h"

#include "base/clock.h"

void laps_begin(struct laps *laps)
{
    laps->begun = clock_ns();
    laps->count = 0;
}

void laps_add(struct laps *laps, const char *name, uint64_t at)
{
    if (laps->count < LAPS_MOST)
        laps->lap[laps->count++] = (struct lap){name, at};
}

void laps_add_now(struct laps *laps, const char *name)
{
    laps_add(laps, name, clock_ns());
}

uint64_t laps_newest(const struct laps *laps)
{
    return laps->count ? laps->lap[laps->count - 1].at : laps->begun;
}
