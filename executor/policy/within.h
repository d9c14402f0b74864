/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether one policy is at least as strict as another: what somebody may ask for who was told how
 * wide a policy may be.
 *
 * Theory of operation: field by field, each with its own meaning of "more" (the table in within.c).
 * It is a proof, not a guess: where a policy grants no more but it cannot be seen easily, the
 * answer is no. Both policies are effective: `extends` is merged, and what is unset has its safe
 * meaning.
 *
 * System calls: whatever the policy lets through, the widest lets through: a call without a
 * condition needs one without, a call with one needs one that holds whenever it does. What the
 * widest denies or kills, the policy denies or kills too, or does not allow. To deny what the
 * widest kills is no grant. What the widest logs is logged too: to pass in silence is one.
 *
 * Mounts: the sources of binds are compared whole. A part of a source that the widest shows is
 * refused, since a symlink on the way could lead out of it. Where the widest covers a part of a
 * bind by a later mount, the policy covers it too. All tmpfs together hold no more than those of
 * the widest. With `namespaces.mount: host` the widest shows everything.
 *
 * Addresses of `listen`: each is one of the widest's, or a part of one; not of several together.
 *
 * The environment, the content of files, symlinks and directories grant nothing: whoever gives a
 * program to run may give it those too.
 *
 * Runs in: library.
 * Owns: nothing.
 */
#ifndef POLICY_WITHIN_H
#define POLICY_WITHIN_H

#include <stdbool.h>

#include "base/error.h"
#include "policy.pb-c.h"

/* Of a policy; more are not compared, but refused. A task has fewer. */
#define WITHIN_MAX_MOUNTS     256
#define WITHIN_MAX_CONDITIONS 2048

/**
 * policy_within() - Does a policy grant nothing that another does not?
 * @policy:       borrows; effective
 * @widest:       borrows; effective
 * @own_binds_ro: read-only binds of anything are no grant: their sources are opened with the rights
 *                of whoever asks; device nodes on them never work, unless @widest says so
 * @own_binds_rw: nor are writable ones
 * @err:          step is the field (`namespaces.net`, `mounts`, `syscalls.allow`), index the
 *                position in its list; what is wider, and what the widest allows
 *
 * Return: 0; -EACCES; -EPROTO, -EINVAL, -E2BIG @policy or @widest is not one that was checked;
 * -ENOMEM
 */
int policy_within(const Crib__Policy *policy, const Crib__Policy *widest, bool own_binds_ro,
                  bool own_binds_rw, struct crib_error *err);

/**
 * policy_within_added() - Do mounts on top of a policy grant nothing that another does not?
 * @policy: borrows; effective; what it grants itself is not asked
 * @mounts: borrows; carried out behind those of @policy; a bind may have no target (it is the
 * source)
 * @err:    step `task.mounts`, index the position in @mounts
 *
 * Return: as policy_within()
 */
int policy_within_added(const Crib__Policy *policy, Crib__Mount *const *mounts, size_t count,
                        const Crib__Policy *widest, bool own_binds_ro, bool own_binds_rw,
                        struct crib_error *err);

#endif
