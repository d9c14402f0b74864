/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sections `syscalls` of plans, kept for the next plan of the same policy: its rules are expanded,
 * sorted and put into words once.
 *
 * Theory of operation: a section is known by all that it depends on, packed: the policy's part,
 * where that was written, what is traced, and whether there is a listener. The whole of it is
 * compared, so that no policy can be made to look like another one. What is kept is never changed,
 * and plans point into it: it stays as long as it is kept here or one of their arenas lives. The
 * sections of the shipped policies come with the library (plan/ready.h).
 *
 * Runs in: library; any thread.
 * Owns: what is kept.
 */
#ifndef PLAN_RECALL_H
#define PLAN_RECALL_H

#include <stdbool.h>

#include "base/buf.h"
#include "plan/plan.h"

#define RECALL_SECTIONS 32 /* the oldest goes first */

/* What the section of a plan depends on. Return: 0; -ENOMEM. */
int recall_key(const struct planning *p, struct buf *ret);

/* Gives a plan the section of @key and its lines of the receipt. Return: 1; 0 none is kept;
 * -ENOMEM. */
int recall_take(struct planning *p, const struct buf *key);

/* Keeps the section that a plan has, and its receipt from line @first on. Without memory nothing is
 * kept. */
void recall_add(const struct planning *p, const struct buf *key, size_t first);

/* Gives a plan whose section is a kept one the programs of that. Return: whether it has any. */
bool recall_programs(Crib__SyscallsPlan *plan);

/* Keeps the programs of a plan beside its section, where that is a kept one. */
void recall_add_programs(const Crib__SyscallsPlan *plan);

struct filter_programs;

/* Finds the programs of a shipped policy by filter_key(). @ret: they are static. Return: whether
 * there are. */
bool ready_find(const struct buf *key, struct filter_programs *ret);

#endif
