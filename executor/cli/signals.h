/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals by their names.
 *
 * Runs in: cli.
 */
#ifndef CLI_SIGNALS_H
#define CLI_SIGNALS_H

/* `TERM`, `SIGTERM`, `15`. Return: the number; -EINVAL. */
int signal_number(const char *text);

#endif
