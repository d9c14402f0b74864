/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST   (1024 - 64)      /* bytes of the first block; each one after is twice as large, */
#define BLOCK   (16 * 1024 - 64) /* up to this */
#define ALIGN   16u
#define SHORT   256 /* bytes of a text that is printed once */
#define DEFAULT (256u * 1024 * 1024)

struct arena_block {
    struct arena_block *next;
    size_t size, used;
    _Alignas(16) char data[];
};

struct arena_held {
    struct arena_held *next;
    void (*release)(void *data);
    void *data;
};

/* One byte more, so that what is unpacked as bytes can be read as a C string too. */
static void *pb_alloc(void *data, size_t size)
{
    return size < SIZE_MAX ? arena_alloc(data, size + 1) : NULL;
}

static void pb_free(void *data, void *p)
{
    (void)data;
    (void)p;
}

void arena_init(struct arena *arena, size_t limit)
{
    memset(arena, 0, sizeof(*arena));
    arena->limit = limit ? limit : DEFAULT;
    arena->pb = (ProtobufCAllocator){pb_alloc, pb_free, arena};
}

int arena_hold(struct arena *arena, void (*release)(void *data), void *data)
{
    struct arena_held *held = arena_alloc(arena, sizeof(*held));

    if (!held)
        return -ENOMEM;
    *held = (struct arena_held){arena->held, release, data};
    arena->held = held;
    return 0;
}

void arena_done(struct arena *arena)
{
    for (struct arena_held *held = arena->held; held; held = held->next)
        held->release(held->data);
    arena->held = NULL;
    while (arena->blocks) {
        struct arena_block *next = arena->blocks->next;

        free(arena->blocks);
        arena->blocks = next;
    }
    arena->used = 0;
}

static size_t next_room(const struct arena *arena)
{
    size_t room = arena->blocks ? 2 * arena->blocks->size : FIRST;

    return room < BLOCK ? room : BLOCK;
}

/* A block with room for @size; large ones get a block of their own behind the current one. */
static struct arena_block *block_for(struct arena *arena, size_t size)
{
    struct arena_block *block = arena->blocks;
    size_t room = next_room(arena);
    bool own = size > room / 4;

    if (block && block->size - block->used >= size)
        return block;
    block = calloc(1, sizeof(*block) + (own ? size : room));
    if (!block)
        return NULL;
    block->size = own ? size : room;
    if (arena->blocks && own) {
        block->next = arena->blocks->next;
        arena->blocks->next = block;
    } else {
        block->next = arena->blocks;
        arena->blocks = block;
    }
    return block;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    struct arena_block *block;
    void *p;

    if (size > arena->limit || arena->used > arena->limit - size)
        return NULL;
    size = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    if (size == 0)
        size = ALIGN;
    block = block_for(arena, size);
    if (!block)
        return NULL;
    p = block->data + block->used;
    block->used += size;
    arena->used += size;
    return p;
}

char *arena_copy(struct arena *arena, const void *data, size_t len)
{
    char *copy = len < SIZE_MAX ? arena_alloc(arena, len + 1) : NULL;

    if (copy && len)
        memcpy(copy, data, len);
    return copy;
}

char *arena_text(struct arena *arena, const char *text)
{
    return arena_copy(arena, text, strlen(text));
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    char *text, first[SHORT];
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(first, sizeof(first), format, args);
    va_end(args);
    if (n >= 0 && n < SHORT)
        return arena_copy(arena, first, (size_t)n);
    text = n < 0 ? NULL : arena_alloc(arena, (size_t)n + 1);
    if (!text)
        return NULL;
    va_start(args, format);
    vsnprintf(text, (size_t)n + 1, format, args);
    va_end(args);
    return text;
}

ProtobufCBinaryData arena_bytes(struct arena *arena, const void *data, size_t len)
{
    return (ProtobufCBinaryData){.len = len, .data = (uint8_t *)arena_copy(arena, data, len)};
}

int arena_push_value(struct arena *arena, void *list, size_t *count, const void *value, size_t size)
{
    void **array = list;
    size_t n = *count;

    /* The room doubles at each power of two, so it never has to be stored. */
    if (n == 0 || (n >= 8 && (n & (n - 1)) == 0)) {
        char *more = arena_alloc(arena, (n ? 2 * n : 8) * size);

        if (!more)
            return -ENOMEM;
        if (n)
            memcpy(more, *array, n * size);
        *array = more;
    }
    memcpy((char *)*array + n * size, value, size);
    *count = n + 1;
    return 0;
}

int arena_push(struct arena *arena, void *list, size_t *count, void *item)
{
    return arena_push_value(arena, list, count, &item, sizeof(item));
}
