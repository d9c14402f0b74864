/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/paths.h"

#include <errno.h>
#include <string.h>

#define LEAST_ROOM 256

void paths_init(struct paths *paths)
{
    *paths = (struct paths){0};
    arena_init(&paths->arena, 2 * PATHS_BYTES);
}

void paths_done(struct paths *paths)
{
    arena_done(&paths->arena);
    *paths = (struct paths){0};
}

/* FNV-1a: a task that makes all its paths collide only wastes its own time. */
static uint64_t hash(const char *text)
{
    uint64_t value = 0xcbf29ce484222325u;

    for (; *text; text++)
        value = (value ^ (uint8_t)*text) * 0x100000001b3u;
    return value;
}

/* The slot that has the path, or the free one where it belongs. */
static uint32_t *slot_of(const struct paths *paths, const char *text)
{
    size_t at = hash(text) & (paths->room - 1);

    while (paths->slots[at] && strcmp(paths->list[paths->slots[at] - 1].text, text) != 0)
        at = (at + 1) & (paths->room - 1);
    return &paths->slots[at];
}

/* Twice as many slots as paths at least. */
static int make_room(struct paths *paths)
{
    size_t room = paths->room ? 2 * paths->room : LEAST_ROOM;

    if (2 * (paths->count + 1) <= paths->room)
        return 0;
    paths->slots = arena_alloc(&paths->arena, room * sizeof(*paths->slots));
    if (!paths->slots)
        return -ENOMEM;
    paths->room = room;
    for (size_t i = 0; i < paths->count; i++)
        *slot_of(paths, paths->list[i].text) = (uint32_t)i + 1;
    return 0;
}

int paths_add(struct paths *paths, const char *text, uint32_t wants)
{
    struct path path = {.wants = wants};
    uint32_t *slot;

    if (make_room(paths) < 0)
        return -ENOMEM;
    slot = slot_of(paths, text);
    if (*slot) {
        paths->list[*slot - 1].wants |= wants;
        return 0;
    }
    if (paths->count == PATHS_MAX || paths->arena.used + strlen(text) > PATHS_BYTES) {
        paths->lost++;
        return 0;
    }
    path.text = arena_text(&paths->arena, text);
    if (!path.text ||
        arena_push_value(&paths->arena, &paths->list, &paths->count, &path, sizeof(path)) < 0)
        return -ENOMEM;
    *slot = (uint32_t)paths->count;
    return 0;
}
