/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the parts of an effective policy were written (Origins of task.proto), so that a denial can
 * name the line behind it.
 *
 * Runs in: library.
 * Owns: nothing; all lives in the arena of the policy.
 */
#ifndef POLICY_ORIGINS_H
#define POLICY_ORIGINS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "policy.pb-c.h"
#include "task.pb-c.h"

struct rule;

/* By strength, as in a filter. */
enum syscalls_list { LIST_DENY, LIST_KILL, LIST_LOG, LIST_ALLOW, LISTS_OF_CALLS };

/* Return: the entries of a list; @syscalls may be NULL. */
char *const *syscalls_entries(const Crib__Syscalls *syscalls, enum syscalls_list list,
                              size_t *ret_count);

/* Return: `syscalls.deny`; static. */
const char *syscalls_path(enum syscalls_list list);

/* Appends the place of the next entry of a list. Return: 0; -ENOMEM. */
int origins_add(Crib__Origins *origins, enum syscalls_list list, Crib__Origins__Place *place,
                struct arena *arena);

/* Return: where an entry was written; NULL: not known. @origins may be NULL, here and below. */
const Crib__Origins__Place *origins_entry(const Crib__Origins *origins, enum syscalls_list list,
                                          size_t index);
const Crib__Origins__Place *origins_mount(const Crib__Origins *origins, size_t index);
const Crib__Origins__Place *origins_limit(const Crib__Origins *origins, const char *name);

/**
 * origins_text() - Say a place in words
 * @place: borrows; NULL: not known
 *
 * Return: `default.yaml:90:7, extended by work.yaml:2:11`, in @arena; "" not known; NULL: no memory
 */
const char *origins_text(const Crib__Origins__Place *place, struct arena *arena);

/* The same of a rule that came of an entry of @list, with its group if it has one:
 * `default.yaml:31:7, in @file-read (groups/file-read.yaml:12)`. */
const char *origins_rule_text(const Crib__Origins *origins, enum syscalls_list list,
                              const struct rule *rule, struct arena *arena);

/* Return: whether @origins, which came from elsewhere, can be those of @policy: as many places as
 * entries, each a short text. */
bool origins_fit(const Crib__Origins *origins, const Crib__Policy *policy);

#endif
