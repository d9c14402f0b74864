/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policies that whoever extends them can only tighten.
 *
 * Theory of operation: a base that says `ceiling: true` is read once more by itself, with its own
 * bases; when all is merged, the result is held against it by policy_within(). Variables are not
 * replaced by then: a source that names one is the same as another only if it is written the same,
 * and a target that does may lie anywhere.
 *
 * Runs in: library.
 * Owns: nothing; all lives in the arena of the policy.
 */
#ifndef POLICY_CEILING_H
#define POLICY_CEILING_H

#include "policy/check.h"

struct ceiling {
    const struct ceiling *next;
    const char *name; /* as its file is called in errors */
    const Crib__Policy *policy;
};

/**
 * ceilings_check() - Hold a policy against the ceilings among its bases
 * @check:    the policy as written, for the place of what is wider
 * @ceilings: borrows; NULL: none
 * @merged:   borrows; the policy with its bases
 *
 * Return: 0; -EACCES; as policy_within()
 */
int ceilings_check(const struct policy_check *check, const struct ceiling *ceilings,
                   const Crib__Policy *merged);

#endif
