/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words for numbers: signals and verdicts.
 *
 * Runs in: crib.
 */
#ifndef HARNESS_NAMES_H
#define HARNESS_NAMES_H

/* Return: the signal of `TERM` or `SIGTERM`; -1 unknown. */
int names_signal(const char *name);

/* Return: `TERM`; `?` for no signal. Static. */
const char *names_of_signal(int signo);

/* Return: `exited`, as Result.Verdict of task.proto has it; `none` for 0. Static. */
const char *names_of_verdict(int verdict);

/* Return: `EPERM`; `0`. Static. */
const char *names_of_errno(int code);

#endif
