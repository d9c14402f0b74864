/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a name, a file or a message to an effective policy: read, bases merged, checked.
 *
 * Theory of operation: a policy is named (`strict`), found in the directories given and then among
 * the shipped ones that are compiled into the library; or it is a path, which has a slash or ends
 * in .yaml, .yml or .json. `extends` is resolved depth first, in order: scalars by the deriving
 * file, lists append, bases first. A base that is reached twice counts once, where it is reached
 * first. The result has no `extends` left. Every entry is checked where its file and line are still
 * known.
 *
 * Runs in: library.
 * Owns: nothing; the policy lives in the caller's arena.
 */
#ifndef POLICY_LOAD_H
#define POLICY_LOAD_H

#include "base/arena.h"
#include "base/error.h"
#include "policy.pb-c.h"
#include "policy/origins.h"

#define POLICY_MAX_BYTES   (256 * 1024)
#define POLICY_MAX_EXTENDS 16 /* depth of `extends`, and bases of one policy */
#define POLICY_MAX_FILES   64 /* bases in all */

/**
 * policy_load() - The effective policy of a name or path
 * @name:        borrows
 * @dirs:        borrows; directories searched for names before the shipped ones, ends in NULL, may
 *               be NULL
 * @ret:         set to a policy in @arena, without `extends`
 * @ret_origins: set to where its parts were written, in @arena; may be NULL, here and below
 * @err:         "file:line:column: …"
 *
 * The file is opened without waiting (a FIFO is refused), must be regular, and at most
 * POLICY_MAX_BYTES. A relative path in `extends` is relative to the file that says it.
 *
 * Return: 0; -ENOENT no such policy; -ELOOP extends itself; -E2BIG over a cap; -EISDIR, -EFBIG,
 *         -EINVAL; -ENOMEM; what open(2) or read(2) say
 */
int policy_load(const char *name, const char *const *dirs, struct arena *arena, Crib__Policy **ret,
                Crib__Origins **ret_origins, struct crib_error *err);

struct policy_seen; /* find.h */

/* policy_load() that also tells in @arena what it has found on the way: as long as
 * policy_seen_again() says so, it would give the same. */
int policy_load_seen(const char *name, const char *const *dirs, struct arena *arena,
                     Crib__Policy **ret, Crib__Origins **ret_origins, struct policy_seen **ret_seen,
                     size_t *ret_count, struct crib_error *err);

/**
 * policy_parse() - The effective policy of a text
 * @name: borrows; the text's name in errors, its directory the start of relative bases
 * @data: borrows; may be NULL when @len is 0
 *
 * Return: as policy_load()
 */
int policy_parse(const char *name, const void *data, size_t len, const char *const *dirs,
                 struct arena *arena, Crib__Policy **ret, Crib__Origins **ret_origins,
                 struct crib_error *err);

/**
 * policy_resolve() - The effective policy of a message from elsewhere
 * @policy: borrows; unknown fields and enum values are refused
 *
 * Relative bases start in the cwd.
 *
 * Return: as policy_load(); -EPROTO as text_unknown()
 */
int policy_resolve(const Crib__Policy *policy, const char *const *dirs, struct arena *arena,
                   Crib__Policy **ret, Crib__Origins **ret_origins, struct crib_error *err);

/* Return: the names of the shipped policies, sorted, ended by NULL; static. */
const char *const *policy_shipped(void);

#endif
