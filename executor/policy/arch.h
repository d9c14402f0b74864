/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of `syscalls` that are for one architecture each.
 *
 * Theory of operation: what is for this machine's architecture stands behind the entries of the
 * same list, and is from then on an entry like any other, with the place where it was written. The
 * rest is looked at as far as it can be without that architecture's table of calls, and left out.
 *
 * Runs in: library.
 * Owns: nothing.
 */
#ifndef POLICY_ARCH_H
#define POLICY_ARCH_H

#include "base/arena.h"
#include "policy/check.h"

#define ARCH_MAX_PARTS 16 /* of one policy */

/**
 * arch_apply() - Take the parts of a policy in, before it is checked
 * @check: its policy changed: `syscalls` has no `arch` afterwards
 * @marks: of the policy; appended to; NULL: it has none
 * @arch:  this machine's: arch_here()
 *
 * Return: 0; -EINVAL an entry that no architecture has, or an unknown group; -E2BIG; -ENOMEM
 */
int arch_apply(const struct policy_check *check, struct text_marks *marks,
               Crib__Syscalls__Arch arch, struct arena *arena);

/* Return: the architecture that crib is built for. */
Crib__Syscalls__Arch arch_here(void);

#endif
