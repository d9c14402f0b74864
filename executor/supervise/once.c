/* SPDX-License-Identifier: Apache-2.0 */
#include "supervise/once.h"

#include <stdint.h>
#include <string.h>

#define SLOTS 1024 /* a power of two */
#define MOST  (SLOTS / 2)

struct once {
    size_t count;
    uint64_t slots[SLOTS]; /* 0: free */
};

/* Source: FNV-1a */
static uint64_t hash(uint64_t hash, const void *data, size_t len)
{
    const uint8_t *byte = data;

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ byte[i]) * 0x100000001b3;
    return (hash ^ 0xff) * 0x100000001b3; /* not the same as another division of the bytes */
}

static uint64_t hash_of(const Crib__Denial *denial)
{
    uint64_t all = 0xcbf29ce484222325;

    all = hash(all, denial->answer, denial->answer ? strlen(denial->answer) : 0);
    all = hash(all, denial->edit, denial->edit ? strlen(denial->edit) : 0);
    all = hash(all, denial->object.data, denial->has_object ? denial->object.len : 0);
    return all ? all : 1;
}

bool once_is_new(struct once **once, struct arena *arena, const Crib__Denial *denial)
{
    uint64_t wanted = hash_of(denial);
    size_t at = wanted % SLOTS;

    if (!denial->has_by || denial->by != CRIB__DENIAL__BY__files)
        return true;
    if (!*once)
        *once = arena_alloc(arena, sizeof(**once));
    if (!*once)
        return true;
    for (; (*once)->slots[at]; at = (at + 1) % SLOTS)
        if ((*once)->slots[at] == wanted)
            return false;
    if ((*once)->count < MOST) {
        (*once)->slots[at] = wanted;
        (*once)->count++;
    }
    return true;
}
