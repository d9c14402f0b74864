/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last bytes of a stream, numbered from its beginning.
 *
 * Runs in: daemon.
 * Owns: its memory, which grows with what is kept, in steps, up to the size, and shrinks again
 *       when it is empty: a task that says nothing costs nothing.
 */
#ifndef DAEMON_RING_H
#define DAEMON_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring {
    size_t size;    /* bytes that may be kept */
    uint64_t first; /* offset of the oldest byte kept */
    uint64_t next;  /* offset of the next byte to come */
    uint8_t *data;  /* NULL while nothing is kept */
    size_t room;    /* bytes allocated; byte n is at data[n % room] */
};

void ring_init(struct ring *ring, size_t size);

/* Accepts a zeroed one. */
void ring_done(struct ring *ring);

/* Return: how many bytes can be added without losing any. */
size_t ring_room(const struct ring *ring);

/* Adds bytes; the oldest make room. Return: 0; -ENOMEM: these bytes and all before them are lost,
 * and counted as come. */
int ring_add(struct ring *ring, const void *data, size_t len);

/* Counts bytes that came and need not be kept; nothing else may be kept. */
void ring_skip(struct ring *ring, size_t len);

/* Forgets all before @offset, which may lie behind the last byte: then everything. */
void ring_forget(struct ring *ring, uint64_t offset);

/**
 * ring_copy() - Bytes from @offset on
 * @ret_offset: where the copy begins: @offset, or the oldest byte kept when that is later. An
 *              @offset behind the last byte gives none, and is given back
 *
 * Return: bytes copied, at most @max
 */
size_t ring_copy(const struct ring *ring, uint64_t offset, void *to, size_t max,
                 uint64_t *ret_offset);

/* Return: bytes allocated, for quotas. */
size_t ring_held(const struct ring *ring);

#endif
