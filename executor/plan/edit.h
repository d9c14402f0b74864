/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What would have let a refused call through.
 *
 * Runs in: library.
 * Owns: nothing; texts live in the caller's arena.
 */
#ifndef PLAN_EDIT_H
#define PLAN_EDIT_H

#include "plan.pb-c.h"
#include "policy/rule.h"

/* Return: where an edit goes, `in work.yaml`, `in a policy that extends default`; NULL: no memory.
 */
const char *edit_place(const char *policy, struct arena *arena);

/**
 * edit_allow() - Of a call that no entry names
 * @args: borrows; its arguments
 *
 * Return: `in work.yaml: syscalls: {allow: ["socket(domain == AF_INET)"]}`; NULL: no memory
 */
const char *edit_allow(const Crib__SyscallsPlan *plan, const struct call *call,
                       const uint64_t args[CALLS_ARGS], struct arena *arena);

/* Of a call that an entry of `deny` or `kill` names. Return: a sentence; NULL: no memory. */
const char *edit_deny(const Crib__SyscallsPlan__Answer *answer, struct arena *arena);

#endif
