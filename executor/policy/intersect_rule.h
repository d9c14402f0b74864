/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two rules as sets of calls: whether one is in the other, and what is in both.
 *
 * Runs in: library.
 * Owns: nothing.
 */
#ifndef POLICY_INTERSECT_RULE_H
#define POLICY_INTERSECT_RULE_H

#include "policy/rule.h"

/* Return: whether @other surely fits every call that @one fits. */
bool rule_implies(const struct rule *one, const struct rule *other);

/* Return: whether @third surely fits every call that fits both others. */
bool rule_both_imply(const struct rule *one, const struct rule *other, const struct rule *third);

/* Return: whether surely no call fits both. */
bool rule_apart(const struct rule *one, const struct rule *other);

/**
 * rule_both() - The calls that fit two rules of the same call
 * @ret: without a condition that follows from others; with the errno of @one
 *
 * Return: 1; 0 no call fits both; -E2BIG more than CONDITIONS_MAX conditions or PIECES_MAX pieces;
 * -ENOMEM
 */
int rule_both(const struct rule *one, const struct rule *other, struct arena *arena,
              struct rule *ret);

#endif
