/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a run reached out of a loopback of its own.
 *
 * Theory of operation: what was bound on loopback addresses are the run's own servers, and a
 * connection to one of these ports stays inside. Every other address of IPv4 and IPv6 was outside:
 * the policy gets the host's network. A server on port 0 has a number that nobody said; then a
 * connection to a loopback port from 32768 on is taken for one to it.
 *
 * Runs in: crib.
 * Owns: struct network: its addresses.
 */
#ifndef LEARN_NETWORK_H
#define LEARN_NETWORK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

#define NETWORK_ADDRESSES 1024 /* of a run; with more it is taken to be outside */

struct network {
    struct arena arena;
    const char **bound, **used; /* texts of plan/address.h */
    size_t bound_count, used_count;
    bool lost;
};

void network_init(struct network *network);

/* Accepts a zeroed one. */
void network_done(struct network *network);

/**
 * network_add() - The run has named an address
 * @address: `127.0.0.1:80`, `[::1]:80`; others are passed over
 * @bound:   for itself, by bind()
 *
 * Return: 0; -ENOMEM
 */
int network_add(struct network *network, const char *address, bool bound);

/* Return: an address that is outside; "" where there were too many to keep; NULL: none. */
const char *network_outside(const struct network *network);

#endif
