/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shipped policies and groups as the loader makes them, so that no start has to read their
 * text: made by ready/ when the library is built, with this very loader. The text stays in the
 * library, for whoever wants to see it.
 *
 * Runs in: library.
 * Owns: nothing; static.
 */
#ifndef POLICY_READY_H
#define POLICY_READY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "policy.pb-c.h"
#include "policy/groups.h"
#include "task.pb-c.h"

/* A packed message. */
struct ready_bytes {
    const uint8_t *data;
    size_t len;
};

/* An effective policy, and where its parts were written. */
struct ready_policy {
    const char *name;
    const char *made_of; /* itself and its bases, each ended by NUL, then an empty one */
    struct ready_bytes policy, origins;
};

extern const struct ready_policy ready_policies[];
extern const size_t ready_policies_count;

#define READY_NONE UINT16_MAX

/* An entry of a group: another group, a call without condition, or else a text. */
struct ready_entry {
    uint16_t group; /* its index; READY_NONE */
    uint16_t call;  /* its number; READY_NONE */
    uint16_t text;  /* where it begins in the texts */
    uint16_t line;
};

/* Of one group; in the order of shipped_groups. */
struct ready_group {
    const char *about; /* NULL: none */
    const struct ready_entry *entries;
    size_t count;
    const char *texts;
};

extern const struct ready_group ready_groups[];
extern const size_t ready_groups_count;

/**
 * ready_load() - A shipped policy as it was made
 * @dirs:        where names are looked up first; may be NULL
 * @ret_origins: may be NULL
 * @ret_made_of: as of struct ready_policy; static
 *
 * Return: 1; 0 there is none, or one of those that it is made of has another in @dirs; -ENOMEM
 */
int ready_load(const char *name, const char *const *dirs, struct arena *arena, Crib__Policy **ret,
               Crib__Origins **ret_origins, const char **ret_made_of, struct crib_error *err);

/* Fills the shipped groups. Return: 1; 0 there are none; -ENOMEM; -EINVAL. */
int ready_groups_read(struct arena *arena, struct groups *ret, struct crib_error *err);

/**
 * ready_policy_made() - What ready_load() is to give, from the text
 * @ret_made_of: as of struct ready_policy; @ret_len with the empty one's NUL
 *
 * Return: as policy_load()
 */
int ready_policy_made(const char *name, struct arena *arena, Crib__Policy **ret,
                      Crib__Origins **ret_origins, char **ret_made_of, size_t *ret_len,
                      struct crib_error *err);

#endif
