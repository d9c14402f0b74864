/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sandboxes made ahead: an init each that has done all that needs no program, and waits.
 *
 * Theory of operation: what a sandbox is made from, the first half of a plan as bytes, is the key of
 * those that are alike. Asking for one is what makes the pool keep some: a thread of its own makes
 * them, so that nobody waits, and as many of each key as its share of the whole allows. One that
 * nobody has asked for in a while is ended. Each is used once. What a new process has from its maker
 * (surroundings.h) is looked at whenever one is taken; if it has changed, all are ended, and made
 * anew.
 *
 * Runs in: library; taken on the loop's thread, made on its own.
 * Owns: what waits, its thread.
 */
#ifndef LAUNCH_POOL_H
#define LAUNCH_POOL_H

#include "launch/launch.h"

#define POOL_MOST 256

struct pool;

/**
 * pool_new() - Begin with none
 * @most:    of all keys together; 1 to POOL_MOST
 * @idle_ms: after which a key that nobody has asked for is forgotten; 0: never
 *
 * Return: NULL: out of memory
 */
struct pool *pool_new(unsigned most, unsigned idle_ms);

/* Ends what waits, and the thread. Accepts NULL. */
void pool_free(struct pool *pool);

/* Has some made. Return: 0; negative errno. */
int pool_want(struct pool *pool, const Crib__Plan *first);

/* Return: whether there is one, now the caller's; more are made in either case. */
bool pool_take(struct pool *pool, const Crib__Plan *first, struct launch *ret);

/* Return: how many wait. */
unsigned pool_ready(struct pool *pool);

#endif
