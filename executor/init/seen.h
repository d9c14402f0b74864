/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A set of what was told once and for all, of bounded size.
 *
 * Runs in: sandbox.
 * Owns: its memory.
 */
#ifndef INIT_SEEN_H
#define INIT_SEEN_H

#include <stddef.h>
#include <stdint.h>

#define SEEN_MOST 65536

struct seen;

/* Return: NULL without memory. */
struct seen *seen_new(void);
void seen_free(struct seen *seen);

/* Return: a number for @data on top of @hash, which begins as 0; not to be foreseen from outside.
 */
uint64_t seen_hash(const struct seen *seen, uint64_t hash, const void *data, size_t len);

/* Return: 1: new, and in it now; 0: it was in it; -ENOSPC: new, and there is no room. */
int seen_add(struct seen *seen, uint64_t hash);

#endif
