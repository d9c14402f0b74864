/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When the next worker may be started. No loop, no clock.
 *
 * After a crash starting waits, and twice as long after each that follows; a worker that serves
 * begins that anew. Of crashes within a while only so many are borne.
 *
 * Runs in: library.
 */
#ifndef CLUSTER_RESPAWN_H
#define CLUSTER_RESPAWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RESPAWN_MOST 100000

struct respawn {
    uint64_t back_off_ms, back_off_max_ms, window_ms;
    uint64_t *crashes; /* when the last `limit` ones were; a ring. NULL: as many as there are */
    size_t limit, count, next;
    uint64_t delay_ms;   /* after the next crash */
    uint64_t not_before; /* ms */
    bool given_up;
};

/* @limit: crashes within @window_ms that are too many, at least 1; over RESPAWN_MOST none are.
 * Return: 0; -ENOMEM. */
int respawn_init(struct respawn *respawn, uint64_t back_off_ms, uint64_t back_off_max_ms,
                 size_t limit, uint64_t window_ms);
void respawn_done(struct respawn *respawn);

/* A worker crashed. Return: false: too often, nothing is to be started any more. */
bool respawn_crashed(struct respawn *respawn, uint64_t now_ms);

/* A worker went well, but soon: were the next one started at once, this might go round and round.
 */
void respawn_brief(struct respawn *respawn, uint64_t now_ms);

/* A worker serves. */
void respawn_served(struct respawn *respawn);

/* Somebody wants to try again. */
void respawn_anew(struct respawn *respawn);

/* Return: ms from now until a worker may be started; 0 at once; UINT64_MAX never. */
uint64_t respawn_wait(const struct respawn *respawn, uint64_t now_ms);

#endif
