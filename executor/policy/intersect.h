/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What two policies both grant: a policy, cut down to a ceiling.
 *
 * Theory of operation: field by field, as policy_within() compares them.
 *
 *     syscalls      deny and kill of both. A call is let through where both let it through, under
 *                   the conditions of both, and logged where one of them logs it. Entries that the
 *                   ceiling lets through whole stay as they are written
 *     caps          those of both; none where the namespaces of the two differ, since a capability
 *                   is another power over a new one
 *     limits        the lower; only preferred where whoever sets it only prefers it
 *     namespaces    new, but where both have the host's
 *     net           the ports of both lists; a list that is empty is no rule, so the other counts.
 *                   loopback and abstract sockets where both have them
 *     ids, landlock the stronger
 *     listen        what an address of the one has in common with one of the other
 *     env.pass      the names that both pass. env.set is the policy's: whoever gives a program to
 *                   run may give it those
 *     mounts        the policy's. A source that the ceiling shows with less (read-only, without
 * exec or dev) is shown like that. Where the policy has the host's tree and the ceiling has not,
 * the ceiling's mounts
 *
 * What cannot be cut down or not be said is refused, never widened. Last of all the result is held
 * against both by policy_within().
 *
 * Runs in: library.
 * Owns: nothing.
 */
#ifndef POLICY_INTERSECT_H
#define POLICY_INTERSECT_H

#include "base/arena.h"
#include "policy/within.h"

#define INTERSECT_MAX_PAIRS 4096 /* rules of one call, each with each of the other's, in all */

/**
 * policy_intersect() - Cut a policy down
 * @policy:       borrows; effective, variables replaced; as long as the result
 * @ceiling:      borrows; the same
 * @own_binds_ro: as in policy_within(), and below
 * @ret:          in @arena; shares with both; no ceiling itself
 * @err:          step and index as in policy_within(): what cannot be cut down
 *
 * Return: 0; -EACCES; -E2BIG; as policy_within()
 */
int policy_intersect(const Crib__Policy *policy, const Crib__Policy *ceiling, bool own_binds_ro,
                     bool own_binds_rw, struct arena *arena, Crib__Policy **ret,
                     struct crib_error *err);

#endif
