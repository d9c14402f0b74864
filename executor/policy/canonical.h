/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A policy file in its canonical text: fields in the order of the schema, entries as rule_text()
 * says them, processors as cpuset_text(), addresses as listen_text().
 *
 * Comments and empty lines before the first field stay as they are. The reader of YAML does not
 * tell of comments, so one that stands elsewhere would be lost: such a file is refused.
 *
 * Runs in: library.
 * Owns: nothing.
 */
#ifndef POLICY_CANONICAL_H
#define POLICY_CANONICAL_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "policy.pb-c.h"
#include "policy/find.h"

/**
 * canonical_text() - Write a policy file anew
 * @text: borrows; has been loaded, so that its entries can be read
 * @out:  appended to
 *
 * What came of it comes of the new text too, and the new text stays as it is.
 *
 * Return: 0; -EINVAL a comment would be lost, or it is no policy; -ENOMEM; -E2BIG as of @out
 */
int canonical_text(const struct policy_text *text, struct arena *arena, struct buf *out,
                   struct crib_error *err);

/* Replaces the entries of a policy, the list of processors and addresses by their canonical texts.
 * Return: 0; -EINVAL; -ENOMEM. */
int canonical_policy(Crib__Policy *policy, struct arena *arena);

#endif
