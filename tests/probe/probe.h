/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The probe: one program whose verbs look at a sandbox from inside, or try to break it, and say in
 * plain lines what came of it: `NAME ok`, `NAME EPERM`, or `NAME value value`.
 *
 *     probe fds
 *     probe write /tmp/x hello , cat /tmp/x , exit 3
 *
 * Verbs are separated by a lone comma; the status is the last verb's.
 *
 * Runs in: the task.
 */
#ifndef PROBE_PROBE_H
#define PROBE_PROBE_H

#include <stddef.h>

struct verb {
    const char *name;
    int (*run)(int argc, char **argv); /* argv[0] is the verb; returns the exit status */
    int args;                          /* fewest arguments */
};

/* One table a family, each ended by a NULL name. */
extern const struct verb state_verbs[], file_verbs[], call_verbs[], net_verbs[], ipc_verbs[],
    attack_verbs[], life_verbs[], channel_verbs[], terminal_verbs[], pair_verbs[], handed_verbs[];

/* Prints `WHAT ok`, or `WHAT ERRNO` when @result is below 0 (errno is looked at then).
 * Return: whether it went well. */
int say(const char *what, long result);

/* Return: `EPERM`. */
const char *errno_name(int code);

/* Return: a number in any base; the program ends with 99 when @text is none. */
long number(const char *text);

/* Prints a file's bytes. Return: 0; -1 and errno. */
int print_file(const char *path);

#endif
