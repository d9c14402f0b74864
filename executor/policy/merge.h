/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Merging a policy over its bases: scalars by the later, lists append, messages field by field.
 *
 * Runs in: library.
 * Owns: nothing.
 */
#ifndef POLICY_MERGE_H
#define POLICY_MERGE_H

#include "base/arena.h"

/**
 * merge_message() - Lay one message over another of the same type
 * @onto: changed; its lists filled by this function or arena_push() alone
 * @over: borrows; its texts, bytes and list elements are shared with @onto afterwards
 *
 * Return: 0; -ENOMEM
 */
int merge_message(ProtobufCMessage *onto, const ProtobufCMessage *over, struct arena *arena);

#endif
