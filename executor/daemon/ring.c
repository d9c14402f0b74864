/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/ring.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LEAST_ROOM 4096 /* bytes; from there on by doubling */

static size_t least_of(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t kept(const struct ring *ring)
{
    return (size_t)(ring->next - ring->first);
}

static void drop_memory(struct ring *ring)
{
    free(ring->data);
    ring->data = NULL;
    ring->room = 0;
}

void ring_init(struct ring *ring, size_t size)
{
    *ring = (struct ring){.size = size};
}

void ring_done(struct ring *ring)
{
    drop_memory(ring);
    ring->first = ring->next;
}

size_t ring_room(const struct ring *ring)
{
    return ring->size - kept(ring);
}

size_t ring_held(const struct ring *ring)
{
    return ring->room;
}

void ring_skip(struct ring *ring, size_t len)
{
    assert(ring->first == ring->next);
    ring->next += len;
    ring->first = ring->next;
}

void ring_forget(struct ring *ring, uint64_t offset)
{
    if (offset > ring->next)
        offset = ring->next;
    if (offset > ring->first)
        ring->first = offset;
    if (ring->first == ring->next)
        drop_memory(ring);
}

/* The bytes from @offset on, of which @len are kept, in one or two runs. */
static void copy_out(const struct ring *ring, uint64_t offset, uint8_t *to, size_t len)
{
    size_t at = (size_t)(offset % ring->room), run = least_of(len, ring->room - at);

    memcpy(to, ring->data + at, run);
    memcpy(to + run, ring->data, len - run);
}

/* The same the other way. */
static void copy_in(struct ring *ring, uint64_t offset, const uint8_t *from, size_t len)
{
    size_t at = (size_t)(offset % ring->room), run = least_of(len, ring->room - at);

    memcpy(ring->data + at, from, run);
    memcpy(ring->data, from + run, len - run);
}

/* Memory for @len bytes in all, at most ring->size. A byte's place depends on the room, so what is
 * kept moves. */
static int make_room(struct ring *ring, size_t len)
{
    struct ring wider = *ring;

    if (len <= ring->room)
        return 0;
    if (wider.room < LEAST_ROOM)
        wider.room = LEAST_ROOM;
    while (wider.room < len && wider.room <= ring->size / 2)
        wider.room *= 2;
    if (wider.room < len || wider.room > ring->size)
        wider.room = ring->size;
    wider.data = malloc(wider.room);
    if (!wider.data)
        return -ENOMEM;
    if (kept(ring) > 0) {
        size_t at = (size_t)(ring->first % ring->room);
        size_t run = least_of(kept(ring), ring->room - at);

        copy_in(&wider, ring->first, ring->data + at, run);
        copy_in(&wider, ring->first + run, ring->data, kept(ring) - run);
    }
    drop_memory(ring);
    *ring = wider;
    return 0;
}

int ring_add(struct ring *ring, const void *data, size_t len)
{
    size_t keep = least_of(len, ring->size), skip = len - keep;
    uint64_t end = ring->next + len;
    int r;

    if (len == 0)
        return 0;
    /* What could not stay beside the new bytes goes first, and need not be moved. */
    if (end - ring->first > ring->size)
        ring_forget(ring, end - ring->size);
    r = keep ? make_room(ring, kept(ring) + keep) : 0;
    if (r < 0 || keep == 0) {
        ring->first = ring->next = end;
        drop_memory(ring);
        return r;
    }
    if (skip)
        ring->first = end - keep;
    copy_in(ring, end - keep, (const uint8_t *)data + skip, keep);
    ring->next = end;
    return 0;
}

size_t ring_copy(const struct ring *ring, uint64_t offset, void *to, size_t max,
                 uint64_t *ret_offset)
{
    size_t len;

    if (offset < ring->first)
        offset = ring->first;
    *ret_offset = offset;
    if (offset >= ring->next)
        return 0;
    len = (size_t)least_of(max, (size_t)(ring->next - offset));
    if (len > 0)
        copy_out(ring, offset, to, len);
    return len;
}
