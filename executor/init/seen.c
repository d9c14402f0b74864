/* SPDX-License-Identifier: Apache-2.0 */
#include "init/seen.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#define SLOTS ((size_t)2 * SEEN_MOST) /* a power of two */

struct seen {
    uint64_t key;
    size_t count;
    uint64_t slots[SLOTS]; /* 0: unused */
};

struct seen *seen_new(void)
{
    struct seen *seen = calloc(1, sizeof(*seen));

    if (seen && getrandom(&seen->key, sizeof(seen->key), GRND_NONBLOCK) < 0)
        seen->key = (uint64_t)(uintptr_t)seen;
    return seen;
}

void seen_free(struct seen *seen)
{
    free(seen);
}

/* Source: FNV-1a, with a key and a last mixing */
uint64_t seen_hash(const struct seen *seen, uint64_t hash, const void *data, size_t len)
{
    const unsigned char *bytes = data;

    hash ^= seen->key;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ bytes[i]) * 0x100000001b3;
    hash = (hash ^ hash >> 31) * 0x9e3779b97f4a7c15;
    return hash ^ hash >> 29;
}

int seen_add(struct seen *seen, uint64_t hash)
{
    size_t at;

    hash = hash ? hash : 1;
    for (at = hash % SLOTS; seen->slots[at]; at = (at + 1) % SLOTS)
        if (seen->slots[at] == hash)
            return 0;
    if (seen->count >= SEEN_MOST)
        return -ENOSPC;
    seen->slots[at] = hash;
    seen->count++;
    return 1;
}
