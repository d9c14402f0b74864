/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crib policy where a daemon is named: its site says what may be used.
 *
 * Runs in: cli.
 */
#ifndef CLI_POLICY_REMOTE_H
#define CLI_POLICY_REMOTE_H

#include "cli/request.h"

enum policy_remote { POLICY_CHECK, POLICY_SHOW, POLICY_LIST };

/* @words: names and files; ended by NULL. Return: the exit status. */
int policy_remote(struct request *request, enum policy_remote what, char *const *words);

#endif
