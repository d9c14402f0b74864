/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a call that was seen to the entry of a policy that allows it.
 *
 * Runs in: crib.
 * Owns: nothing.
 */
#ifndef LEARN_SHAPE_H
#define LEARN_SHAPE_H

#include "policy/rule.h"

/**
 * shape_rule() - The narrowest entry that a learnt policy has for a call
 * @args: of the call, six
 * @ret:  what it points to is in @arena
 *
 * Return: 0; -ENOMEM
 */
int shape_rule(const struct call *call, const uint64_t *args, struct arena *arena,
               struct rule *ret);

/**
 * shape_join() - Widen an entry by another, where both are one by the table
 * @onto:  changed only when they are; its conditions may be shared, and are copied
 * @other: borrows
 *
 * Return: 1 joined, 0 they stay apart; -ENOMEM
 */
int shape_join(struct rule *onto, const struct rule *other, struct arena *arena);

/* Return: whether all that @inner allows is allowed by @outer; where it cannot be seen easily,
 * not. */
bool shape_within(const struct rule *inner, const struct rule *outer);

#endif
