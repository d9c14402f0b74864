/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a task wrote, kept up to a cap to the byte.
 *
 * Runs in: library.
 * Owns: what was kept.
 */
#ifndef SUPERVISE_COLLECT_H
#define SUPERVISE_COLLECT_H

#include <stdbool.h>

#include "base/buf.h"

struct collect {
    struct buf kept;
    size_t max; /* bytes */
    bool full;  /* more than @max came, or memory ran out */
};

/**
 * collect_add() - Keep what there is room for
 *
 * Return: true when this call made it full: bytes were dropped for the first time
 */
bool collect_add(struct collect *collect, const void *data, size_t len);

/* Return: what was kept, ended by a NUL that *ret_len does not count; valid until the next call.
 * An empty static text when memory ran out. */
const char *collect_text(struct collect *collect, size_t *ret_len);

/* The same for a new owner, who frees it. Return: NULL when out of memory. */
char *collect_take(struct collect *collect, size_t *ret_len);

/* Accepts a zeroed one. */
void collect_done(struct collect *collect);

#endif
