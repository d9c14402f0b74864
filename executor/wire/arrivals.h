/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fds that have arrived on a channel and wait for the frame that declares them (frame.h says how
 * they find each other).
 *
 * Runs in: library, daemon, task.
 * Owns: the fds it holds.
 */
#ifndef WIRE_ARRIVALS_H
#define WIRE_ARRIVALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/frame.h"

/*
 * One for the frame that is half here, one for the frame after it: more cannot be right while
 * whole frames are taken before more is received.
 */
#define ARRIVALS_MAX 2

/* A set of fds, and the stretch of the stream that one receive brought along with it. */
struct arrival {
    uint64_t from, to; /* offsets in the stream; to is behind the last byte */
    int fds[FRAME_MAX_FDS];
    size_t nfds;
};

struct arrivals {
    struct arrival list[ARRIVALS_MAX]; /* oldest first */
    size_t count;
};

/**
 * arrivals_add() - Note a set
 * @fds: takes on success; at least one, at most FRAME_MAX_FDS
 *
 * Return: 0; -EPROTO one too many
 */
int arrivals_add(struct arrivals *arrivals, uint64_t from, uint64_t to, const int *fds,
                 size_t nfds);

/**
 * arrivals_take() - Hand over the fds of the frame that begins at @at
 * @nfds:    as the frame declares; at least one, at most FRAME_MAX_FDS
 * @ret_fds: filled; owned by the caller
 *
 * Return: 0; -EPROTO they did not come with it, or not so many
 */
int arrivals_take(struct arrivals *arrivals, uint64_t at, int *ret_fds, size_t nfds);

/* Return: true if a set can belong to no frame that begins at or behind @at. */
bool arrivals_stale(const struct arrivals *arrivals, uint64_t at);

/* Closes everything. Accepts a zeroed one. */
void arrivals_done(struct arrivals *arrivals);

#endif
