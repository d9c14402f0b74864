/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The facts that take more than a line to find, each on its own so that it can be tested against
 * made-up files.
 *
 * Runs in: library.
 * Owns: nothing.
 */
#ifndef HOST_FACTS_H
#define HOST_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

/**
 * userns_try() - Make a user namespace and use a capability in it
 *
 * A child that shares this process's memory, with no exit signal, so that no handler and no
 * waitpid(-1) of the host program notices it.
 *
 * Return: 0; negative errno of the clone, or of the capability's use
 * Source: user_namespaces(7), clone(2)
 */
int userns_try(void);

/**
 * userns_why() - Say why there are no user namespaces, and what to do about it
 * @code: what userns_try() returned
 * @proc: where proc is mounted: `/proc`
 *
 * Return: a sentence in @arena; NULL: out of memory
 */
const char *userns_why(int code, const char *proc, struct arena *arena);

/**
 * userns_why_not() - The same where a clone into several new namespaces failed
 * @flags: CLONE_NEW…; each is tried alone, so that the one at fault can be named
 */
const char *userns_why_not(int code, int flags, const char *proc, struct arena *arena);

/**
 * idmap_covers() - Whether a user namespace's map has a number
 * @text: borrows; as /proc/PID/uid_map reads, ended by NUL
 * @id:   inside
 */
bool idmap_covers(const char *text, uint32_t id);

/* As idmap_covers(), of @count numbers from @first, all in one line of the map. */
bool idmap_covers_all(const char *text, uint32_t first, uint32_t count);

/* Return: whether this user namespace has numbers to give to tasks, and lets groups be cleared. */
bool idmap_roomy(const char *proc);

/* Reads at most @size - 1 bytes of a small file, ended by NUL. Return: 0; negative errno. */
int facts_read(const char *dir, const char *name, char *text, size_t size);

#endif
