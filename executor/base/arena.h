/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that is given back all at once, with a cap: messages read from text or bytes, and plans,
 * live in one. It is also the bounded allocator that protobuf-c does not have.
 *
 * Runs in: any process.
 * Owns: its blocks.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>
#include <protobuf-c/protobuf-c.h>

struct arena {
    struct arena_block *blocks; /* newest first */
    size_t used;                /* bytes handed out */
    size_t limit;               /* bytes; more is refused */
    struct arena_held *held;    /* newest first */
    ProtobufCAllocator pb; /* hands out of this arena, a NUL behind each; its free does nothing */
};

/* @limit: bytes in all; 0: 256 MiB. The arena must not move afterwards (pb points to it). */
void arena_init(struct arena *arena, size_t limit);

/* Gives everything back; the arena is usable again. Accepts one that is all zero. */
void arena_done(struct arena *arena);

/**
 * arena_hold() - What lives in the arena points into something that others hold as well
 * @release: called with @data when the arena gives everything back
 *
 * Return: 0; -ENOMEM, and nothing is held
 */
int arena_hold(struct arena *arena, void (*release)(void *data), void *data);

/* Return: @size zeroed bytes; NULL when over the limit or out of memory. */
void *arena_alloc(struct arena *arena, size_t size);

/* Return: copies that end in NUL; NULL as above. arena_copy() copies @len bytes and adds a NUL. */
char *arena_text(struct arena *arena, const char *text);
char *arena_copy(struct arena *arena, const void *data, size_t len);
char *arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Return: a protobuf bytes value holding a copy; data NULL when it failed (but not for len 0). */
ProtobufCBinaryData arena_bytes(struct arena *arena, const void *data, size_t len);

/**
 * arena_push() - Append to a protobuf repeated field of pointers
 * @list:  address of the field's array (`&msg->args`)
 * @count: its n_ field
 * @item:  appended as it is
 *
 * Return: 0; -ENOMEM
 */
int arena_push(struct arena *arena, void *list, size_t *count, void *item);

/* As arena_push(), for a repeated field of any element size (bytes, integers). */
int arena_push_value(struct arena *arena, void *list, size_t *count, const void *value,
                     size_t size);

/* A new message of a generated type, initialised: ARENA_NEW(arena, crib__plan, Crib__Plan). */
#define ARENA_NEW(arena, prefix, type)                                                             \
    ({                                                                                             \
        type *new_ = arena_alloc(arena, sizeof(type));                                             \
        if (new_)                                                                                  \
            prefix##__init(new_);                                                                  \
        new_;                                                                                      \
    })

#endif
