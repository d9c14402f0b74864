/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Variables of a policy: `${TASK_DIR}` in mounts (source, target) and in the values of env.set.
 *
 * Theory of operation: a text is looked at from left to right. `${` begins a name, which `}` ends;
 * of dollars in front of a `{` two stand for one, so that `$${` is a `${` that begins nothing. All
 * other dollars are what they are. What a name is replaced by is not looked at again.
 *
 * A policy is checked where it is read: each name that it uses is declared, in it or in a base.
 * The values are put in once, when bases are merged and the caller is known.
 *
 * Runs in: library.
 * Owns: nothing.
 */
#ifndef POLICY_VARS_H
#define POLICY_VARS_H

#include <stdbool.h>

#include "base/arena.h"
#include "policy/check.h"

#define VARS_MAX          64          /* of a policy with its bases, and given by a caller */
#define VARS_NAME_LONGEST 64          /* bytes */
#define VARS_LONGEST      (32 * 1024) /* bytes of a value */
#define VARS_TEXT_LONGEST                                                                          \
    (128 * 1024) /* bytes of a text, values put in; the kernel takes no more */

/* Return: whether a text is read again when values are put in: there is a `${` in it. */
bool vars_in(const ProtobufCBinaryData *text);

/* The part of policy_check() that is about variables: their names, and what begins with `${`. */
int policy_check_vars(const struct policy_check *check);

/**
 * vars_lay() - Lay a policy's variables over those of its bases
 * @check: the policy; what it uses must be declared in it or in @onto
 * @own:   a copy of the policy; left with those variables that are new
 * @onto:  its bases, merged; their variables changed
 *
 * A base's `fixed` stays, and the value with it.
 *
 * Return: 0; -EINVAL; -E2BIG over VARS_MAX; -ENOMEM
 */
int vars_lay(const struct policy_check *check, Crib__Policy *own, Crib__Policy *onto,
             struct arena *arena);

/**
 * policy_expand_vars() - Put the values in
 * @policy: borrows; effective; what is not changed is shared with the result
 * @vars:   borrows; `NAME=VALUE`, as the caller gives them; beat the policy's own
 * @ret:    in @arena, without variables; @policy itself where there is nothing to do
 * @err:    step `vars`, or the mount that cannot be one any more
 *
 * Return: 0; -EINVAL a name that is not declared, or has no value, or a path that is none; -EACCES
 * the value is fixed; -E2BIG; -ENOMEM
 */
int policy_expand_vars(const Crib__Policy *policy, const ProtobufCBinaryData *vars, size_t count,
                       struct arena *arena, Crib__Policy **ret, struct crib_error *err);

#endif
