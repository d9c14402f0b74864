/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of `crib policy` that look into a policy, one a file. Each takes the words behind its
 * own, says what is wrong on stderr, and shows what it found on stdout.
 *
 * Runs in: cli.
 */
#ifndef CLI_POLICY_TOOLS_H
#define CLI_POLICY_TOOLS_H

#include "cli/request.h"

/* FILE CALL. Return: 0 it is let through; STATUS_INVALID it is not, or it depends; STATUS_FAILED.
 */
int policy_explain_call(char *const *words);

/* A B. Return: 0 there is no difference; STATUS_INVALID there is one; STATUS_FAILED. */
int policy_diff(char *const *words);

/* FILE. Return: 0; STATUS_FAILED. */
int policy_format(char *const *words);

/* FILE... Return: 0; STATUS_INVALID something dangerous is granted without a reason; STATUS_FAILED.
 */
int policy_lint(char *const *words);

/* FILE. Return: 0; STATUS_INVALID the compiled filter is wrong; STATUS_FAILED. */
int policy_prove(char *const *words);

/* [@NAME]. Return: 0; STATUS_FAILED. */
int policy_groups(char *const *words);

/* Its words are options of its own, a program and its arguments. Return: 0 the policy was written;
 * STATUS_…, as of `crib run`, where the program never ran. */
int policy_learn(const struct request *request);

/* --oci NAME. Return: 0; STATUS_FAILED. */
int policy_export(char *const *words);

#endif
