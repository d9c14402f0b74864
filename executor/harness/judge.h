/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is what came of a case what was expected?
 *
 * Runs in: crib.
 * Owns: nothing.
 */
#ifndef HARNESS_JUDGE_H
#define HARNESS_JUDGE_H

#include "harness/findings.h"
#include "harness/suite.h"

/**
 * judge() - Hold a findings against its case, and tell everything that is wrong
 * @why: lines are appended, the first is the shortest account
 *
 * Return: 0 passed; 1 failed; negative errno
 */
int judge(const struct item *item, struct findings *findings, struct buf *why);

/* judge_denials.c: the denials of a case; the same for a line of a policy's `expect`. Return: as
 * judge(). */
int judge_denials(const Crib__Case__Expect *expect, const struct findings *findings,
                  struct buf *why);
int judge_line(const struct item *item, struct findings *findings, struct buf *why);

/* Appends the denials there were, behind a heading; nothing where there were none. */
int judge_show_denials(const struct findings *findings, struct buf *why);

#endif
