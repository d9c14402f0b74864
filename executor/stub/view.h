/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a policy shows of the host by itself.
 *
 * Runs in: crib-stub.
 * Owns: nothing.
 */
#ifndef STUB_VIEW_H
#define STUB_VIEW_H

#include <stdbool.h>

#include "crib/policy.h"

/**
 * view_has() - Look whether a task finds the host's @path, or a place of its own, there
 * @policy: NULL: not known, and so no
 * @at:     the value of a variable CWD; NULL: none
 *
 * Also where the policy mounts something below it, which is not to be covered.
 */
bool view_has(const crib_policy *policy, const char *path, const char *at);

/* Return: whether @path is @top or in it. */
bool view_is_below(const char *path, const char *top);

/* Return: whether the policy has a variable CWD that @vars, ended by NULL, does not set. */
bool view_wants_cwd(const crib_policy *policy, const char *const *vars);

#endif
