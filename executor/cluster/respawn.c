/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/respawn.h"

#include <errno.h>
#include <stdlib.h>

int respawn_init(struct respawn *respawn, uint64_t back_off_ms, uint64_t back_off_max_ms,
                 size_t limit, uint64_t window_ms)
{
    *respawn = (struct respawn){.back_off_ms = back_off_ms,
                                .back_off_max_ms = back_off_max_ms,
                                .window_ms = window_ms,
                                .limit = limit,
                                .delay_ms = back_off_ms};
    if (limit > RESPAWN_MOST)
        return 0;
    respawn->crashes = calloc(limit, sizeof(*respawn->crashes));
    return respawn->crashes ? 0 : -ENOMEM;
}

void respawn_done(struct respawn *respawn)
{
    free(respawn->crashes);
    *respawn = (struct respawn){0};
}

/* Return: whether it is one too many. */
static bool count(struct respawn *respawn, uint64_t now_ms)
{
    uint64_t oldest;

    if (!respawn->crashes)
        return false;
    respawn->crashes[respawn->next] = now_ms;
    respawn->next = (respawn->next + 1) % respawn->limit;
    if (respawn->count < respawn->limit)
        respawn->count++;
    oldest = respawn->crashes[respawn->next]; /* of a full ring */
    return respawn->count == respawn->limit && now_ms - oldest < respawn->window_ms;
}

/* Nothing is started for @ms. */
static void rest(struct respawn *respawn, uint64_t now_ms, uint64_t ms)
{
    uint64_t most = UINT64_MAX - now_ms, until = now_ms + (ms < most ? ms : most);

    if (until > respawn->not_before)
        respawn->not_before = until;
}

void respawn_brief(struct respawn *respawn, uint64_t now_ms)
{
    rest(respawn, now_ms, respawn->back_off_ms);
}

bool respawn_crashed(struct respawn *respawn, uint64_t now_ms)
{
    if (count(respawn, now_ms))
        respawn->given_up = true;
    rest(respawn, now_ms, respawn->delay_ms);
    respawn->delay_ms = respawn->delay_ms < respawn->back_off_max_ms / 2 ? 2 * respawn->delay_ms
                                                                         : respawn->back_off_max_ms;
    return !respawn->given_up;
}

void respawn_served(struct respawn *respawn)
{
    respawn->delay_ms = respawn->back_off_ms;
}

void respawn_anew(struct respawn *respawn)
{
    respawn->given_up = false;
    respawn->count = respawn->next = 0;
    respawn->delay_ms = respawn->back_off_ms;
    respawn->not_before = 0;
}

uint64_t respawn_wait(const struct respawn *respawn, uint64_t now_ms)
{
    if (respawn->given_up)
        return UINT64_MAX;
    return respawn->not_before > now_ms ? respawn->not_before - now_ms : 0;
}
