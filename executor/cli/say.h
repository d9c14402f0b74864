/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What crib tells a person, on stderr: always whole lines that begin with `crib:`, one write each,
 * control characters made harmless (a path or a task may hold any).
 *
 * Runs in: cli.
 */
#ifndef CLI_SAY_H
#define CLI_SAY_H

#include <stddef.h>

#include "crib/error.h"

void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

void say_error(const struct crib_error *err);

/* Has the lines handed to @take instead, newline and all; NULL: to stderr again. */
void say_to(void (*take)(const char *line, size_t len, void *data), void *data);

/**
 * say_out() - Write to stdout, whole
 *
 * Return: 0; negative errno, and the person has been told
 */
int say_out(const char *data, size_t len);

#endif
