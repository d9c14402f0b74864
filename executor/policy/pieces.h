/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The conditions of a rule, taken apart into what a compiler of filters can be trusted with:
 * equality under a mask.
 *
 * Theory of operation: a piece is a set of calls, those in which certain bits of the arguments have
 * certain values. A rule is the union of its pieces, less its exceptions, which are pieces too:
 *
 *     ==, within          one piece
 *     in {A, B, C}        one for each value
 *     <, <=, >, >=        one for each bit in which the argument can first differ from the value:
 *                         below 0b1100 are 0b0xxx and 0b10xx
 *     !=                  no piece of its own: an exception
 *
 * Where several conditions must hold, each piece of one is cut with each piece of the others.
 * Pieces that no call is in, and pieces that others have in them, are left out.
 *
 * Runs in: library.
 * Owns: nothing.
 */
#ifndef POLICY_PIECES_H
#define POLICY_PIECES_H

#include "policy/condition.h"

#define PIECES_MAX     128 /* of one rule; 64 hold any one comparison */
#define CONDITIONS_MAX 8   /* of one rule */

struct piece {
    uint64_t mask[6]; /* 0: whatever this argument is */
    uint64_t value[6];
};

struct pieces {
    size_t count;
    size_t exceptions;
    struct piece piece[PIECES_MAX];
    struct piece exception[CONDITIONS_MAX];
};

/**
 * pieces_of() - Take conditions apart
 * @conditions: borrows
 * @count:      at most CONDITIONS_MAX; 0 gives the one piece that every call is in
 *
 * Return: 0, and no piece where the conditions contradict each other; -E2BIG over PIECES_MAX
 */
int pieces_of(const struct condition *conditions, size_t count, struct pieces *ret);

/* Return: whether a call's arguments are in a piece. */
bool piece_has(const struct piece *piece, const uint64_t args[6]);

/* Return: whether all calls of @inner are in @outer. */
bool piece_within(const struct piece *inner, const struct piece *outer);

/* Return: whether some call can be in both. */
bool piece_meets(const struct piece *a, const struct piece *b);

#endif
